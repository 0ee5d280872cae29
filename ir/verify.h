// Is this module well formed? Types by the operator table, definitions before uses, kernels that list exactly what they
// read and give, results that exist, roles that fit their types; kernels of a form that code generation knows, and
// whatever they store at its place for as long as it is read. Code of what verifies is right.
#pragma once

#include "ir/module.h"

namespace nnc {

std::vector<Diagnostic> verify(Module const&); // empty: fine
// The same, and that nothing is missing of which code is made: for what all passes have run over.
std::vector<Diagnostic> verify_finished(Module const&);
// Throws CompilerBug with the first message and `where` ("after fuse").
void verify_or_bug(Module const&, std::string_view where);

} // namespace nnc
