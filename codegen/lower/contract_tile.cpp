// One tile: MR rows times NV vectors of columns. The sums run in registers along k, go to a scratch tile,
// and a loop over its vectors runs the epilogue: one copy of its code, whatever its length.
//
// With chunks of k the scratch tile holds the totals so far, and the chain goes on from them. With blocks it holds what
// waits at each level of the tree that joins their results (codegen/lower/blocks.h), in the end the sum at level 0.
#include "codegen/lower/contract_nest.h"

namespace nnc {
i64 ContractNest::panel_stride(i64 width) const {
  return schedule_.direct ? *one_stride(spec_.rhs.plain->outer) : width * lanes();
}

// One step of k: NV loads of rhs, then for every row one broadcast and NV fma. In
// this order the tile needs MR*NV + NV + 1 registers.
void ContractNest::step(Refs& sums, Rows const& rows, Ref panel, i64 width) {
  int rhs = schedule_.direct ? spec_.rhs.plain->buffer : panel_buffer_;
  int lhs = lhs_packed() ? lhs_buffer_ : spec_.lhs.plain->buffer;
  Refs right;
  for (i64 j = 0; j < width; ++j) right.push_back(load(rhs, add(panel, j * lanes())));
  for (i64 i = 0; i < schedule_.tile_rows; ++i) {
    bool one = rows.starts.size() == 1;
    Ref index = one ? add(rows.starts[0], i * rows.row_stride) : rows.starts[static_cast<size_t>(i)];
    Ref left = b.splat(b.load(lhs, dtype(), 1, index), spec_.lanes);
    for (i64 j = 0; j < width; ++j) {
      Ref& sum = sums[static_cast<size_t>(i * width + j)];
      Ref r = right[static_cast<size_t>(j)];
      sum = is_float(dtype()) ? b.fma(left, r, sum) : b.compute(OpCode::add, {sum, b.compute(OpCode::mul, {left, r})});
    }
  }
}

// sums[i][j] += lhs[i, k] * rhs[k, j] for so many steps of k from `depth` on, one chain each: run by run, where lhs has
// no one stride for all of them.
void ContractNest::accumulate(Refs& sums, Ref row, Ref depth, Ref panel, i64 width, Ref steps) {
  bool const packed = lhs_packed() && !by_windows();
  i64 const run = packed ? 0 : *run_of_depth(spec_.what, lhs_depth(), schedule_.depth_chunk);
  if (run == 0) return chain(sums, rows_at(row, depth), panel, width, steps);
  auto loop = p_.open(b.integer(0), b.quotient(steps, b.integer(run)), 1, sums, true);
  sums = loop.carried;
  Ref inside = b.multiply(loop.index, run);
  chain(sums, rows_at(row, b.add(depth, inside)), b.add(panel, b.multiply(inside, panel_stride(width))), width,
        b.integer(run));
  sums = p_.close(sums);
}

// Two steps to a round would be no faster. Rows that have an index each share the counter of the loop: one addition for
// all of them.
void ContractNest::chain(Refs& sums, Rows rows, Ref panel, i64 width, Ref steps) {
  auto tile = static_cast<std::ptrdiff_t>(sums.size());
  bool const one = rows.starts.size() == 1;
  Refs carried = sums;
  if (one) carried.push_back(rows.starts[0]);
  carried.push_back(panel);
  auto const loop = p_.open(b.integer(0), steps, 1, carried, true);
  sums.assign(loop.carried.begin(), loop.carried.begin() + tile);
  panel = loop.carried.back();
  if (one) rows.starts[0] = loop.carried[static_cast<size_t>(tile)];
  else
    for (Ref& start : rows.starts) start = b.add(start, b.multiply(loop.index, rows.depth_stride));
  if (schedule_.lhs_ahead && one)
    b.prefetch(spec_.lhs.plain->buffer, dtype(), add(rows.starts[0], schedule_.lhs_ahead * rows.depth_stride), false);
  step(sums, rows, panel, width);
  Refs next = sums;
  if (one) next.push_back(add(rows.starts[0], rows.depth_stride));
  next.push_back(add(panel, panel_stride(width)));
  carried = p_.close(next);
  sums.assign(carried.begin(), carried.begin() + tile);
}

// Where the k loop of the tile at `row` reads lhs, from `depth` on.
ContractNest::Rows ContractNest::rows_at(Ref row, Ref depth) {
  if (lhs_in_chunks()) depth = b.subtract(depth, at_.depth.from);
  if (lhs_packed() && !by_windows()) {
    Ref inside = b.subtract(row, at_.rows.from);
    if (spec_.lhs.along_inner)
      return {{b.add(b.multiply(inside, schedule_.lhs_stride), depth)}, schedule_.lhs_stride, 1};
    Ref start = b.multiply(inside, packed_depth(spec_.what, schedule_)); // [tile][k][MR]
    return {{b.add(start, b.multiply(depth, schedule_.tile_rows))}, 1, schedule_.tile_rows};
  }
  StridedAxes const &outer = lhs_rows(), &inner = lhs_depth();
  Ref start = by_windows() ? b.integer(spec_.what.box->offset) : start_of(*spec_.lhs.plain);
  start = b.add(start, at(inner, depth));
  i64 const depth_stride = inner.empty() ? 0 : inner.back().stride;
  auto const stride = one_stride(outer);
  bool const in_one_run = stride || *outer.back().extent.constant() % schedule_.tile_rows == 0;
  if (rows_fit() && in_one_run)
    return {{b.add(start, at(outer, row))}, stride.value_or(outer.empty() ? 0 : outer.back().stride), depth_stride};
  Rows rows{{}, 0, depth_stride}; // rows beyond the last repeat it
  for (i64 i = 0; i < schedule_.tile_rows; ++i) {
    Ref number = add(row, i);
    if (!rows_fit()) number = b.minimum(number, add(spec_.rows.value, -1));
    rows.starts.push_back(b.add(start, at(outer, number)));
  }
  return rows;
}

// Only with the first chunk of k: a loop from its start up to 1 runs then.
void ContractNest::start_totals(Ref scratch) {
  Ref start = b.number(0, {dtype(), spec_.lanes});
  each(at_.depth.from, b.integer(1), 1, [&](Ref) {
    for (i64 i = 0; i < schedule_.tile_rows; ++i)
      for (i64 j = 0; j < widest(); ++j) b.store(scratch_buffer_, scratch_at(scratch, i, j), start);
  });
}

// All k of the chunk in one chain, into the scratch tile.
void ContractNest::sum(Ref scratch, Ref row, i64 width) {
  bool goes_on = schedule_.depth_chunk != 0;
  Refs sums;
  for (i64 i = 0; i < schedule_.tile_rows; ++i)
    for (i64 j = 0; j < width; ++j)
      sums.push_back(goes_on ? load(scratch_buffer_, scratch_at(scratch, i, j)) : b.number(0, {dtype(), spec_.lanes}));
  accumulate(sums, row, at_.depth.from, at_.panel, width, depth_of_chunk());
  store_tile(scratch, sums, width);
  note_spoilt(sums);
}

// 0 times each of the sums, in a few chains: a NaN stays one.
void ContractNest::note_spoilt(Refs const& sums) {
  if (!spec_.exact || !is_float(dtype())) return;
  Ref const zero = b.number(0, {dtype(), spec_.lanes});
  Refs chains(std::min<size_t>(4, sums.size()), zero);
  for (size_t i = 0; i < sums.size(); ++i) chains[i % chains.size()] = b.fma(sums[i], zero, chains[i % chains.size()]);
  for (size_t i = 1; i < chains.size(); ++i) chains[0] = b.compute(OpCode::add, {chains[0], chains[i]});
  b.store(spoilt_buffer_, b.integer(0), chains[0]);
}

// Is there a NaN in the tile: 1, else 0.
Ref ContractNest::spoilt() {
  if (!spec_.exact || !is_float(dtype())) return b.integer(0);
  Ref const sum = b.tree(OpCode::add, load(spoilt_buffer_, b.integer(0)));
  return b.select(b.compute(OpCode::ne, {sum, sum}), b.integer(1), b.integer(0));
}

void ContractNest::store_tile(Ref scratch, Refs const& sums, i64 width) {
  for (i64 i = 0; i < schedule_.tile_rows; ++i)
    for (i64 j = 0; j < width; ++j)
      b.store(scratch_buffer_, scratch_at(scratch, i, j), sums[static_cast<size_t>(i * width + j)]);
}

// Block by block, each a chain from +0, joined into the scratch tile.
void ContractNest::sum_blocks(Ref scratch, Ref row) {
  auto vectors = static_cast<size_t>(schedule_.tile_rows * widest());
  Levels levels{scratch_buffer_, {dtype(), spec_.lanes}, std::vector<OpCode>(vectors, OpCode::add), places()};
  every(at_.blocks.from, at_.blocks.to, 1, [&](Ref number) {
    BlockOfMany block{number, blocks_, scratch};
    Ref k = start_of_block(number), place = place_of(b, levels, block);
    Ref steps = b.minimum(b.integer(spec_.what.block), b.subtract(start_of_block(add(number, 1)), k));
    for_width([&](i64 width) {
      Refs sums(static_cast<size_t>(schedule_.tile_rows * width), b.number(0, {dtype(), spec_.lanes}));
      Ref panel = b.add(at_.panel, b.multiply(b.subtract(k, at_.depth.from), panel_stride(width)));
      accumulate(sums, row, k, panel, width, steps);
      store_tile(place, sums, width);
    });
    join_block(p_, levels, block);
  });
  if (!spec_.exact) return;
  for_width([&](i64 width) {
    Refs sums;
    for (i64 i = 0; i < schedule_.tile_rows; ++i)
      for (i64 j = 0; j < width; ++j) sums.push_back(load(scratch_buffer_, scratch_at(scratch, i, j)));
    note_spoilt(sums);
  });
}

// Body for the vectors of a row in columns [from, to); the last ones may have lanes beyond N.
template <class Body>
void ContractNest::each_vector(Ref from, Ref to, Body body) {
  Ref const columns = spec_.columns.value;
  Ref const whole_columns = b.multiply(b.quotient(columns, b.integer(lanes())), lanes());
  Ref const end = b.minimum(to, columns), whole = b.minimum(end, whole_columns);
  auto vector_at = [&](Ref n, Ref limit) {
    p_.set_lanes({spec_.lanes, limit});
    body(n);
    p_.set_lanes({});
  };
  if (spec_.columns.constant.value_or(lanes()) >= lanes())
    each(from, whole, lanes(), [&](Ref n) { vector_at(n, no_ref); });
  if (partial()) // one vector, if the last columns are reached
    each(whole_columns, end, lanes(), [&](Ref n) { vector_at(n, b.subtract(columns, whole_columns)); });
}

void ContractNest::epilogue(Ref scratch, Ref row) {
  Ref rows = b.integer(schedule_.tile_rows);
  if (!rows_fit()) rows = b.minimum(rows, b.subtract(spec_.rows.value, row));
  Ref const end = b.add(at_.column, b.multiply(at_.vectors, lanes()));
  Ref const spoilt = this->spoilt();
  every(b.integer(0), rows, 1, [&](Ref i) {
    each_vector(at_.column, end, [&](Ref n) {
      Ref inside = b.add(b.multiply(i, widest() * lanes()), b.subtract(n, at_.column));
      Ref sums = load(scratch_buffer_, b.add(scratch, inside));
      if (spec_.exact) {
        (void)p_.open(b.integer(0), spoilt, 1, {sums});
        sums = p_.close({b.splat(spec_.exact(at_.batch, b.add(row, i), n), spec_.lanes)}).front();
      }
      spec_.epilogue(at_.batch, b.add(row, i), n, sums);
    });
  });
}

// All that an epilogue reads and writes is walked along rows: what it has of other tensors then comes from far in the
// order in which the processor asks ahead.
void ContractNest::finish_rows(Range vectors) {
  Ref const from = b.multiply(vectors.from, lanes()), to = b.multiply(vectors.to, lanes());
  each(at_.rows.from, at_.rows.to, 1, [&](Ref row) {
    Ref const start = b.multiply(b.subtract(row, at_.rows.from), scratch_stride_);
    each_vector(from, to, [&](Ref n) { spec_.epilogue(at_.batch, row, n, load(scratch_buffer_, b.add(start, n))); });
  });
}

// The rows of the tile one behind the other, as they stand in the result; what the last vector of a row has too much is
// overwritten by the next row.
void ContractNest::flat_epilogue(Ref scratch, Ref row) {
  for (i64 i = 0; i < schedule_.tile_rows; ++i)
    for (i64 j = 0; j < widest(); ++j)
      b.store(flat_buffer_, b.integer(i * columns() + j * lanes()), load(scratch_buffer_, scratch_at(scratch, i, j)));
  Ref first = b.multiply(row, columns());
  each(b.integer(0), b.integer(schedule_.tile_rows * columns()), lanes(), [&](Ref e) {
    p_.set_lanes({spec_.lanes, no_ref});
    spec_.flat_epilogue(b.add(first, e), load(flat_buffer_, e));
    p_.set_lanes({});
  });
}

void ContractNest::tile(Ref row) {
  Ref scratch = b.integer(0);
  if (scratch_stride_ != no_ref) scratch = b.multiply(b.subtract(row, at_.rows.from), scratch_stride_);
  if (schedule_.finish_rows) scratch = b.add(scratch, at_.column);
  if (panel_scratch_ != no_ref) scratch = b.add(scratch, b.multiply(at_.number, panel_scratch_));
  if (spec_.prefetch) spec_.prefetch(at_.batch, row, at_.column, schedule_.tile_rows, widest() * lanes());
  if (!blocked() && schedule_.depth_chunk != 0) start_totals(scratch);
  if (blocked()) sum_blocks(scratch, row);
  else for_width([&](i64 width) { sum(scratch, row, width); });
  if (schedule_.finish_rows) return;
  // Only with the last chunk of k: a loop from K up to one behind the chunk's end runs then.
  each(spec_.depth.value, add(at_.depth.to, 1), 1,
       [&](Ref) { flat() ? flat_epilogue(scratch, row) : epilogue(scratch, row); });
}

} // namespace nnc
