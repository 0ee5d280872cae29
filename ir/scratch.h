// The scratch of a kernel: buffers of each thread's own, in which it packs operands, collects sums and keeps rows.
// `plan_memory` makes room for the largest one, the verifier refuses a kernel that has less, and code has its buffers
// where this says. What is smaller than the sums of a tile is on no list: it lives on the stack.
#pragma once

#include "ir/module.h"

namespace nnc {

struct ScratchBuffer {
  enum class Use : u8 {
    totals,   // contract: sums of a tile or of a chunk of rows, with those of blocks that wait
    levels,   // any kernel: results of blocks that wait to be joined, of all sums that are no nest
    rhs_rows, // contract: rows of rhs on the way to columns
    panel,    // contract: packed rhs
    lhs,      // contract: packed lhs, or a box of windows
    row,      // rows: a row of the value `of`, from one walk to the next
  };
  Use use{};
  ValueId of = no_value;
  i64 bytes = 0;
  i64 offset = 0; // a multiple of a cache line
};

struct Scratch {
  std::vector<ScratchBuffer> buffers;
  i64 bytes = 0;
  ScratchBuffer const* find(ScratchBuffer::Use, ValueId of = no_value) const;
};

// Of a kernel whose schedule is fine; one that has none yet asks for no more than levels.
Scratch scratch_of(Function const&, Node const& kernel, std::vector<bool> const& numbers, Target const&);
// What the largest of a function's kernels takes: a thread runs one after the other.
i64 scratch_bytes(Function const&, Target const&);

// What a sum that is no nest takes of the levels of its kernel; 0: it has no blocks.
i64 bytes_of_levels(Function const&, Node const& kernel, Node const& sum);

} // namespace nnc
