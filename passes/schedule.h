// Says how fast, never what: tiles and packing of contractions, which kernels are worth splitting, how many threads.
// Whatever it writes, the bits of the results are the same.
#pragma once

#include "passes/pass.h"

namespace nnc {

PassResult schedule(Module, PassContext&);

} // namespace nnc
