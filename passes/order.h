// Writes the order of its sum onto every `dot` and `reduce`, from the extents that are summed and the dtype alone.
// Nothing later may change it: whatever the schedule, the target or the batch, the bits are those of this order.
#pragma once

#include "passes/pass.h"

namespace nnc {

PassResult order(Module, PassContext&);

} // namespace nnc
