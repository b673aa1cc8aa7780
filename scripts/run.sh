#!/usr/bin/env bash
# Starts the demo company on a private PostgreSQL. With a display it opens the app on it; without one it tells the whole
# story in this terminal and compares both sides.
source "$(dirname "$0")/steps.sh"
folder=$PWD/.clara

if [ -z "${DISPLAY:-}${WAYLAND_DISPLAY:-}" ]; then
  step 30 "Building (there is no display, so without the window)" cargo build --locked -p clara-cli
  heading "The story of a day, headless"
  exec target/debug/clara demo
fi

step 5 "The app's pages (vite build)" npm --prefix ui run build
step 45 "Building the app" cargo build --locked -p clara-cli -p clara-field

heading "The demo company, on a private PostgreSQL in $folder"
pipes=$(mktemp -d)
mkfifo "$pipes/in" "$pipes/out"
target/debug/clara demo --serve --folder "$folder" <"$pipes/in" >"$pipes/out" &
server=$!
# Its end of file, should this script be killed, tells the demo to stop.
exec 4>"$pipes/in" 3<"$pipes/out"
rm -r "$pipes"
# In order, also after Ctrl-C: the server writes its last checkpoint.
stop() {
  trap - EXIT INT TERM
  kill -TERM "$server" 2>/dev/null || true
  wait "$server" 2>/dev/null || true
}
trap stop EXIT
trap 'exit 130' INT TERM

IFS= read -r profiles <&3 || die "the demo company did not start; the reason stands above"
profile() { node -e 'console.log(JSON.parse(process.argv[1])[process.argv[2]])' "$profiles" "$1"; }
technician=$(profile technician)
manager=$(profile manager)
say "    the technician's laptop: $technician"
say "    the manager's laptop:    $manager"
say "    to open the manager's as well, in another terminal:"
say "      CLARA_PROFILE='$manager' target/debug/clara-field"

heading "The app, as the technician (close the window to stop everything)"
say "    if it asks for a passphrase: $(profile passphrase)"
target/debug/clara-field --profile "$technician" 3<&- 4>&-
