#!/usr/bin/env bash
# One owner for each library that others must not reach past: what a crate may do stands in its Cargo.toml.
source "$(dirname "$0")/steps.sh"

fence() {
  local library=$1 owner=$2 users
  users=$(cargo tree --locked --quiet --workspace --all-features --target all --edges normal,build,dev \
    --invert "$library" --depth 1 --prefix none --format '{p}' | awk '/^clara-/ { print $1 }' | sort -u | paste -sd ' ')
  if [ "$users" != "$owner" ]; then die "$library is for $owner alone, and is used by: ${users:-nobody}"; fi
  say "    $library: $owner"
}

fence rusqlite clara-local
fence sqlx clara-central
fence tauri clara-field
fence keyring clara-app
fence image clara-app
