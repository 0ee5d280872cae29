// The facts of a kernel, which stand in its node beside the nodes that it holds: by which way code is made of it, what
// `schedule` has decided about its speed, and where `plan_memory` has put its results. In the text they are attributes
// (ir/kernel_fields.h). What each kind of kernel may hold is checked by ir/verify/kernel.cpp.
#pragma once

#include "ir/basic.h"

#include <array>
#include <optional>
#include <string_view>
#include <vector>

namespace nnc {

struct Function;
struct Node;

// The ways by which code is made of a kernel.
enum class KernelKind : u8 {
  scalars,   // numbers that every thread computes for itself
  pointwise, // one element of each result after the other
  rows,      // row by row, in stages
  scatter,   // one scatter_add
  lines,     // one node that goes along the lines of an axis
  contract,  // one dot with its prologue and epilogue
};
inline constexpr std::array<std::string_view, 6> kernel_kinds{"scalars", "pointwise", "rows",
                                                              "scatter", "lines",     "contract"};
inline std::string_view name(KernelKind k) { return kernel_kinds[static_cast<size_t>(k)]; }

// Where a kernel's result lives.
struct Place {
  enum class Kind : u8 {
    slot,     // index into Function::slots, in the arena
    argument, // in place of the argument with this index
    result,   // the caller's buffer of the result with this index
    local,    // a scalar that every thread computes for itself; index into a per-thread array
    round,    // what a round of a scan reads or gives of a sequence, which lies in a slot; numbered in the function
  };
  Kind kind = Kind::slot;
  i64 index = 0;
  bool operator==(Place const&) const = default;
};

// What `schedule` decides of each kind of kernel, from shapes and the numbers of Target alone. Which values are allowed
// is in ir/verify/schedule.cpp; those that stand here are what the absence of a field means.

struct PointwiseSchedule { // of scatter and lines too
  // Of chains: over one index of all axes of a contraction; axis by axis, cut where guards change; no loops.
  enum class Sums : u8 { as_one, by_axes, unrolled };
  i64 lanes = 1;            // elements of the innermost axis, or lines, at a time
  i64 unit = 16;            // elements of it that threads do not share, where it is all that they divide
  Sums sums = Sums::as_one; // how sums inside are walked
  i64 jam = 0;              // the sums at all indices of so many first axes are walked together
  bool operator==(PointwiseSchedule const&) const = default;
};

struct RowsSchedule {
  bool unrolled = false; // a row is no loop: its elements stay in registers from stage to stage
  std::vector<i64> keep; // nodes of the kernel, counted from 0: the first walk that needs their row keeps it in memory
  bool operator==(RowsSchedule const&) const = default;
};

// The nest of a contraction, as drawn in codegen/lower/contract_nest.h. Where the lanes run along the sum (few
// columns), tile_rows alone means something.
struct ContractSchedule {
  // With all of k, with each chunk of it, or as it lies, with its border, for windows to read.
  enum class Pack : u8 { none, whole, chunks, windows };
  enum class Split : u8 { rows, columns, batches };
  i64 tile_rows = 1;       // MR
  std::vector<i64> panels; // widths in vectors (NV), widest first; every number of vectors that is met is a sum of them
  i64 depth_chunk = 0;     // steps of k at a time; 0: all
  i64 row_chunk = 0;       // rows at a time; 0: all
  i64 row_chunk_long = 0;  // the same when a k of unknown length takes more than one chunk; 0: no other number
  bool direct = false;     // rhs is read where it lies, not packed into panels
  bool depth_outside = false; // chunks of k are walked outside of the panels, whose totals all wait for the next one
  bool finish_rows = false;   // the epilogue goes along whole rows, when all panels of a chunk of rows are done
  Pack pack_lhs = Pack::none; // none: lhs is read where it lies
  bool box_rows = false;      // the last two axes of a window box are packed as one
  i64 lhs_ahead = 0;          // steps of k by which lhs, where it lies, is asked for ahead; 0: it is not
  bool rhs_once = false;      // all panels are packed once, for all batches
  i64 lhs_stride = 0;         // elements from row to row of a packed lhs
  i64 rhs_stride = 0;         // of rows of a virtual rhs that runs along k
  Split split = Split::rows;  // what threads divide
  bool prefetch = false;      // results that are updated in place are asked for before the k loop
  bool operator==(ContractSchedule const&) const = default;
  i64 long_chunk() const { return row_chunk_long ? row_chunk_long : row_chunk; }
};
inline constexpr std::array<std::string_view, 3> sum_walks{"as_one", "by_axes", "unrolled"};
inline constexpr std::array<std::string_view, 4> contract_packs{"none", "whole", "chunks", "windows"};
inline constexpr std::array<std::string_view, 3> contract_splits{"rows", "columns", "batches"};

// How fast, never what: any schedule that verifies gives the same bits.
struct Schedule {
  bool parallel = false; // split among the threads; else the first one does all of it
  std::vector<i64> cut;  // pointwise and rows: loops (ir/cuts.h) that are cut where guards change
  PointwiseSchedule pointwise;
  RowsSchedule rows;
  ContractSchedule contract;
  bool operator==(Schedule const&) const = default;
};

struct Kernel {
  KernelKind kind = KernelKind::pointwise;
  i64 row_axes = 0;                         // rows: the last axes of the space, which its reductions reduce
  std::optional<Schedule> schedule;         // nothing before `schedule`, and for scalars
  std::optional<std::vector<Place>> places; // one per result; nothing before `plan_memory`
  bool barrier = false;                     // waits for the other threads before it starts
  bool operator==(Kernel const&) const = default;
  // Before it is scheduled, it might be.
  bool is_parallel() const { return kind != KernelKind::scalars && (!schedule || schedule->parallel); }
};

bool is_kernel(Node const&, KernelKind);
bool has_kernels(Function const&);
bool is_planned(Function const&); // its kernels have places

} // namespace nnc
