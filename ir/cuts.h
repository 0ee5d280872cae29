// Where the guards of a kernel change along an axis. A loop that is cut there needs no masks: each piece lies in one
// part of a concat, in the border of a pad or in what it surrounds; inside of the border of windows all their taps
// exist.
#pragma once

#include "ir/module.h"

namespace nnc {

// The loops of a kernel of kind pointwise or rows, from the outermost one: each walks a run of axes of the space.
struct WalkedSpace {
  Shape space;
  std::vector<int> runs;
  size_t shared = 0; // which loop threads divide; those in front are none, and what they would walk is jammed
};
WalkedSpace walked_space(Function const&, Node const& kernel, Schedule const&);

// Indices inside of a loop, in order, at which some element begins or ceases to exist for a node of the kernel. None
// where the loop walks several axes as one, its extent is not known, or threads divide it.
std::vector<i64> cuts_of_loop(Function const&, Node const& kernel, WalkedSpace const&, size_t loop);
// The same for each axis that a contraction sums, by what it reads itself.
std::vector<std::vector<i64>> cuts_of_sum(Function const&, Node const& contraction);

} // namespace nnc
