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
# The gate of clara-central is the only way onto the wire.
fence tokio-rustls clara-central
fence tauri clara-field
fence keyring clara-app
fence image clara-app

# sqlx's own TLS trusts these beside the company's authority; any of its TLS features brings them or the system's.
for roots in webpki-roots rustls-native-certs native-tls; do
  if grep --quiet "^name = \"$roots\"$" Cargo.lock; then die "$roots is in the tree: nobody but the company vouches for its server"; fi
done
say "    no certificate authority but the company's"
