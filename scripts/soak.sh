#!/usr/bin/env bash
# What CI has no time for, for as long as one likes: `scripts/soak.sh [SECONDS]`, or `make soak SECONDS=36000`.
# Half of it goes to new seeds of the simulator; then every story of disk, faults and hostile input strikes for as long as
# the sixth part, with a million values against both sides. Starts where CLARA_FIRST_SEED says: another number each time
# proves more than the same one again.
source "$(dirname "$0")/steps.sh"

seconds=${1:-3600}
case $seconds in '' | *[!0-9]*) die "how long? scripts/soak.sh SECONDS" ;; esac
if [ "$seconds" -lt 60 ]; then die "at least 60 seconds"; fi
share=$((seconds / 6))
# Building comes on top, and a story ends what it has begun.
minutes() { echo $(($1 / 60 + 60)); }

step "$(minutes $((seconds / 2)))" "Simulator: new seeds for $((seconds / 2)) s" scripts/simulate.sh $((seconds / 2))
export CLARA_SOAK_SECONDS=$share CLARA_SEED=${CLARA_SEED:-$(date +%s)}
say "    the stories begin at CLARA_SEED=$CLARA_SEED"
step "$(minutes $((seconds * 2)))" "Disk: kills, power cuts, full disks, rot, each for up to $share s" \
  cargo test --locked -p clara-tests --test storage -- --show-output
step "$(minutes $((seconds * 2)))" "Faults of network, server and office, each for up to $share s" \
  cargo test --locked -p clara-tests --test faults -- --show-output
step "$(minutes $((seconds * 2)))" "Hostile input, a million values on both sides" \
  cargo test --locked -p clara-tests --test security -- --show-output
heading "Soaked for $((SECONDS / 60)) min, nothing found"
