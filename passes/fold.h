// Evaluates nodes whose operands are literals, where IEEE 754 or integer arithmetic defines every bit.
// Afterwards no exact scalar computation on literals is left; exp and its like are never folded.
#pragma once

#include "passes/pass.h"

namespace nnc {

PassResult fold(Module, PassContext&);

} // namespace nnc
