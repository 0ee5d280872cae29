#!/bin/sh
# A project of ten lines finds the package that was moved, in C++ and in C; both libraries link and run.
. "$(dirname "$0")/common.sh"
fresh find_package
for project in find_package c_only; do
  cmake -S "$here/$project" -B $project -G Ninja -DCMAKE_PREFIX_PATH="$prefix" -DCMAKE_BUILD_TYPE=Release >log || fail "$(cat log)"
  cmake --build $project >log || fail "$(cat log)"
  for host in host_shared host_static; do
    says 'nnc 0.' $project/$host
    echo "$project/$host: $said"
  done
  readelf -d $project/host_static | grep -q libnnc && fail "host_static needs libnnc.so"
  readelf -d $project/host_shared | grep -q 'NEEDED.*libnnc.so.1' || fail "host_shared does not need libnnc.so.1"
done
# What the package has not is not found: a version, a component.
for asked in "0.3" "1.0" "0.1" "COMPONENTS gpu"; do
  mkdir -p without_it
  printf 'cmake_minimum_required(VERSION 3.16)\nproject(host C)\nfind_package(nnc %s)\nif(nnc_FOUND)\n  message(FATAL_ERROR found)\nendif()\n' \
    "$asked" >without_it/CMakeLists.txt
  cmake -S without_it -B without_it/build -DCMAKE_PREFIX_PATH="$prefix" >log 2>&1 || fail "find_package(nnc $asked): $(cat log)"
  rm -r without_it
done
# A net becomes a library of the project, by the command of the package.
cp -r "$NNC_SOURCE/examples/embed/without_compiler" .
cmake -S without_compiler -B without -G Ninja -DCMAKE_PREFIX_PATH="$prefix" >log || fail "$(cat log)"
cmake --build without >log || fail "$(tail -20 log)"
for program in digits reader; do
  strip -o small without/$program
  [ "$(wc -c <small)" -le 100000 ] || fail "$program has more than 100 KB"
  readelf -d small | grep NEEDED | grep -v 'lib[cm]\.so\.6' && fail "$program needs more than libc"
done
says 'prefix/bin/nnc' sh -c "sed 's|$prefix|prefix|g' without/build.ninja"
exit 0
