// Where in a tensor: one index per axis, or per run of neighbouring axes that are indexed as one (row-major). Indices
// may differ from lane to lane. A run is split into its axes only when an operator asks for one of them, so that
// elementwise code over a whole tensor, and reshapes, cost no division.
#pragma once

#include "codegen/loops/builder.h"
#include "ir/index_map.h"

namespace nnc {

// base + lane * step + offsets[lane]
struct At {
  Ref base = no_ref;    // i64
  i64 step = 0;         //
  Ref offsets = no_ref; // i32 per lane; usually none
  bool uniform() const { return step == 0 && offsets == no_ref; }
  bool operator==(At const&) const = default;
};

struct Chunk {
  int axes = 1; // how many neighbouring axes `at` indexes
  At at;
  bool operator==(Chunk const&) const = default;
};

using Index = std::vector<Chunk>; // covers the axes of a shape in order

// What differs from lane to lane at the place where code is being made: `lanes` of them, the first `limit` valid.
struct LaneContext {
  int lanes = 1;
  Ref limit = no_ref; // i64; no_ref: all
};

class Indexer {
public:
  Indexer(LoopBuilder& b, LaneContext const& lanes) : b_(b), lanes_(lanes) {}

  At constant(i64 k) { return {b_.integer(k)}; }
  At add(At, At);
  At scale(At, Dim const& by);
  At quotient(At, Dim const& by);
  At remainder(At, Dim const& by);
  Ref offsets(At);   // everything as i32 lanes; lanes that are not valid repeat the last valid one
  Ref scalar(At);    // of a uniform one
  Ref lane_vector(); // 0, 1, ... as i32, lanes that are not valid repeat the last valid one

  // One At per axis.
  std::vector<At> axes(Index const&, Shape const&);
  // Neighbouring axes [first, last) of an index as one.
  At linear(std::vector<At> const& axes, Shape const&, size_t first, size_t last);
  At linear(Index const&, Shape const&);
  // offset + sum of step * index, at a point of a space.
  At sum(IndexMap::Coordinate const&, Index const& point, Shape const& space);

private:
  Ref in_lanes(Dim const&); // as i32 in every lane
  LoopBuilder& b_;
  LaneContext const& lanes_;
};

Index index_of(std::vector<At> const& axes);

} // namespace nnc
