// Nodes that no result needs disappear, and the values of a function are numbered in order.
// Signatures stay: an argument that nobody reads is still an argument.
#pragma once

#include "passes/pass.h"

namespace nnc {

PassResult dce(Module, PassContext&);
bool drop_unused(Function&); // the same for one function; says whether anything changed

} // namespace nnc
