// Where the threads of a team wait for each other.
#pragma once

#include "codegen/llvm/emit.h"

namespace nnc {

// void barrier(nnc_context*), made when it is asked for first. What the threads wrote before it, all see behind it.
llvm::Function* barrier_function(EmitModule&);

} // namespace nnc
