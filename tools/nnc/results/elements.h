// The elements of an output, whatever its type: numbers, and their texts.
#pragma once

#include "nnc/nnc.hpp"

#include <cstdint>
#include <string>
#include <vector>

namespace command {

// The elements from `first` on as texts: the shortest decimal that reads back as the same number, in the type of the
// array; "nan", "inf", "-inf"; a bool is 0 or 1.
std::vector<std::string> texts(nnc::Array const&, std::int64_t first, std::int64_t count);
// All elements as f64, which is exact for all but large i64.
std::vector<double> numbers(nnc::Array const&);

// The product of the extents from `axis` on.
std::int64_t count_of(std::vector<std::int64_t> const& shape, std::size_t axis = 0);
// Is there a row for each example? Outputs such as a mean over the batch have none.
bool per_example(nnc::Array const&, std::int64_t examples);

} // namespace command
