// Nodes that no result needs disappear, and the values of a function are numbered in order.
// Signatures stay: an argument that nobody reads is still an argument.
#pragma once

#include "ir/module.h"

namespace nnc {

bool drop_unused(Function&); // the pass for one function; says whether anything changed

} // namespace nnc
