// Sums in blocks (ir/order.h): which elements a block has, and the tree that joins the results of blocks as they come,
// the tree of a binary counter. Before block b a result waits at level k for each bit k that is set in b: the sum of
// 2^k blocks. Block b takes those of the levels below the lowest bit that is not set, and waits there itself; the last
// block takes all of them, and the whole sum then stands at level 0.
//
//     b = 0   -> 0                b = 2   -> 0
//     b = 1   joins 0, -> 1       b = 3   joins 0, then 1, -> 2
//
// So the levels are as many as the bits of the largest number but the last, whatever the count, known now or not. An
// even block has no level below it: its values are made at level 0, where they stay unless it is the last. Those of an
// odd block are made behind the levels.
#pragma once

#include "codegen/lower/pull.h"

namespace nnc {

// Memory for the values of a block, one behind the other, at each place.
struct Levels {
  int buffer = 0;
  Lanes type;
  std::vector<OpCode> joins; // of each value
  i64 places = 0;
  i64 stride() const { return static_cast<i64>(joins.size()) * type.lanes; } // elements from place to place
};

// One block out of `count`; the places begin at `base`.
struct BlockOfMany {
  Ref number = no_ref, count = no_ref;
  Ref base = no_ref;
};
Ref place_of(LoopBuilder&, Levels const&, BlockOfMany const&); // where the values are to be stored
void join_block(Puller&, Levels const&, BlockOfMany const&);   // after that

} // namespace nnc
