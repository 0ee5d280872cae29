#!/bin/sh
# A host that holds LLVM 14 of its own, shared or linked statically, beside libnnc.so or libnnc.a, in either order.
. "$(dirname "$0")/common.sh"
fresh other_llvm
command -v llvm-config-14 >/dev/null || fail "llvm-14-dev is missing"
lib=$(multiarch_lib "$prefix")
theirs_shared=$(llvm-config-14 --ldflags --link-shared --libs)
theirs_static="$(llvm-config-14 --ldflags --link-static --libs mcjit native) -lz -ltinfo -ldl -lpthread"
# The linker that a host would take; both LLVM are large.
linker=
command -v mold >/dev/null && linker=-fuse-ld=mold
"$CXX" -std=c++17 -I"$prefix/include" $(llvm-config-14 --cppflags) -c "$here/other_llvm.cpp" -o host.o
for theirs in shared static; do
  eval "llvm=\$theirs_$theirs"
  for ours in "-L$lib -lnnc" "$lib/libnnc.a -lpng16 -lturbojpeg -lFLAC"; do
    for order in "host.o $ours $llvm" "host.o $llvm $ours"; do
      "$CXX" $linker $order -lm -o host || fail "cannot link $order"
      for uses in "ours theirs" "theirs ours" "ours theirs ours theirs"; do
        LD_LIBRARY_PATH=$lib says 'both work' ./host $uses
      done
      echo "works: LLVM 14 $theirs, $order"
    done
  done
done
# Loaded later, and loaded before.
"$CC" -O2 "$here/load_beside.c" -o load_beside
LLVM14=$(llvm-config-14 --libdir)/libLLVM-14.so
for order in "$LLVM14 $lib/libnnc.so.1" "$lib/libnnc.so.1 $LLVM14"; do
  says 'loaded' ./load_beside $order
done
