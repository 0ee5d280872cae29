#!/bin/sh
# Every public header alone compiles without a warning: headers.sh COMPILER...; each is the C++ compiler with its C
# compiler behind a comma.
. "$(dirname "$0")/common.sh"
fresh headers
strict="-Wall -Wextra -Wpedantic -Wconversion -Werror -fsyntax-only -I$NNC_SOURCE/include"

for compilers in "$@"; do
  cxx=${compilers%,*} c=${compilers#*,}
  for header in "$NNC_SOURCE"/include/nnc/*; do
    name=nnc/${header##*/}
    printf '#include "%s"\nextern int unit_is_not_empty;\n' "$name" | tee one.cpp >one.c
    for standard in c++17 c++20; do
      "$cxx" -std=$standard $strict one.cpp || fail "$name with $cxx -std=$standard"
    done
    case $name in
    *.h) "$c" -std=c99 $strict one.c || fail "$name with $c -std=c99" ;;
    esac
  done
done
