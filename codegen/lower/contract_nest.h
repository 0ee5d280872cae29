// The fast contraction as loops: out[b,m,n] = epilogue(sum over k of lhs[b,m,k] * rhs[b,k,n]), every sum in the order
// that the program names. Knows nothing of graphs: operands and results are callbacks that the lowering fills.
//
//     for chunk of rows                          one chunk, unless lhs is packed or k is long
//       pack lhs                                 if it is virtual (computed by a prologue)
//       for panel of NV vectors of columns       NV = 3, then 2 at the end; 1 if there is one vector only
//         for chunk of k                         one chunk, unless k is long or known at run time only; outside of the
//                                                panels by depth_outside
//           pack the panel of rhs                the prologue of rhs is computed here
//           for tile of MR rows
//             for block of k                   one without blocks
//               k loop on MR x NV accumulators   NV loads of rhs, MR broadcasts of lhs, MR*NV fma
//               accumulators -> scratch tile     with blocks: joined with those of earlier ones, level by level
//             loop over rows and vectors of the scratch tile: epilogue
//       loop over rows and all their vectors: epilogue        by finish_rows, instead of the one of each tile
//
// Vectors have W lanes:
//
//     panel   [k][NV*W]      |  k=0: n n+1 ... n+NV*W-1  |  k=1: ...        in L1 or L2, read in order
//     lhs     in place, rows [m][k] or columns [k][m]; packed: rows [m][k padded] or columns [m / MR][k][m % MR]
//     scratch [level of blocks][MR][widest NV*W]                             in L1
//
// Register rule: MR*NV accumulators + NV vectors of rhs + 1 broadcast <= registers, so 4 x 3 of 16 and 8 x 3 of 32.
#pragma once

#include "codegen/lower/blocks.h"
#include "ir/contraction.h"

namespace nnc {

// A number of rows, of steps of k, of batches: known now or at run time (always >= 1).
struct Extent {
  Ref value = no_ref;          // i64
  std::optional<i64> constant; // what `value` is, where known
  i64 unit = 1;                // `value` is a multiple of it
};

// An operand in memory: see PlainOperand in ir/contraction.h.
struct OperandInMemory {
  int buffer = 0;
  StridedAxes batch, outer, inner;
  i64 offset = 0;
};

struct NestOperand {
  std::optional<OperandInMemory> plain; // else virtual: `load` is called, with the puller's lanes set
  // The elements from (outer, inner) on, one per lane, along inner or, if not `along_inner`, along outer.
  std::function<Ref(Ref batch, Ref outer, Ref inner)> load;
  bool along_inner = true;
};

struct ContractSpec {
  Contraction what; // ints: multiply and add, wrapping
  ContractSchedule schedule;
  Extent period; // steps of k that no block reaches over; without a value: all of them
  Extent batches, rows, depth, columns;
  NestOperand lhs, rhs; // lhs is virtual where the schedule packs it
  // Elements of a window box (ir/contraction.h): at these indices along its axes, of which the last differs from lane
  // to lane, over the last two axes where the schedule has box_rows; `sure`: where it is known to lie in the image.
  // What is none of its elements is 0.
  std::function<Ref(Ref batch, Ref image, std::vector<At> const& at, bool sure)> window;

  int lanes = 8;                         // W
  Ref thread = no_ref, threads = no_ref; // no_ref: one thread does everything

  // Where elements of lhs may be missing: the sums at [b, row, column ..] without those terms. The nest takes them for
  // 0, so that what a missing one has spoilt, 0 * inf or 0 * NaN, is a NaN, and computed anew. Else empty.
  std::function<Ref(Ref batch, Ref row, Ref column)> exact;

