// Cuts a text into tokens. Wrong characters, open strings and unbalanced brackets are reported and repaired.
#pragma once

#include "frontend/token.h"

namespace nnc {

struct Lexed {
  std::vector<Token> tokens; // the last one is `end`
  std::vector<Diagnostic> diagnostics;
};

// Behind more mistakes than this a file is not worth another word.
inline constexpr size_t most_mistakes = 100;

// In bytes. What a text becomes takes some hundred times as much memory.
inline constexpr size_t longest_source = 4'000'000;

Lexed lex(Sources const&, u32 file);

// The tokens of a part of a line, for the expression inside a string's braces: bytes [begin, end) of the text.
Lexed lex_part(Sources const&, u32 file, u32 begin, u32 end, Location start);

// The position behind the quote or the brace that closes the one at `begin`, on the same line; strings may hold braces,
// and braces strings. npos: it is never closed.
size_t end_of_nested(std::string_view text, size_t begin);

} // namespace nnc
