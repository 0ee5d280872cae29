#!/bin/sh
# A project of ten lines finds the package that was moved, in C++ and in C; both libraries link and run.
. "$(dirname "$0")/common.sh"
fresh find_package
for project in find_package c_only; do
  if [ $project = c_only ] && [ ! -f "$prefix/include/nnc/nnc.h" ]; then
    echo "no C API in this package: C is left out"
    continue
  fi
  cmake -S "$here/$project" -B $project -G Ninja -DCMAKE_PREFIX_PATH="$prefix" -DCMAKE_BUILD_TYPE=Release >log || fail "$(cat log)"
  cmake --build $project >log || fail "$(cat log)"
  for host in host_shared host_static; do
    says 'nnc 0.' $project/$host
    echo "$project/$host: $said"
  done
  readelf -d $project/host_static | grep -q libnnc && fail "host_static needs libnnc.so"
  readelf -d $project/host_shared | grep -q 'NEEDED.*libnnc.so.1' || fail "host_shared does not need libnnc.so.1"
done

# Programs that hold a net: the command of the package makes it.
if [ -f "$prefix/include/nnc/nnc.h" ]; then
  cmake -S "$NNC_SOURCE/examples/embed/without_compiler" -B nets -G Ninja -DCMAKE_PREFIX_PATH="$prefix" >log || fail "$(cat log)"
  grep -q "$prefix/bin/nnc" nets/build.ninja || fail "the nets are made by another command"
  cmake --build nets >log || fail "$(cat log)"
  readelf -d nets/digits nets/reader | grep libnnc && fail "a program that holds a net needs libnnc.so"
fi
exit 0
