// Long sums to few results become two: of the blocks, which threads divide, and of what the blocks gave.
#pragma once

#include "passes/pass.h"

namespace nnc {

PassResult partials(Module, PassContext&);

} // namespace nnc
