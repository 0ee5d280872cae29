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
if [ -f "$prefix/include/nnc/nnc.h" ]; then
  "$CC" -std=c99 -Wall -Wextra -Werror "$here/host.c" $(pkg-config --cflags --libs nnc) -o host_c
  says 'nnc 0.' ./host_c
  "$CC" -std=c99 "$here/host.c" $(pkg-config --cflags nnc) "$LD_LIBRARY_PATH/libnnc.a" -lstdc++ -lm -o host_c_static
  says 'nnc 0.' env -u LD_LIBRARY_PATH ./host_c_static
else
  echo "no C API in this package: C is left out"
fi
