#!/usr/bin/env bash
# All Rust tests but those in the webview. All that they print goes to target/faults/run.log, from which scripts/faults.sh
# makes the page of faults; shown are what is run, figures, results, and everything of what failed.
source "$(dirname "$0")/steps.sh"

told target/faults/run.log \
  cargo test --locked --workspace --lib --bins --tests --no-fail-fast -- --show-output
