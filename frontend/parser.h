// Text to syntax tree, with recovery: the tree holds all that could be understood, the diagnostics all that could not.
#pragma once

#include "frontend/syntax.h"

namespace nnc {

struct Parsed {
  syntax::File file;
  std::vector<Diagnostic> diagnostics;
};

Parsed parse(Sources const&, u32 file);

} // namespace nnc
