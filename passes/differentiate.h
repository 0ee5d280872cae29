// Reverse mode: every `grad` node becomes ordinary nodes, by the gradient rules of the operator table.
// Afterwards no `grad`, no `stop_gradient` and no `with_gradient` is left, nor the functions that the last one names;
// as rules make ordinary nodes, a gradient of a gradient is nothing special.
#pragma once

#include "ir/builder.h"
#include "passes/pass.h"

namespace nnc {

// The derivative of the scalar y by each of `by`, computed by `nodes`; what it takes is appended to `nodes`. The module
// has the functions that `with_gradient` nodes name.
std::vector<ValueId> append_gradient(Module const&, Function&, std::vector<Node>& nodes, ValueId y,
                                     std::vector<ValueId> const& by);

} // namespace nnc
