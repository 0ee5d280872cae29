// The words of a .nn text. The lexer has already decided which newlines end a statement (LANGUAGE.md, section 1), so
// the parser never looks at blanks; and it has balanced the brackets, so the parser never runs past a block.
#pragma once

#include "ir/diagnostic.h"

#include <span>
#include <string_view>
#include <vector>

namespace nnc {

enum class TokenKind : u8 {
  name,
  keyword, // a reserved word
  number,
  string, // text without its quotes, escapes not yet resolved
  tag,    // @name (text is the name), or @ in front of a string (text is empty, the string follows)
  symbol,
  newline, // the end of a statement: a newline or ';'
  end,
};

struct Token {
  TokenKind kind = TokenKind::end;
  std::string_view text;
  Location at;
  u32 offset = 0; // of `text` in the source, in bytes
  // The lexer has complained about it: a bracket whose other half was missing, so that what is inside is not to be
  // trusted, or characters that mean nothing.
  bool reported = false;
  std::string_view doc; // the `##` comment in front, if this token begins a line

  bool is(std::string_view symbol_or_word) const {
    return (kind == TokenKind::symbol || kind == TokenKind::keyword || kind == TokenKind::name) &&
           text == symbol_or_word;
  }
};

bool is_reserved(std::string_view word);
std::span<char const* const> reserved();
bool is_binary_operator(Token const&); // the words `and` and `or` included

} // namespace nnc
