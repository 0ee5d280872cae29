// The entry of one function: steps, kernels, barriers, the report (codegen/abi.h).
#pragma once

#include "codegen/llvm/emit.h"
#include "codegen/lower/storage.h"

namespace nnc {

// `kernels`: the names of the functions to call, one per kernel of the body, in order; empty for one that does nothing.
void emit_entry(EmitModule&, Storage const&, std::vector<std::string> const& kernels);

} // namespace nnc
