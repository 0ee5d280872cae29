// Values that lie in memory as they are, perhaps seen through nodes that only move elements (ir/index_map.h): what is
// stored, and with which strides it is read.
#pragma once

#include "ir/module.h"

namespace nnc {

struct View {
  ValueId stored = no_value;
  std::vector<i64> strides; // of each axis, in elements
  i64 offset = 0;           // where the first element is
};

// Of what a node of the kernel reads; nothing when it is computed there, is a number that threads hold (per value:
// numbers_of_threads), or has no constant strides.
std::optional<View> view_of(Function const&, Node const& kernel, std::vector<bool> const& numbers, ValueId);

// The stride of several axes walked as one, if there is one.
std::optional<i64> stride_of(Shape const&, View const&, std::vector<i64> const& axes);

} // namespace nnc
