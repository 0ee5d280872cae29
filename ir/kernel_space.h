// The space of indices that a kernel walks: what its schedule is decided by, and its loops are made of.
#pragma once

#include "ir/module.h"

namespace nnc {

// The order of a node that sums or folds. Without the attribute it is a chain, and lanes where argmax or argmin looks
// along the last axes.
Order order_of(Function const&, Node const&);
bool has_order(Function const&, Node const& kernel, Order::Kind); // a reduction or contraction of this kind

// The axes that a node reduces or contracts.
Shape reduced_extents(Function const&, Node const&);
// The blocks of a sum over these axes, as far as their number is known.
struct SummedBlocks {
  bool one = true; // there are none: all of it is one
  std::optional<i64> count;
};
SummedBlocks summed_blocks(Shape const& extents, Order);

// Runs of axes of a space that one loop can walk as one index, because no node of the kernel needs them apart.
std::vector<int> collapsed_axes(Function const&, Node const& kernel, Shape const& space);

// Elements of the innermost run, of a kernel of kind pointwise. Nothing where it has none: for numbers, for no
// elements.
std::optional<Dim> innermost_run(Function const&, Node const& kernel);

// Terms of each sum of a kernel that is a chain: the most; nothing where there is none, or one of unknown length.
std::optional<i64> longest_chain(Function const&, Node const& kernel);
// Sums of up to so many may be no loops.
inline constexpr i64 most_unrolled = 16;

// May the sums at all indices of so many first axes be walked together? They are those of one contraction, whose result
// has the space of the kernel, and few. How many they are; nothing if they may not.
std::optional<i64> jammed_sums(Function const&, Node const& kernel, i64 axes);
Node const* contraction_in(Node const& kernel); // the first one; null: none

// Of a kernel of kind scatter or lines: its one node.
Node const& node_of(Node const& kernel);
// May threads divide the first axis of a scatter? Not that of a vector: each would look at all that is added.
bool divides_scatter(Function const&, Node const& kernel);

// Of a kernel of kind rows: the space, and how many axes stand in front of a row.
struct RowSpace {
  Shape space;
  size_t outer = 0;
  bool is_shape_of(Shape const& s) const { return s == space; }
  // Elements of a row, where all of its extents are known.
  std::optional<i64> row() const;
};
RowSpace row_space(Function const&, Node const& kernel);
// Does it fold a row in a walk along it? Not so argmax and argmin, which are computed where they are read.
bool folds_row(Node const&);
// The folds of a kernel of kind rows by stages: one stage behind any fold that it depends on.
std::vector<std::vector<Node const*>> stages_of(Node const& kernel);

// The longest row whose elements stay in registers from stage to stage; the most bytes of all the rows that a kernel
// keeps in memory.
inline constexpr i64 longest_unrolled_row = 4 * order_lanes, most_bytes_of_rows = 1 << 16;
// What such a row takes: vectors may reach beyond its end.
i64 bytes_of_row(i64 row, DType);

} // namespace nnc
