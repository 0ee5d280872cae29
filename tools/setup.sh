# Sourced by tools/check and tools/try: moves to the root of the sources, defines `say`, `fail` and `stage`, and installs
# what a build needs on Debian 12 (as root). What is there already is left alone.

cd "$(dirname "$0")/.." || exit 1

say() { printf '%s: %s\n' "${0##*/}" "$*" >&2; }
fail() { say "FAILED: $*"; exit 1; }

# stage WORDS COMMAND...: says what is done and ends the script with these words when it fails.
stage() {
  words=$1
  shift
  say "$words"
  "$@" || fail "$words"
}

build_packages="g++ cmake ninja-build ccache mold lld-19 llvm-19-dev zlib1g-dev libzstd-dev libpng-dev
  libfmt-dev libcli11-dev nlohmann-json3-dev doctest-dev libmpfr-dev"

is_installed() { [ "$(dpkg-query -W -f '${db:Status-Status}' "$1" 2>/dev/null)" = installed ]; }

# install PACKAGE...: asks dpkg first, and apt only for what is missing.
install() {
  missing=
  for package in "$@"; do is_installed "$package" || missing="$missing $package"; done
  [ -n "$missing" ] || return 0
  [ "$(id -u)" = 0 ] || fail "these packages are missing, and only root can install them:$missing"
  command -v apt-get >/dev/null || fail "these packages are missing, and there is no apt-get:$missing"
  say "installing$missing"
  export DEBIAN_FRONTEND=noninteractive
  apt-get update -qq && apt-get install -y -qq --no-install-recommends $missing >/dev/null || fail "installing$missing"
}

# configure_and_build PRESET [TARGET...]: talks on standard error, which leaves standard output to the command.
configure_and_build() {
  preset=$1
  shift
  [ -f "build/$preset/build.ninja" ] || cmake --preset "$preset" --log-level=WARNING >&2 || return 1
  cmake --build "build/$preset" -- --quiet "$@" >&2
}
