#!/usr/bin/env bash
# Licenses, advisories and banned crates, by deny.toml.
source "$(dirname "$0")/steps.sh"

if [ ! -x "$tools/bin/cargo-deny" ]; then
  step 30 "cargo install cargo-deny into target/tools: it reads deny.toml" \
    cargo install cargo-deny --version 0.20.2 --locked --quiet --root "$tools" --target-dir target/tools/build
fi
step 5 "Licenses, bans and sources" "$tools/bin/cargo-deny" --locked check bans licenses sources
step 5 "Advisories (needs the advisory database from the network)" "$tools/bin/cargo-deny" --locked check advisories
