// Writes groups back into the function as kernel nodes.
#pragma once

#include "passes/fuse/groups.h"

namespace nnc::fusion {

// False, and nothing done, when groups wait for each other in a circle.
bool emit_kernels(Graph const&, Groups const&, Function&);

} // namespace nnc::fusion
