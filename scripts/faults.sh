#!/usr/bin/env bash
# Writes docs/faults.md: every fault, the tests that show what becomes of it, and the figures of their last run.
#
#   scripts/faults.sh           runs all tests, those of the webview too, and reads what they print
#   scripts/faults.sh LOG...    reads logs that are there: of `cargo test … -- --show-output`, of scripts/webview.sh
#
# A row of tests/faults/rows.txt without a test or a reason, and a test that did not run or did not pass, fail it.
source "$(dirname "$0")/steps.sh"

rows=tests/faults/rows.txt
page=docs/faults.md

if [ $# -eq 0 ]; then
  mkdir -p target/faults
  set -- target/faults/run.log target/faults/webview.log
  heading "All tests, with what they print"
  status=0
  cargo test --locked --workspace --lib --bins --tests --no-fail-fast -- --show-output >"$1" 2>&1 </dev/null || status=$?
  grep -E '^(figure: |test result: |test .* FAILED$)' "$1" || true
  if [ "$status" -ne 0 ]; then die "tests failed: see $1"; fi
  heading "The app in its webview"
  scripts/webview.sh >"$2" 2>&1 </dev/null || die "stories of the webview failed: see $2"
fi

new=$(mktemp)
trap 'rm -f "$new"' EXIT
if ! awk -v logs="$*" -f scripts/faults.awk $rows >"$new"; then die "$page was left as it is"; fi
mv "$new" $page
chmod 644 $page
trap - EXIT
say "    $page is written"
