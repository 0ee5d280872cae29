// The cells of the frame of one function: how its entry hands things to its kernels.
#pragma once

#include "codegen/loops/loops.h"
#include "ir/module.h"

namespace nnc {

struct Frame {
  explicit Frame(Function const&);
  static constexpr i64 context = 0, thread = 1, threads = 2, batch = 3, padded_batch = 4, examples = 5, seed = 6,
                       step = 7, rows = 8, counters = counter_cells, first_free = fixed_cells;
  static_assert(counters == rows + 1);
  i64 locals = 0, scalars = 0, slots = 0, arguments = 0, results = 0, rounds = 0; // the first cell of each
  i64 size = 0;
};

} // namespace nnc
