// Where the guards of a kernel change along an axis. A loop that is cut there needs no masks: each piece lies in one
// part of a concat, in the border of a pad or in what it surrounds.
#pragma once

#include "ir/module.h"

namespace nnc {

// Indices inside of run number `run` of the axes of a space (ir/kernel_space.h), in order, at which some element begins
// or ceases to exist for a node of the kernel. None where the run is of several axes, or its extent is not known.
std::vector<i64> cuts_of_run(Function const&, Node const& kernel, Shape const& space, std::vector<int> const& runs,
                             size_t run);

} // namespace nnc
