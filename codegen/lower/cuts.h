// Where the guards of a kernel change along an axis. A loop that is cut there needs no masks: each piece lies in one
// part of a concat, in the border of a pad or in what it surrounds.
#pragma once

#include "ir/module.h"

namespace nnc {

// Indices inside of the axis, in order, at which some element begins or ceases to exist for a node of the kernel.
std::vector<i64> cuts_along(Function const&, Node const& kernel, Shape const& space, size_t axis);

} // namespace nnc
