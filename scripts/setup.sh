#!/usr/bin/env bash
# Installs what is missing on a Debian or Ubuntu machine and says what and why. Does nothing where all is there.
#   setup.sh run    what `make run` needs: to build and to start
#   setup.sh test   that, and what drives the app in the tests
#   setup.sh bench  what `make run` needs, and the programs that `make bench` compares with
source "$(dirname "$0")/steps.sh"
for_what=${1:-run}

# package | why
packages_run='
build-essential        | a C compiler and linker
pkg-config             | finds the libraries to link with
perl                   | builds the OpenSSL inside SQLCipher
libwebkit2gtk-4.1-dev  | the webview the app is drawn in
libdbus-1-dev          | desktop messages: the keyring, the window
postgresql             | the server of the private cluster; the machine'"'"'s own one is left alone
ca-certificates        | cargo and npm download over TLS
'
packages_test='
pgbouncer              | the tests run through a real pooler too
webkit2gtk-driver      | drives the app in its webview
xvfb                   | a screen for a machine without one
xauth                  | xvfb-run needs it
dbus                   | a private message bus for the app under test
gnome-keyring          | a real keyring on that bus
chromium               | the browser of the interface tests
fonts-dejavu-core      | letters in that browser and in the screenshots
strace                 | shows what reaches the disk, so that power cuts can be acted out
'
packages_bench='
sqlite3                | what the same rows cost in a database without encryption, index or search
redis-server           | what a lookup costs in a store that has everything in memory
'
# PostgreSQL releases below these have holes in row-level security; the app refuses them.
postgresql_floors='14.25 15.20 16.16 17.12 18.7'
node_floor=20.19.0
rust_floor=$(sed -n 's/^rust-version = "\(.*\)"/\1/p' Cargo.toml)

at_least() { [ "$(printf '%s\n%s\n' "$2" "$1" | sort -V | head -n 1)" = "$2" ]; }

as_root() {
  if [ "$(id -u)" -eq 0 ]; then "$@"; return; fi
  command -v sudo >/dev/null || die "installing needs root, and there is no sudo here: run scripts/setup.sh $for_what once as root"
  sudo "$@"
}

apt() {
  as_root env DEBIAN_FRONTEND=noninteractive apt-get -o DPkg::Lock::Timeout=300 -qq "$@"
}

refresh() {
  if [ -z "${refreshed:-}" ]; then say "    apt-get update"; apt update; refreshed=yes; fi
}

is_ubuntu() { grep -qs '^ID=ubuntu$' /etc/os-release; }

is_installed() { [ "$(dpkg-query -W -f='${db:Status-Status}' "$1" 2>/dev/null)" = installed ]; }

# Another Chromium does as well. Ubuntu has no package of it, only a snap; there Playwright brings its own.
is_there() {
  case $1 in
    chromium) is_ubuntu || find_chromium >/dev/null ;;
    postgresql) compgen -G '/usr/lib/postgresql/*/bin/initdb' >/dev/null || command -v initdb >/dev/null ;;
    build-essential) is_installed "$1" || { command -v cc && command -v make; } >/dev/null ;;
    sqlite3 | redis-server) command -v "$1" >/dev/null ;;
    *) is_installed "$1" ;;
  esac
}

install_packages() {
  local list=$packages_run missing=() package why
  case $for_what in
    test) list+=$packages_test ;;
    bench) list+=$packages_bench ;;
  esac
  while IFS='|' read -r package why; do
    package=${package//[[:space:]]/}
    if [ -z "$package" ] || is_there "$package"; then continue; fi
    if [ ${#missing[@]} -eq 0 ]; then heading "Installing what is missing on this machine"; fi
    say "    $package:$why"
    missing+=("$package")
  done <<<"$list"
  if [ ${#missing[@]} -eq 0 ]; then return; fi
  command -v apt-get >/dev/null || die "this is no Debian or Ubuntu machine; install the packages above, or what they are called here"
  refresh
  # The package would make and start a server of the machine's own, which nobody asked for.
  local hold=/etc/postgresql-common/createcluster.d/clara-setup.conf kept_out=
  if [[ " ${missing[*]} " == *" postgresql "* ]] && [ ! -e /etc/postgresql-common/createcluster.conf ]; then
    as_root mkdir -p "${hold%/*}"
    say 'create_main_cluster = false' | as_root tee "$hold" >/dev/null
    kept_out=yes
  fi
  local status=0
  apt install --no-install-recommends -y "${missing[@]}" >/dev/null || status=$?
  if [ -n "$kept_out" ]; then as_root rm -f "$hold"; fi
  if [ "$status" -ne 0 ]; then die "apt-get could not install: ${missing[*]}"; fi
  local service
  for service in pgbouncer redis-server; do
    if [[ " ${missing[*]} " == *" $service "* ]] && [ -d /run/systemd/system ]; then
      as_root systemctl disable --now --quiet "$service.service" || say "    (the package's own $service service goes on running)"
    fi
  done
}

newest_postgres() {
  if compgen -G '/usr/lib/postgresql/*/bin/postgres' | sort -V | tail -n 1 | grep .; then return; fi
  command -v postgres
}

check_postgresql() {
  local program version floor wanted=
  program=$(newest_postgres)
  version=$("$program" --version | sed 's/[^0-9]*\([0-9.]*\).*/\1/')
  for floor in $postgresql_floors; do
    if [ "${floor%%.*}" = "${version%%.*}" ]; then wanted=$floor; fi
  done
  if [ -z "$wanted" ] && at_least "$version" 18.7; then return; fi
  [ -n "$wanted" ] || die "PostgreSQL $version is too old: 14.25, 15.20, 16.16, 17.12 or 18.7 is the least"
  if at_least "$version" "$wanted"; then return; fi
  heading "PostgreSQL $version leaks rows past row-level security; upgrading to $wanted or newer"
  refresh
  apt install --only-upgrade -y "postgresql-${version%%.*}" "postgresql-client-${version%%.*}" >/dev/null
  version=$("$program" --version | sed 's/[^0-9]*\([0-9.]*\).*/\1/')
  at_least "$version" "$wanted" || die "this machine's packages offer PostgreSQL $version, and $wanted is the least; add a newer package source (PostgreSQL publishes one)"
}

check_toolchains() {
  local found
  command -v cargo >/dev/null || die "there is no cargo here; install Rust $rust_floor or newer (rustup does it)"
  found=$(cargo --version | cut -d' ' -f2)
  at_least "$found" "$rust_floor" || die "Rust $found is too old: $rust_floor is the least (rustup update)"
  { command -v node && command -v npm; } >/dev/null || die "there is no Node.js with npm here; install Node.js $node_floor or newer"
  found=$(node --version)
  at_least "${found#v}" "$node_floor" || die "Node.js ${found#v} is too old: $node_floor is the least (Debian 12's own package is 18)"
}

check_toolchains
install_packages
check_postgresql
if [ -f ui/package-lock.json ]; then install_ui; fi
if [ "$for_what" = test ]; then
  if ! find_chromium >/dev/null && [ -x ui/node_modules/.bin/playwright ]; then
    step 15 "playwright install chromium: the browser of the interface tests" ui/node_modules/.bin/playwright install --with-deps chromium
  fi
  find_chromium >/dev/null || die "no Chromium was found; name the program in CHROMIUM"
fi
