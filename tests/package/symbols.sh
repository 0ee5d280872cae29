#!/bin/sh
# Both libraries export the API and nothing else: what nm says is the list beside this test. The shared one needs the
# decoders of pictures and sounds, the runtime of C++ and libc, and has at most 38 MB; the command needs libc and libm.
# NNC_UPDATE=1 in the environment writes the list.
. "$(dirname "$0")/common.sh"
fresh symbols
library=$NNC_BUILD/libnnc.so.1 archive=$NNC_BUILD/libnnc.a
nm -DC --defined-only "$library" | cut -d' ' -f2- | LC_ALL=C sort -u >shared
nm -gC --defined-only "$archive" | grep '^[0-9a-f]' | cut -d' ' -f2- | LC_ALL=C sort -u >static
[ -z "${NNC_UPDATE:-}" ] || cp shared "$here/symbols.txt"
diff -u "$here/symbols.txt" shared || fail "libnnc.so exports other symbols; NNC_UPDATE=1 writes the list, the diff is the change of the ABI"
diff -u shared static || fail "libnnc.a and libnnc.so export different symbols"
grep -v ' nnc::v1::\| for nnc::v1::\|^T nnc_[a-z0-9_]*$' shared && fail "exported, but neither nnc::v1 nor the C API"

nm -u "$archive" | grep -i 'llvm\|zstd_c\|inflate\|deflate\|3nnc' && fail "libnnc.a leaves these to its host"
needed() { readelf -d "$1" | sed -n 's/.*(NEEDED).*\[\(.*\)\]/\1/p' | grep -v '^ld-linux' | LC_ALL=C sort | tr '\n' ' '; }
decoders=$(needed "$library" | tr ' ' '\n' | grep -v '^$\|^lib\(stdc++\.so\.6\|m\.so\.6\|gcc_s\.so\.1\|c\.so\.6\)$' | tr '\n' ' ')
[ "$decoders" = "libFLAC.so.12 libpng16.so.16 libturbojpeg.so.0 " ] || fail "libnnc.so needs $decoders"
[ "$(needed "$NNC_BUILD/nnc")" = "libc.so.6 libm.so.6 " ] || fail "the command needs $(needed "$NNC_BUILD/nnc")"
# Nobody has to have more than that: what ldd finds of the command is on every Debian.
ldd "$NNC_BUILD/nnc" | grep -v 'linux-vdso\|lib[cm]\.so\.6\|ld-linux' && fail "ldd finds these for the command"
ldd "$library" | grep 'not found' && fail "ldd does not find these for libnnc.so"
nm -u "$archive" | grep -o 'png_create_read_struct\|tjInitDecompress\|FLAC__stream_decoder_new' | LC_ALL=C sort | tr '\n' ' ' |
  grep -qx 'FLAC__stream_decoder_new png_create_read_struct tjInitDecompress ' || fail "libnnc.a does not leave the decoders to its host"
readelf -d "$library" | grep -q 'SONAME.*\[libnnc\.so\.1\]' || fail "SONAME is not libnnc.so.1"
# Calls inside of the library are not taken over by a host that defines the same name.
readelf -rW "$library" | grep 'nnc2v1\| nnc_' && fail "these calls go through the table of the dynamic linker"

strip -o stripped "$library"
size=$(wc -c <stripped)
"$CC" -O2 "$here/load_time.c" -o load_time
echo "libnnc.so: $size bytes stripped; libnnc.a: $(wc -c <"$archive") bytes; $(./load_time "$library")"
[ "$size" -le 38000000 ] || fail "libnnc.so has more than 38 MB"
