// Is this module well formed? Types by the operator table, definitions before uses, kernels that list exactly what they
// read and give, results that exist, roles that fit their types.
#pragma once

#include "ir/module.h"

namespace nnc {

std::vector<Diagnostic> verify(Module const&); // empty: fine
// Throws CompilerBug with the first message and `where` ("after fuse").
void verify_or_bug(Module const&, std::string_view where);

} // namespace nnc
