# Sourced by the other scripts: headings, time limits, and what they share.
# shellcheck shell=bash
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
export CARGO_TERM_COLOR="${CARGO_TERM_COLOR:-auto}"

say() { printf '%s\n' "$*"; }
heading() { printf '\n==> %s\n' "$*"; }
die() { printf '\nerror: %s\n' "$*" >&2; exit 1; }

# step MINUTES WHAT COMMAND...: says what, runs it within the time, ends everything if it fails.
step() {
  local minutes=$1 what=$2 began=$SECONDS status=0 at_terminal=()
  shift 2
  heading "$what"
  # At a terminal, so that Ctrl-C reaches the command; elsewhere not, so that the end of its time reaches its children.
  if [ -t 1 ]; then at_terminal=(--foreground); fi
  timeout "${at_terminal[@]}" --kill-after=20 "${minutes}m" "$@" </dev/null || status=$?
  if [ "$status" -eq 124 ] || [ "$status" -eq 137 ]; then die "'$what' took longer than $minutes minutes and was stopped"; fi
  if [ "$status" -ne 0 ]; then die "'$what' failed (exit code $status)"; fi
  say "    done in $((SECONDS - began)) s"
}

# told LOG COMMAND...: runs tests with `--show-output`. LOG gets all of it; shown is what a person wants to know.
told() {
  local log=$1
  shift
  mkdir -p "$(dirname "$log")"
  "$@" </dev/null 2>&1 | tee "$log" | sed --unbuffered --quiet --regexp-extended --file scripts/told.sed
}

# The front end's packages, as package-lock.json states them; again only when it has changed.
install_ui() {
  local stamp=ui/node_modules/.installed-from want
  want=$(sha256sum ui/package-lock.json | cut -d' ' -f1)
  if [ "$(cat "$stamp" 2>/dev/null)" = "$want" ]; then return; fi
  step 10 "npm ci: the packages of ui/package-lock.json" npm --prefix ui ci --no-audit --no-fund
  say "$want" >"$stamp"
}

# A Chromium for the browser tests: the one named, the machine's, or Playwright's own.
find_chromium() {
  local name
  for name in "${CHROMIUM:-}" chromium google-chrome-stable google-chrome \
    "$HOME"/.cache/ms-playwright/chromium-*/chrome-linux*/chrome; do
    if [ -n "$name" ] && command -v "$name"; then return; fi
  done
  return 1
}

# Whether a part of the house exists; says so where it does not, so that nothing is left out in silence.
have() { if [ -e "$1" ]; then return 0; fi; heading "Left out: there is no $1"; return 1; }

# Whether the front end has this npm script.
have_script() {
  if node -e 'process.exit(require("./ui/package.json").scripts?.[process.argv[1]] ? 0 : 1)' "$1"; then return 0; fi
  heading "Left out: ui/package.json has no script '$1'"
  return 1
}

# Programs that cargo installs.
# shellcheck disable=SC2034
tools=$PWD/target/tools
