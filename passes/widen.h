// Sums and products of f16 or bf16 elements become those of f32 ones, rounded once to their type at the end. Nothing
// that accumulates is left in a narrow float: code is made for sums in f32 and f64 alone.
#pragma once

#include "passes/pass.h"

namespace nnc {

PassResult widen(Module, PassContext&);

} // namespace nnc
