# Sourced by the tests of the package. From tests/CMakeLists.txt: NNC_SOURCE, NNC_BUILD (a build of the preset release),
# NNC_WORK (a folder for all tests of the package), CC, CXX.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
fail() { echo "FAILED: $*" >&2; exit 1; }
skip() { echo "SKIPPED: $*" >&2; exit 77; } # ctest lists it as not run

# fresh NAME: an empty folder of this test, in $work, and the place to be.
fresh() {
  work=$NNC_WORK/$1
  rm -rf "$work"
  mkdir -p "$work"
  cd "$work"
}

# Where install.sh has left what was installed.
prefix=$NNC_WORK/moved/nnc
multiarch_lib() { dirname "$(find "$1" -name libnnc.so.1)"; }

# says WORDS COMMAND...: the command succeeds, and its output contains the words.
says() {
  words=$1
  shift
  said=$("$@" 2>&1) || fail "$* ends with status $?: $said"
  case $said in *"$words"*) ;; *) fail "$* does not say '$words': $said" ;; esac
}
