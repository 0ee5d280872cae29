// The order of the examples. (Random tensors are drawn by compiled code, on the same words.)
#pragma once

#include "ir/random.h"

#include <vector>

namespace nnc {

// The rows 0 .. count-1 in the order in which `epoch` (from 1) sees them: a Fisher-Yates shuffle that depends on the
// seed and the epoch alone. Throws Error when count does not fit into 31 bits.
std::vector<i32> shuffled_rows(i64 count, u64 seed, i64 epoch);

// `count` draws with replacement, of the row i with probability weights[i] / their sum; they depend on the seed, the
// epoch and the weights alone. There is a weight above 0, none is below, and the sum is finite.
std::vector<i32> sampled_rows(std::vector<f64> const& weights, u64 seed, i64 epoch);

// As many draws with replacement as there are rows in all classes: of every class with the same probability, and of
// every row of it with the same. No class is empty.
std::vector<i32> balanced_rows(std::vector<std::vector<i32>> const& classes, u64 seed, i64 epoch);

// The same rows in the order of the file.
std::vector<i32> rows_in_order(i64 count);

} // namespace nnc
