#!/usr/bin/env bash
# The quick part of the tests, for every few minutes of work: no database, no browser, no window.
source "$(dirname "$0")/steps.sh"

step 2 "Formatting (cargo fmt --check)" cargo fmt --all --check
step 15 "Lints of the parts without a window (clippy)" \
  cargo clippy --workspace --exclude clara-field --all-targets -- -D warnings
step 10 "Rules, planner and contract (cargo test)" cargo test -p clara-domain -p clara-sync -p clara-contract
if have ui/package.json; then
  install_ui
  if have_script check; then step 5 "Front end: types (svelte-check)" npm --prefix ui run check; fi
  if have_script test; then step 5 "Front end: tests (vitest)" npm --prefix ui run test; fi
fi
