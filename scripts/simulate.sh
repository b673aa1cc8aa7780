#!/usr/bin/env bash
# The simulator. Each of these ends at the first failure, which prints its shortest story:
#   scripts/simulate.sh            controls, then 1,000 seeds of 5 laptops and 30 days, each twice with equal hashes, in
#                                  which every meeting of two kinds of operation under every fault occurs
#   scripts/simulate.sh controls   only: every program that was broken on purpose is caught
#   scripts/simulate.sh SECONDS    new seeds for so long
#   scripts/simulate.sh record FILE A..B   these seeds, each twice, added up in a file; the same call again goes on where
#                                  it was stopped, and never ends at a failure
source "$(dirname "$0")/steps.sh"

step 20 "The simulator (cargo build)" cargo build --locked --profile bench -p clara-simulation
simulate=target/release/simulate
# Memory that one seed gives back the next one takes: the system need not have it in between.
export MIMALLOC_PURGE_DELAY=-1

if [ "${1:-}" = record ]; then
  if [ $# -lt 3 ]; then die "which file and which seeds? scripts/simulate.sh record FILE A..B"; fi
  if [ -n "$(git status --porcelain -- crates Cargo.lock Cargo.toml migrations-local)" ]; then
    die "a record names a commit, and what stands here is not committed"
  fi
  # Longer than any step may take: it can be stopped and goes on.
  "$simulate" --record "$2" --seeds "$3" --threads "$(nproc)" --commit "$(git rev-parse --short HEAD)" "${@:4}"
  exit
fi
step 10 "Controls: what is broken on purpose is noticed" "$simulate" --control all --seeds 0..200
if [ "${1:-}" = controls ]; then exit; fi
if [ -n "${1:-}" ]; then
  "$simulate" --soak "$1" --seeds "${CLARA_FIRST_SEED:-1000000}" --once --threads "$(nproc)"
  exit
fi
step 30 "Simulation: ${CLARA_SEEDS:-1000} seeds of 5 laptops and 30 days" \
  "$simulate" --seeds "0..${CLARA_SEEDS:-1000}" --threads "$(nproc)" --coverage
