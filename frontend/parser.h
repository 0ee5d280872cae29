// Text to syntax tree, with recovery: the tree holds all that could be understood, the diagnostics all that could not.
#pragma once

#include "frontend/syntax.h"

namespace nnc {

struct Parsed {
  syntax::File file;
  std::vector<Diagnostic> diagnostics;
};

Parsed parse(Sources const&, u32 file);

// The function or optimizer that begins a line of a text without mistakes: bytes [begin, end).
std::unique_ptr<syntax::FunctionDecl> parse_declaration(Sources const&, u32 file, u32 begin, u32 end, u32 line);

// One expression: the text of `file` from byte `begin` to its end, which is one line. Empty when there are mistakes.
struct ParsedExpression {
  syntax::ExprPtr expression;
  std::vector<Diagnostic> diagnostics;
};
ParsedExpression parse_expression(Sources const&, u32 file, u32 begin);

} // namespace nnc
