#!/usr/bin/env bash
# Everything that CI runs, in order; the first failure ends it.
source "$(dirname "$0")/steps.sh"

# What is generated is committed. Written by a test and by the app's build, so it is looked at before either.
generated() { find ui/src/generated -type f -exec sha256sum {} + 2>/dev/null | sort -k 2; }
generated_before=$(generated)

step 2 "Formatting (cargo fmt --check)" cargo fmt --all --check

step 2 "Fences: one owner for each library" scripts/fences.sh

if have ui/package.json; then
  CHROMIUM=$(find_chromium) || die "no Chromium was found"
  export CHROMIUM
  step 5 "The app's pages (vite build)" npm --prefix ui run build
fi

step 30 "Lints (clippy, warnings are errors)" cargo clippy --locked --workspace --all-targets -- -D warnings

step 10 "Types for the front end (cargo test -p clara-contract writes ui/src/generated)" cargo test --locked -p clara-contract
if [ "$(generated)" != "$generated_before" ]; then
  diff <(printf '%s\n' "$generated_before") <(generated) || true
  die "ui/src/generated was not what the Rust types say. It has been written anew: look at it and commit it"
fi

step 30 "The test programs (cargo test --no-run)" cargo test --locked --workspace --lib --bins --tests --no-run
step 60 "Rust tests, on a private PostgreSQL, a real PgBouncer and real SQLCipher files" scripts/rust.sh
step 30 "The simulator catches every program that is broken on purpose" scripts/simulate.sh controls
step 10 "Examples in the documentation" cargo test --locked --workspace --doc

if have ui/package.json; then
  if have_script check; then step 5 "Front end: types (svelte-check)" npm --prefix ui run check; fi
  if have_script lint; then step 5 "Front end: lints (eslint)" npm --prefix ui run lint; fi
  if have_script test; then step 5 "Front end: tests (vitest)" npm --prefix ui run test; fi
  if compgen -G 'ui/e2e/*.spec.ts' >/dev/null; then
    step 15 "Front end: flows in Chromium (Playwright)" npm --prefix ui run e2e
  else
    heading "Left out: ui/e2e has no flows"
  fi
fi

if have tests/webview; then
  step 45 "The app itself, in its real webview (scripts/webview.sh)" scripts/webview.sh
  step 1 "The page of faults has the tests that ran (docs/faults.md)" \
    scripts/faults.sh --check target/faults/run.log target/faults/webview.log
fi

step 30 "Dependencies: licenses, sources, known vulnerabilities (scripts/audit.sh)" scripts/audit.sh --say

heading "All of it passed, in $((SECONDS / 60)) min $((SECONDS % 60)) s"
