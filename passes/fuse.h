// Groups the nodes of every function into kernels: elementwise chains with their reductions, rows, contractions with
// what surrounds them. Afterwards a body holds `kernel` nodes, and `reshape` nodes that name a buffer by another shape.
#pragma once

#include "ir/module.h"

namespace nnc {

// Where `fuse` was left out: every node that needs memory becomes a kernel of its own. False when there is nothing to
// do.
bool make_kernel_of_every_node(Function&);

} // namespace nnc
