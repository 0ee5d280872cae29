// The order of the examples. (Random tensors are drawn by compiled code, on the same words.)
#pragma once

#include "ir/random.h"

#include <vector>

namespace nnc {

// The rows 0 .. count-1 in the order in which `epoch` (from 1) sees them: a Fisher-Yates shuffle that depends on the
// seed and the epoch alone. Throws Error when count does not fit into 31 bits.
std::vector<i32> shuffled_rows(i64 count, u64 seed, i64 epoch);

// The same rows in the order of the file.
std::vector<i32> rows_in_order(i64 count);

} // namespace nnc
