// Nodes that compute the same from the same operands become one.
// Afterwards no two nodes of a function agree in operator, operands, attributes and types.
#pragma once

#include "passes/pass.h"

namespace nnc {

PassResult cse(Module, PassContext&);
bool merge_duplicates(Function&); // the same for one function; says whether anything changed

} // namespace nnc
