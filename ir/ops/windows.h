// What operators that read by windows share. At position o and tap k a window is at
//
//     i = (o * stride + k * rhs_dilation - low) / lhs_dilation        where that is an index of the operand
//
// The names are those of a convolution, whose lhs is read and whose rhs has the taps.
#pragma once

#include "ir/ops/rules.h"

namespace nnc::rules {

struct Window {
  i64 stride = 1, low = 0, lhs_dilation = 1, rhs_dilation = 1;
  // The index, where there is one.
  std::optional<i64> index(i64 position, i64 tap, i64 extent) const {
    i64 const at = position * stride + tap * rhs_dilation - low;
    if (at < 0 || at % lhs_dilation != 0 || at / lhs_dilation >= extent) return {};
    return at / lhs_dilation;
  }
};

Window window_of(Attributes const&, size_t number);
void set_windows(Attributes&, std::vector<Window> const&);
// All lists that say something of windows have `count` values, which make sense.
void check_windows(Attributes const&, size_t count);

// Which position reads this index, by this tap? A window over positions, again.
Window turned_to_indices(Window);

// The coordinate of an index map: axes of the space that count positions and taps.
IndexMap::Coordinate window_coordinate(Window const&, i64 position_axis, i64 tap_axis, Dim const& positions,
                                       Dim const& taps, Dim const& extent);

// Every index of these extents, row-major.
template <class Body>
void each_index(std::vector<i64> const& extents, Body body) {
  if (std::find(extents.begin(), extents.end(), 0) != extents.end()) return;
  std::vector<i64> at(extents.size());
  while (true) {
    body(at);
    size_t i = extents.size();
    while (i > 0 && ++at[i - 1] == extents[i - 1]) at[--i] = 0;
    if (i == 0) return;
  }
}

inline constexpr AttributeSpec window_attributes[] = {
    {"extents", AttributeKind::dims, false, "the number of positions of each window"},
    {"stride", AttributeKind::integers, true, "from position to position, of each window; 1 when absent"},
    {"low", AttributeKind::integers, true,
     "how far in front of the first element the first position is; 0 when absent"},
    {"lhs_dilation", AttributeKind::integers, true, "from element to element of what is read; 1 when absent"},
    {"rhs_dilation", AttributeKind::integers, true, "from tap to tap; 1 when absent"}};

} // namespace nnc::rules