  // Stores the results at [b, row, column ..] from the sums; the puller's lanes are set, the last ones off beyond N.
  std::function<void(Ref batch, Ref row, Ref column, Ref sums)> epilogue;
  // The same for W elements from `element` of the whole result on, if the epilogue needs no axes; may be empty. Narrow
  // results are then stored without lanes that are off.
  std::function<void(Ref element, Ref sums)> flat_epilogue;
  // Asks for the cache lines that the epilogue of a tile will read, before its k loop; may be empty.
  std::function<void(Ref batch, Ref row, Ref column, i64 rows, i64 columns)> prefetch;
};

class ContractNest {
public:
  ContractNest(Puller& puller, ContractSpec const& spec);
  void emit();

private:
  using Refs = std::vector<Ref>;
  struct Range {
    Ref from = no_ref, to = no_ref;
  };
  // The current place in the nest; each loop sets its own.
  struct Where {
    Ref batch = no_ref;
    Range rows;           // of the chunk of rows
    Ref number = no_ref;  // of the panel
    Ref column = no_ref;  // first column of the panel
    Ref vectors = no_ref; // its width
    Range depth;          // of the chunk of k
    Range blocks;         // the same, in blocks
    Ref panel = no_ref;   // where the panel starts in its buffer
  };
  // What the k loop reads of lhs: one index and rows at a constant stride, or an index for each row.
  struct Rows {
    Refs starts;
    i64 row_stride = 0, depth_stride = 0;
  };

  // contract_nest.cpp: loops around the tiles
  Ref at(StridedAxes const&, Ref index);
  Range share(Ref units, i64 unit, Ref end);
  Range share_rows(i64 tile);
  void chunks_of_rows(Range vectors);
  void panels(Range vectors, std::function<void()> const& body);
  template <class Body>
  void chunks_of_depth(Body body);
  void panel_of_chunk();
  void count_chunks();
  Ref rows_of_chunk();
  Ref start_of_block(Ref number);

  // contract_pack.cpp
  void pack_lhs(Range depth);
  void pack_windows(Range depth);
  void pack_windows_row(Ref image, std::vector<At> places, Ref target);
  void pack_all_panels();
  void pack_lhs_rows(Range depth);
  void pack_lhs_columns(Range depth);
  void pack_rhs();
  void pack_rhs_in_order();
  void pack_rhs_through();
  void pack_rhs_transposed();
  void pack_rhs_through_rows();

  // contract_tile.cpp
  void tile(Ref row);
  void start_totals(Ref scratch);
  void sum(Ref scratch, Ref row, i64 width);
  void sum_blocks(Ref scratch, Ref row);
  void store_tile(Ref scratch, Refs const& sums, i64 width);
  Rows rows_at(Ref row, Ref depth);
  void accumulate(Refs& sums, Ref row, Ref depth, Ref panel, i64 width, Ref steps);
  void chain(Refs& sums, Rows rows, Ref panel, i64 width, Ref steps);
  void step(Refs& sums, Rows const& rows, Ref panel, i64 width);
  void note_spoilt(Refs const& sums);
  Ref spoilt();
  void epilogue(Ref scratch, Ref row);
  void flat_epilogue(Ref scratch, Ref row);
  void finish_rows(Range vectors);
  template <class Body>
  void each_vector(Ref from, Ref to, Body body);
  i64 panel_stride(i64 width) const;
  // Vectors from row to row of a tile: its own, or those of whole rows.
  i64 row_of_tile() const { return schedule_.finish_rows ? *spec_.what.vectors(lanes()) : widest(); }
  Ref scratch_at(Ref scratch, i64 row, i64 vector) { return add(scratch, (row * row_of_tile() + vector) * lanes()); }

  // contract_lanes.cpp: few columns, lanes along k
  void in_lanes();
  template <class Body>
  void in_steps(Ref from, Ref to, Body body);
  Refs sums_of_rows(Ref row, i64 rows, i64 stride);
  Refs sums_of_block(Ref row, i64 rows, i64 stride, Ref from, i64 length);

