// Nodes that compute the same from the same operands become one.
// Afterwards no two nodes of a function agree in operator, operands, attributes and types.
#pragma once

#include "ir/module.h"

namespace nnc {

// The pass for one function; says whether anything changed. `compared`: grows by how many pairs of nodes were looked
// at.
bool merge_duplicates(Function&, i64* compared = nullptr);

} // namespace nnc
