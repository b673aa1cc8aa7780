#!/usr/bin/env bash
# Pictures of every screen, in Chromium on the demo data.
source "$(dirname "$0")/steps.sh"

have_script screens || die "ui/package.json has no script 'screens'"
CHROMIUM=$(find_chromium) || die "no Chromium was found"
export CHROMIUM
step 15 "Pictures of every screen (Playwright in Chromium)" npm --prefix ui run screens
say "    in ui/test-results"
