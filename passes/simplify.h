// Small local rewrites that change no bit of any result, applied until none fires.
// Afterwards no node computes what one of its operands already is, and transposes of a contraction's operands are part
// of it.
#pragma once

#include "passes/pass.h"

namespace nnc {

PassResult simplify(Module, PassContext&);

} // namespace nnc
