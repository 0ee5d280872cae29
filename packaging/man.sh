#!/bin/sh
# Makes the page of the manual from `nnc --help`: man.sh NNC VERSION OUT
set -eu
help=$("$1" --help)
printf '%s\n' "$help" | awk -v version="$2" '
  function plain(text) { gsub(/\\/, "\\e", text); gsub(/-/, "\\-", text); sub(/^[.'\'']/, "\\\\\\&&", text); return text }
  NR == 1 {
    printf ".TH NNC 1 \"\" \"nnc %s\" \"User Commands\"\n.SH NAME\nnnc \\- compiler for neural networks\n", version
    print ".SH SYNOPSIS"
  }
  !described && /^nnc / { printf "%s\n.br\n", plain($0); next }
  !described && /^$/ { described = 1; print ".SH OPTIONS"; next }
  !described { if (!text++) print ".SH DESCRIPTION"; print plain($0); next }
  /^$/ { next }
  /^  -/ { # two columns; the second begins behind two spaces, or one where a name is long
    line = substr($0, 3)
    at = length(line) > 22 ? 23 : 0
    while (at && substr(line, at, 1) != " ") ++at
    printf ".TP\n.B %s\n%s\n", plain(trimmed(substr(line, 1, at))), plain(trimmed(substr(line, at + 1)))
    next
  }
  /^Exit status: / { sub(/^Exit status: /, ""); printf ".SH \"EXIT STATUS\"\n%s\n", plain($0); next }
  /^Human words/ { printf ".SH OUTPUT\n%s\n", plain($0); next }
  { printf ".SS %s\n", plain($0) }
  function trimmed(text) { sub(/^ +/, "", text); sub(/ +$/, "", text); return text }
' >"$3"
cat >>"$3" <<'END'
.SH ENVIRONMENT
.TP
.B NNC_DATA
a folder with data sets, asked before the usual places
.SH EXAMPLE
.EX
nnc softmax.nn \-\-train mnist \-\-save weights.safetensors
.EE
.SH "SEE ALSO"
.BR nnc\-fetch\-data (1)
END
