// Groups the nodes of every function into kernels: elementwise chains with their reductions, rows, contractions with
// what surrounds them. Afterwards a body holds `kernel` nodes, and `reshape` nodes that name a buffer by another shape.
#pragma once

#include "passes/pass.h"

namespace nnc {

PassResult fuse(Module, PassContext&);

} // namespace nnc
