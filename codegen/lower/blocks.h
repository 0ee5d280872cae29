// Sums in blocks (ir/order.h): which elements a block has, and the tree that joins the results of blocks as they come,
// the tree of a binary counter. Before block b a result waits at level k for each bit k that is set in b: the sum of
// 2^k blocks. Block b takes those of the levels below the lowest bit that is not set, and waits there itself; the last
// block takes all of them, and the whole sum then stands at level 0.
//
//     b = 0   -> 0                b = 2   -> 0
//     b = 1   joins 0, -> 1       b = 3   joins 0, then 1, -> 2
//
// So the levels are as many as the bits of the largest number but the last, whatever the count, known now or not.
#pragma once

#include "codegen/lower/pull.h"

namespace nnc {

// Levels for so many blocks; nothing: known at run time only.
i64 levels_for(std::optional<i64> blocks);

// Memory for several values of a block, `lanes` elements each, at each level.
struct Levels {
  int buffer = 0;
  Lanes type;
  i64 stride = 0; // elements from level to level
};

// Where the values stand of one block out of `count`, in elements from `base` on.
struct BlockOfMany {
  Ref number = no_ref, count = no_ref;
  Ref base = no_ref;
  std::vector<i64> places;
};
void join_block(Puller&, Levels const&, BlockOfMany const&, std::vector<OpCode> const& joins, std::vector<Ref> values);
Ref joined_value(LoopBuilder&, Levels const&, Ref base, i64 place); // after the last block

// The sum of a dot as one of one axis, or of two: an axis of `outer` periods that no block reaches over.
struct LinearSum {
  Order order; // its blocks are counted in elements of the sum
  Dim outer = 1, period = 1;
  std::vector<Dim> extents() const { return order.axis ? std::vector<Dim>{outer, period} : std::vector<Dim>{period}; }
};
LinearSum linear_sum(Order, Shape const& summed);

} // namespace nnc
