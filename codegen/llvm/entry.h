// The entry of one function: steps, kernels, barriers, the report (nnc/abi.h).
#pragma once

#include "codegen/llvm/emit.h"
#include "codegen/lower/storage.h"

namespace nnc {

// The call of one kernel: its function (empty: there is nothing to do) and what it sees of the frame.
struct KernelCall {
  std::string function;
  KernelParameters parameters;
};

// `kernels`: one call per kernel of the body, in order.
void emit_entry(EmitModule&, Storage const&, std::vector<KernelCall> const& kernels);

} // namespace nnc
