// Writes groups back into the function as kernel nodes.
#pragma once

#include "passes/fuse/groups.h"

namespace nnc::fusion {

void emit_kernels(Graph const&, Groups const&, Function&);

} // namespace nnc::fusion
