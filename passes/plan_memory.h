// Gives every value that a kernel stores a place: a slot of the arena, the argument that it replaces, a buffer of the
// caller, or a scalar of each thread. Afterwards kernels say where they write and where threads must meet first, and
// the function how much memory of its own each thread needs for their buffers.
#pragma once

#include "passes/pass.h"

namespace nnc {

PassResult plan_memory(Module, PassContext&);

} // namespace nnc
