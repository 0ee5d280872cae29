#!/bin/sh
# The same by pkg-config: without CMake, in C++ and in C.
. "$(dirname "$0")/common.sh"
fresh pkg_config
PKG_CONFIG_PATH=$(multiarch_lib "$prefix")/pkgconfig
LD_LIBRARY_PATH=$(multiarch_lib "$prefix")
export PKG_CONFIG_PATH LD_LIBRARY_PATH
says "$(sed -n 's/^#define NNC_VERSION "\(.*\)"/\1/p' "$NNC_SOURCE/include/nnc/version.h")" pkg-config --modversion nnc
"$CXX" -std=c++17 "$here/host.cpp" $(pkg-config --cflags --libs nnc) -o host
says 'nnc 0.' ./host
"$CC" -std=c99 -Wall -Wextra -Werror "$here/host.c" $(pkg-config --cflags --libs nnc) -o host_c
says 'nnc 0.' ./host_c
# What libnnc.a leaves to its host, `--static` names.
private=$(pkg-config --static --libs-only-l nnc | sed 's/-lnnc //')
"$CC" -std=c99 "$here/host.c" $(pkg-config --cflags nnc) "$LD_LIBRARY_PATH/libnnc.a" $private -o host_c_static
says 'nnc 0.' env -u LD_LIBRARY_PATH ./host_c_static

# Where folders are absolute, as some distributions have them, or hold a blank.
cmake -S "$NNC_SOURCE" -B elsewhere -G Ninja -DNNC_BUILD_TESTS=OFF -DNNC_BUILD_EXAMPLES=OFF -DCMAKE_INSTALL_PREFIX="$work/one two" \
  -DCMAKE_INSTALL_LIBDIR="$work/lib64" >log 2>&1 || fail "$(cat log)"
mkdir -p lib64/pkgconfig "one two/include"
cp elsewhere/packaging/nnc.pc lib64/pkgconfig
PKG_CONFIG_PATH=$work/lib64/pkgconfig
[ "$(readlink -f "$(pkg-config --variable=libdir nnc)")" = "$(readlink -f lib64)" ] || fail "libdir is $(pkg-config --variable=libdir nnc)"
[ "$(readlink -f "$(pkg-config --variable=includedir nnc)")" = "$(readlink -f "one two/include")" ] ||
  fail "includedir is $(pkg-config --variable=includedir nnc)"
eval "set -- $(pkg-config --cflags nnc)"
[ $# = 1 ] || fail "a path with a blank falls apart: $*"
exit 0
