#!/bin/sh
# cmake --install below DESTDIR, then moved: everything has its place, and the command works where it is now.
. "$(dirname "$0")/common.sh"
fresh moved
DESTDIR=$work/stage cmake --install "$NNC_BUILD" --prefix /opt/somewhere >install.log || fail "$(cat install.log)"
[ "$(cd stage && find . -type f ! -path './opt/somewhere/*')" = "" ] || fail "files beside the prefix"
mv stage/opt/somewhere nnc
diff -r "$NNC_SOURCE/include/nnc" nnc/include/nnc || fail "the headers are others"
(cd nnc && find . ! -type d ! -path './include/*') | LC_ALL=C sort >found
diff -u "$here/installed.txt" found || fail "other files are installed; tests/package/installed.txt lists them"

says '"loss"' nnc/bin/nnc "$NNC_SOURCE/examples/softmax.nn" --train mnist --steps 5 --log /dev/stdout
says 'fetch-data' nnc/bin/nnc-fetch-data --help
grep -rlI "$work\|$NNC_BUILD\|/opt/somewhere" nnc && fail "a text names a folder of this machine"
says '--train' sh -c 'MANWIDTH=100 man -l nnc/share/man/man1/nnc.1 || sed "s/.-/-/g" nnc/share/man/man1/nnc.1'
says '_nnc' bash -c '. nnc/share/bash-completion/completions/nnc && complete -p nnc'
