// How much arithmetic a node is, for people: multiplications, additions and functions of elements, each counted once.
#pragma once

#include "ir/module.h"

namespace nnc {

// Moving data is none; a sum of n products is 2 n; a reduction as many as it reads; a scan what its rounds are
// together. `extents` binds every symbol. As floats: a count may be beyond any integer.
f64 flops(Function const&, Node const&, Bindings const& extents);

} // namespace nnc
