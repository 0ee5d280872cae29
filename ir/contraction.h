// What a kernel of kind contract is, in the terms of its nest of loops (codegen/lower/contract_nest.h):
//
//     out[b, m, n] = epilogue(sum over k of lhs[b, m, k] * rhs[b, k, n])
//
// b, m, k and n stand for several axes each, of the space of the node that contracts (ir/index_map.h). The scheduler
// decides by this, the verifier holds schedules against it, and code is made from it.
#pragma once

#include "ir/module.h"

#include <numeric>
#include <utility>

namespace nnc {

// What an axis of the space is to a contraction, by the operands that it moves in: batch in both, rows in the first
// alone, columns in the second alone, depth in no result. What moves in the first alone, in front of its windows, is
// batch too: one image at a time.
struct ContractAxes {
  std::vector<i64> batch, rows, columns, depth; // each in the order of the space
};
ContractAxes contract_axes(Function const&, Node const&);
// The axes of the space that move an axis of lhs together with others: positions and taps of windows, also of one tap.
std::vector<bool> window_axes(Function const&, Node const&);

// Axes that are walked as one, outermost first: element i of them stands at the sum of digit * stride.
struct StridedAxis {
  Dim extent = 1;
  i64 stride = 0;
};
using StridedAxes = std::vector<StridedAxis>;
// One stride for all of them, if there is one.
std::optional<i64> one_stride(StridedAxes const&);

// An operand in memory: from `offset` on, element (outer, inner) of batch b; of lhs outer is m and inner is k, of rhs
// outer is k and inner is n.
struct PlainOperand {
  ValueId stored = no_value;
  StridedAxes batch, outer, inner;
  i64 offset = 0;
};

// The axes of one operand by what the contraction does with them, each list in the order in which it is walked.
struct ContractOperand {
  ValueId value = no_value;
  std::vector<i64> batch, outer, inner; // of the space; batch: all of them, though the operand may not move in some
  std::optional<PlainOperand> plain;    // else it is virtual: computed while it is packed
  bool along_inner = true;              // a vector of a virtual operand runs along inner, else along outer
};

// What the windows of one batch read of lhs, copied with its border and with zeros between dilated elements: box
// coordinate j is the index of an axis of lhs before it is divided, from `least` on.
//
//     low = 1, 3 taps, 4 positions on an image of 4       least = -1, extent = 6:   0 x0 x1 x2 x3 0
//
// A sum that goes over several images (of the derivative of a kernel) has a box for each.
struct WindowBox {
  struct Axis {
    size_t operand_axis = 0;
    i64 least = 0, extent = 1;
    // The range of them, from 0, that lies in the image; nothing where it is not known, or elements stand apart.
    std::optional<std::pair<i64, i64>> inside;
  };
  std::vector<Axis> axes;   // of lhs, in its order
  StridedAxes outer, inner; // where an element of lhs stands, as in PlainOperand
  i64 offset = 0;           //
  i64 elements = 1;         // of one box
  std::optional<i64> image; // the axis of the space that counts images of the sum
  i64 steps = 0;            // of the sum in one image; 0: there is one alone
  // The last two axes, positions and channels, lie in memory one behind the other, the last one without a border.
  bool rows_in_order = false;
};

struct Contraction {
  Node const* dot = nullptr;
  DType dtype = DType::f32;
  Shape space;
  ContractOperand lhs, rhs;
  std::optional<WindowBox> box; // where lhs is read by windows
  bool rhs_shared = false;      // rhs is the same for all batches
  Order::Kind kind = Order::Kind::chain;
  i64 block = 0;             // so many steps of k are a block; 0: no blocks
  std::optional<Dim> period; // steps of k that no block reaches over; nothing: all of them
  Dim batches = 1, rows = 1, depth = 1, columns = 1;

  std::optional<i64> vectors(i64 lanes) const; // in a row of the result, where its extent is known
  std::optional<i64> blocks() const;           // as far as it is known
  bool blocked() const { return block != 0 && blocks().value_or(2) > 1; }
};
Contraction contraction_of(Function const&, Node const& kernel, std::vector<bool> const& numbers);

// Steps of the sum at one stride that the k loop of such an operand makes at a time, whole runs in all; 0: the loop has
// one stride from its start to its end. Nothing: chunks and blocks do not end where runs do.
std::optional<i64> run_of_depth(Contraction const&, StridedAxes const& depth, i64 depth_chunk);

// An rhs whose columns lie apart is packed run by run of the sum: do chunks of it end where runs do?
bool packs_whole_runs(Contraction const&, i64 depth_chunk);

// Does the nest of loops take it? All else is computed element by element, like any other kernel.
bool fits_nest(Function const&, Contraction const&);

// The sum of a dot as one of one axis, or of two: an axis of `outer` periods that no block reaches over.
struct LinearSum {
  Order order; // its blocks are counted in elements of the sum
  Dim outer = 1, period = 1;
  std::vector<Dim> extents() const { return order.axis ? std::vector<Dim>{outer, period} : std::vector<Dim>{period}; }
};
LinearSum linear_sum(Order, Shape const& summed);

Shape extents_of(Shape const&, std::vector<i64> const& axes);

// Accumulators of a tile, a row of vectors of rhs, and one broadcast of lhs.
inline bool fits_registers(i64 rows, i64 vectors, i64 registers) { return rows * vectors + vectors + 1 <= registers; }

// Of chunks of rows, which end with a tile, and where slots do.
inline i64 unit_of_rows(i64 tile_rows) { return std::lcm(row_padding, tile_rows); }

// Columns, the last axes of the result, fill the vectors of a tile.
bool has_columns(Function const&, Node const&);

// Numbers that the nest sums: of 4 or 8 bytes. Sums of narrow floats are in f32 by now (pass `widen`).
inline bool has_nest(DType d) { return bytes(d) >= 4; }

// Both: the nest computes it, unless it is too odd.
bool has_tiles(Function const&, Node const&);

// The memory of a thread's own that the nest takes, in elements; where the lanes run along the sum, the panel holds all
// columns of rhs.
struct ContractBuffers {
  i64 panel = 0, rhs_rows = 0, lhs = 0, totals = 0;
  i64 elements() const { return panel + rhs_rows + lhs + totals; }
};
// The most that a nest may take of it, and a box for one image alone: every member of a team has as much.
inline constexpr i64 most_bytes_of_nest = i64{64} << 20, most_bytes_of_box = i64{32} << 20;
// A chunk of a sum over images ends with an image if it is a multiple of this, counted as depth_chunk is: in whole
// blocks. 0: there is no such chunk.
i64 chunk_of_images(Contraction const&);
i64 images_of_chunk(Contraction const&, ContractSchedule const&); // boxes that are packed at a time
// Does lhs have to be packed for each chunk of k?
bool packs_by_chunks(ContractSchedule const&);
i64 rows_of_totals(ContractSchedule const&); // that wait for the next chunk of k, or for the epilogue
i64 panels_of_totals(Contraction const&, ContractSchedule const&, i64 lanes);
ContractBuffers buffers_of(Contraction const&, ContractSchedule const&, i64 lanes);
i64 packed_depth(Contraction const&, ContractSchedule const&); // steps of k that a packed lhs holds

} // namespace nnc
