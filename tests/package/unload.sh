#!/bin/sh
# dlclose is safe when no handle of the library is left.
. "$(dirname "$0")/common.sh"
fresh unload
"$CC" -std=gnu99 -Wall -Wextra -Werror -I"$NNC_SOURCE/include" "$here/unload.c" -o unload -ldl -lpthread
says 'after dlclose' ./unload "$NNC_BUILD/libnnc.so.1"
echo "$said"
