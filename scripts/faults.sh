#!/usr/bin/env bash
# Writes docs/faults.md: every fault, the tests that show what becomes of it, and the figures of their last run.
#
#   scripts/faults.sh                 runs all tests, those of the webview too, and reads what they print
#   scripts/faults.sh LOG...          reads logs that are there: scripts/rust.sh and scripts/webview.sh leave them
#   scripts/faults.sh --check LOG...  writes nothing, and fails where the page would have other rows or other tests
#
# A row of tests/faults/rows.txt without a test or a reason, and a test that did not run or did not pass, fail it.
source "$(dirname "$0")/steps.sh"

rows=tests/faults/rows.txt
page=docs/faults.md
check=false
if [ "${1:-}" = --check ]; then
  check=true
  shift
fi

if [ $# -eq 0 ]; then
  heading "All tests, with what they print"
  scripts/rust.sh
  heading "The app in its webview"
  scripts/webview.sh
  set -- target/faults/run.log target/faults/webview.log
fi

new=$(mktemp)
trap 'rm -f "$new"' EXIT
if ! awk -v logs="$*" -f scripts/faults.awk $rows >"$new"; then die "$page was left as it is"; fi
if $check; then
  # How often a fault struck is another number each time.
  without_figures() { sed -E 's/ \| [0-9]+ \| [0-9]+ \|$/ | n | n |/' "$1"; }
  diff <(without_figures $page) <(without_figures "$new") || die "$page is not what ran: write it with scripts/faults.sh $*"
  say "    $(grep -c '^## ' "$new") rows, each with tests that ran or a reason"
  exit
fi
mv "$new" $page
chmod 644 $page
trap - EXIT
say "    $page is written"