  // Small words.
  i64 lanes() const { return spec_.lanes; }
  i64 columns() const { return *spec_.what.columns.constant(); } // where they are few
  DType dtype() const { return spec_.what.dtype; }
  i64 widest() const { return schedule_.panels.front(); }
  Ref vector_count() { return b.quotient(add(spec_.columns.value, lanes() - 1), b.integer(lanes())); }
  // May the last vector have lanes beyond N?
  bool partial() const { return spec_.columns.constant.value_or(1) % lanes() != 0; }
  bool blocked() const { return spec_.what.blocked(); }
  i64 block() const { return spec_.what.block; }
  i64 places() const { return blocked() ? places_of_blocks(spec_.what.blocks()) : 1; } // of totals of blocks
  // A tile is whole rows of the result, and whole vectors in memory.
  bool flat() const {
    return spec_.flat_epilogue && partial() && rows_fit() && spec_.what.vectors(lanes()) == widest() &&
           schedule_.tile_rows * columns() % lanes() == 0;
  }
  bool lhs_packed() const { return schedule_.pack_lhs != ContractSchedule::Pack::none; }
  bool by_windows() const { return schedule_.pack_lhs == ContractSchedule::Pack::windows; }
  bool lhs_in_chunks() const { return packs_by_chunks(schedule_); }
  // lhs as the k loop reads it, unless it is packed row by row.
  StridedAxes const& lhs_rows() const { return by_windows() ? spec_.what.box->outer : spec_.lhs.plain->outer; }
  StridedAxes const& lhs_depth() const { return by_windows() ? spec_.what.box->inner : spec_.lhs.plain->inner; }
  i64 columns_stride() const { return spec_.rhs.plain->inner.empty() ? 1 : *one_stride(spec_.rhs.plain->inner); }
  bool rows_fit() const {
    return spec_.rows.constant ? *spec_.rows.constant % schedule_.tile_rows == 0
                               : spec_.rows.unit % schedule_.tile_rows == 0;
  }
  Ref blocks_of(Ref depth) { return b.quotient(add(depth, block() - 1), b.integer(block())); }
  Ref start_of(OperandInMemory const& plain) { return add(at(plain.batch, at_.batch), plain.offset); }
  Ref depth_of_chunk() { return b.subtract(at_.depth.to, at_.depth.from); }
  Ref add(Ref x, i64 k) { return b.add(x, b.integer(k)); }
  Ref load(int buffer, Ref index, Ref limit = no_ref) { return b.load(buffer, dtype(), spec_.lanes, index, limit); }
  // Body once for each index of the range.
  template <class Body>
  void each(Ref from, Ref to, i64 step, Body body, bool sure = false) {
    auto loop = p_.open(from, to, step, {}, sure);
    body(loop.index);
    p_.close();
  }
  // The same for a range that is never empty.
  template <class Body>
  void every(Ref from, Ref to, i64 step, Body body) {
    each(from, to, step, body, true);
  }
  // A vector of a virtual operand, whose lanes from `limit` on do not exist.
  template <class Load>
  Ref loaded(Ref limit, Load load) {
    return loaded(limit, spec_.lanes, load);
  }
  template <class Load>
  Ref loaded(Ref limit, int lanes, Load load) {
    p_.set_lanes({lanes, limit});
    Ref v = b.splat(load(), lanes);
    p_.set_lanes({});
    return v;
  }
  // Body for the width of the panel, made once for each width that there is; the loops run once or not at all.
  template <class Body>
  void for_width(Body body) {
    auto const& w = schedule_.panels;
    if (w.size() == 1) return body(w[0]);
    each(b.integer(w[1]), at_.vectors, 1, [&](Ref) { body(w[0]); });
    each(at_.vectors, b.integer(w[0]), 1, [&](Ref) { body(w[1]); });
  }

  Puller& p_;
  LoopBuilder& b;
  ContractSpec const& spec_;
  ContractSchedule const& schedule_;
  Where at_;
  int lhs_buffer_ = -1, panel_buffer_ = -1, row_buffer_ = -1, scratch_buffer_ = -1, flat_buffer_ = -1,
      level_buffer_ = -1, spoilt_buffer_ = -1;
  Ref scratch_stride_ = no_ref; // elements from row to row of the totals; no_ref: one tile only
  Ref panel_scratch_ = no_ref;  // from panel to panel, where those of all panels are kept
  Ref blocks_ = no_ref;         // of all of k
  Ref one_chunk_ = no_ref;      // is there one chunk of k only?
};

} // namespace nnc
