#!/usr/bin/env bash
# Drives the built app in its real webview: a screen, a message bus and a keyring of its own, so that it touches neither
# the desktop nor the keyring of whoever runs it. Pictures of what is seen are left in target/webview.
#   webview.sh [STORY]    all of them, or those whose name has this in it
# All of them leave what they print in target/faults/webview.log, for scripts/faults.sh.
source "$(dirname "$0")/steps.sh"

if [ "${1:-}" != --inside ]; then
  { command -v xvfb-run && command -v dbus-run-session && command -v WebKitWebDriver; } >/dev/null ||
    die "the webview tests need xvfb, dbus and webkit2gtk-driver: scripts/setup.sh test installs them"
  if [ -f ui/package.json ]; then
    install_ui
    step 5 "The app's pages (vite build)" npm --prefix ui run build
  fi
  step 30 "The app itself (cargo build)" cargo build --locked -p clara-cli -p clara-field
  step 30 "The stories that are told in it (cargo test --no-run)" \
    cargo test --locked -p clara-tests --features webview --test webview --no-run

  home=$(mktemp -d "${TMPDIR:-/tmp}/clara-webview.XXXXXX")
  trap 'rm -rf "$home"' EXIT
  mkdir -m 700 "$home"/{data,config,cache,state,runtime}
  # No accessibility bridge and no GPU buffers: neither exists under Xvfb, and WebKit waits for both.
  step 15 "The built app in its real webview" env -u WAYLAND_DISPLAY -u DBUS_SESSION_BUS_ADDRESS \
    XDG_DATA_HOME="$home/data" XDG_CONFIG_HOME="$home/config" XDG_CACHE_HOME="$home/cache" \
    XDG_STATE_HOME="$home/state" XDG_RUNTIME_DIR="$home/runtime" \
    GDK_BACKEND=x11 NO_AT_BRIDGE=1 WEBKIT_DISABLE_DMABUF_RENDERER=1 WEBKIT_DISABLE_COMPOSITING_MODE=1 \
    xvfb-run --auto-servernum --server-args="-screen 0 1366x900x24" \
    dbus-run-session -- "$PWD/scripts/webview.sh" --inside "$@"
  exit
fi

# An unlocked keyring that forgets everything: its folder goes with this run.
printf 'for this run only' | gnome-keyring-daemon --unlock --components=secrets >/dev/null 2>&1

log=target/faults/webview.log
if [ $# -gt 1 ]; then log=target/faults/webview-some.log; fi
told $log cargo test --locked -p clara-tests --features webview --test webview -- --show-output --test-threads=1 "${@:2}"
