#!/bin/sh
# nnc inside another project: subproject.sh add_subdirectory|FetchContent. The objects are compiled with the switches of
# the release, so that they come from the compiler cache; a host has its own.
. "$(dirname "$0")/common.sh"
# As deep below the sources as the build of the release is: the cache may know files by relative paths.
NNC_WORK=$(dirname "$NNC_BUILD")
fresh "host_$1"
cache=
command -v ccache >/dev/null && cache=-DCMAKE_CXX_COMPILER_LAUNCHER=ccache
cmake -S "$here/subproject" -B . -G Ninja -DHOW="$1" -DNNC_SOURCE="$NNC_SOURCE" -DFETCHCONTENT_SOURCE_DIR_NNC="$NNC_SOURCE" \
  -DCMAKE_BUILD_TYPE=Release -DCMAKE_CXX_FLAGS_RELEASE="-O2 -DNDEBUG" -DNNC_WERROR=ON $cache >log 2>&1 || fail "$(cat log)"
cmake --build . --target host_shared host_static >log || fail "$(tail -50 log)"
says 'nnc 0.' ./host_shared
says 'nnc 0.' ./host_static
# Nothing of it is installed with the host.
cmake --install . --prefix "$work/prefix" >log
[ ! -e prefix ] || [ -z "$(find prefix -type f)" ] || fail "nnc installs files of its own: $(find prefix -type f)"
