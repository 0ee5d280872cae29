#!/bin/sh
# Makes libnnc.a: one object that holds all that the API reaches, of LLVM as well, and in which every other name is local,
# so that a host may link another LLVM beside it.
#
#     archive.sh OUT.a LIBNNC.so LINKER-ARGUMENTS...
#
# What is exported, libnnc.so says. GNU ld alone can do this: others keep the groups of inline functions in an object,
# and a host's linker would take LLVM's inline functions from whichever LLVM comes first.
set -eu
out=$1 library=$2
shift 2
work=$out.work
rm -rf "$work" "$out"
mkdir "$work"
trap 'rm -rf "$work"' EXIT

nm -D --defined-only "$library" | awk '{print $3}' >"$work/exported"
ld.bfd -r -T "${0%.sh}.lds" --force-group-allocation --gc-sections $(sed 's/^/-u /' "$work/exported") -o "$work/all.o" "$@"
# objcopy leaves unique symbols (static variables of templates) as they are, unless they are made weak before.
nm "$work/all.o" | awk '$2 == "u" {print $3}' >"$work/unique"
objcopy --weaken-symbols="$work/unique" "$work/all.o"
objcopy --keep-global-symbols="$work/exported" --strip-unneeded "$work/all.o" "$work/nnc.o"
ar rcsD "$out" "$work/nnc.o"
