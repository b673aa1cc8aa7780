#!/usr/bin/env bash
# The simulator's share of CI: every control is caught, then 2,000 seeds of 5 laptops and 30 days, each twice, and every
# meeting of two kinds of operation under every fault has occurred. `scripts/simulate.sh SECONDS` goes on with new seeds
# for as long as one likes.
source "$(dirname "$0")/steps.sh"

step 20 "The simulator (cargo build)" cargo build --locked --profile bench -p clara-simulation
simulate=target/release/simulate

if [ -n "${1:-}" ]; then
  "$simulate" --soak "$1" --seeds "${CLARA_FIRST_SEED:-1000000}" --once --threads "$(nproc)"
  exit
fi
step 10 "Controls: what is broken on purpose is noticed" "$simulate" --control all --seeds 0..200
step 30 "Simulation: ${CLARA_SEEDS:-2000} seeds of 5 laptops and 30 days" \
  "$simulate" --seeds "0..${CLARA_SEEDS:-2000}" --threads "$(nproc)" --coverage
