#!/usr/bin/env bash
# The figures, from an optimized build. Each is measured beside its floor in the same run, and stated as a ratio; the
# table is printed and written to docs/figures.md. One part alone: scripts/bench.sh search
source "$(dirname "$0")/steps.sh"

benches=(-p clara-local -p clara-tests --bench mirror --bench figures)
for_floors() { command -v "$1" >/dev/null || say "    $1 is not installed: $2"; }
for_floors sqlite3 "first sync and pull are measured without their floor"
for_floors redis-server "lookups are compared with a bare round trip over loopback, which no Redis beats"
step 60 "Building, optimized" cargo bench --locked "${benches[@]}" --no-run
step 20 "Measuring" cargo bench --locked "${benches[@]}" -- "$@"
