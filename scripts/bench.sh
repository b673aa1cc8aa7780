#!/usr/bin/env bash
# The figures, from an optimized build. Each is measured beside its floor in the same run, and stated as a ratio.
source "$(dirname "$0")/steps.sh"

compgen -G 'tests/benches/*.rs' >/dev/null || die "tests/benches holds no benchmark"
step 60 "Building, optimized" cargo bench --locked -p clara-tests --no-run
step 60 "Measuring" cargo bench --locked -p clara-tests
