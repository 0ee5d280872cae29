// Cuts a text into tokens. Wrong characters, open strings and unbalanced brackets are reported and repaired.
#pragma once

#include "frontend/token.h"

namespace nnc {

struct Lexed {
  std::vector<Token> tokens; // the last one is `end`
  std::vector<Diagnostic> diagnostics;
};

Lexed lex(Sources const&, u32 file);

// The tokens of a part of a line, for the expression inside a string's braces: bytes [begin, end) of the text.
Lexed lex_part(Sources const&, u32 file, u32 begin, u32 end, Location start);

} // namespace nnc
