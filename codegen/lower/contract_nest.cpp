// The loops around the tiles of a contraction, as its schedule says.
#include "codegen/lower/contract_nest.h"

namespace nnc {

ContractNest::ContractNest(Puller& puller, ContractSpec const& spec)
    : p_(puller), b(puller.builder()), spec_(spec), schedule_(spec.schedule) {
  if (spec.what.kind == Order::Kind::lanes) return;
  using Use = ScratchBuffer::Use;
  panel_buffer_ = p_.scratch("panel", Use::panel);
  row_buffer_ = p_.scratch("rows of rhs", Use::rhs_rows);
  lhs_buffer_ = p_.scratch("lhs", Use::lhs);
  scratch_buffer_ = p_.scratch("totals", Use::totals);
  auto small = [&](char const* name, i64 elements) { return b.stack_buffer(name, bytes(dtype()) * elements); };
  if (flat()) flat_buffer_ = small("flat", schedule_.tile_rows * columns() + lanes());
  if (spec_.exact) spoilt_buffer_ = small("spoilt", lanes());
}

// Where index i of axes that are walked as one lies.
Ref ContractNest::at(StridedAxes const& levels, Ref index) {
  Ref sum = b.integer(0);
  for (size_t i = levels.size(); i-- > 0;) {
    Ref digit = index;
    if (i > 0) {
      Ref const extent = b.integer(*levels[i].extent.constant());
      digit = b.remainder(index, extent);
      index = b.quotient(index, extent);
    }
    sum = b.add(sum, b.multiply(digit, levels[i].stride));
  }
  return sum;
}

// The thread's share of `units` things, each of `unit` elements; the last thread goes to `end`.
ContractNest::Range ContractNest::share(Ref units, i64 unit, Ref end) {
  if (spec_.threads == no_ref) return {b.integer(0), end};
  auto bound = [&](Ref t) { return b.multiply(b.quotient(b.multiply(t, units), spec_.threads), unit); };
  Ref next = add(spec_.thread, 1);
  Ref last = b.compute(OpCode::eq, {next, spec_.threads});
  return {bound(spec_.thread), b.compute(OpCode::select, {last, end, bound(next)})};
}

// The same for rows, in whole tiles.
ContractNest::Range ContractNest::share_rows(i64 tile) {
  i64 const unit = tile;
  return share(b.quotient(add(spec_.rows.value, unit - 1), b.integer(unit)), unit, spec_.rows.value);
}

void ContractNest::emit() {
  if (spec_.what.kind == Order::Kind::lanes) return in_lanes();
  using Split = ContractSchedule::Split;
  Range batches{b.integer(0), spec_.batches.value}, vectors{b.integer(0), vector_count()};
  at_.rows = {b.integer(0), spec_.rows.value};
  switch (schedule_.split) {
  case Split::batches: batches = share(spec_.batches.value, 1, spec_.batches.value); break;
  case Split::columns: // in pairs of vectors: then no thread gets a single one, which would need a third width of panel
    vectors = share(b.quotient(vector_count(), b.integer(2)), 2, vector_count());
    break;
  case Split::rows: at_.rows = share_rows(schedule_.tile_rows); break;
  }
  count_chunks();
  if (schedule_.rhs_once) pack_all_panels();
  each(batches.from, batches.to, 1, [&](Ref batch) {
    at_.batch = batch;
    chunks_of_rows(vectors);
  });
}

// One scratch tile does when all of k turns out to be one chunk.
void ContractNest::count_chunks() {
  if (blocked()) {
    bool one = spec_.period.value == no_ref;
    blocks_ = blocks_of(one ? spec_.depth.value : spec_.period.value);
    if (!one) blocks_ = b.multiply(b.quotient(spec_.depth.value, spec_.period.value), blocks_);
  }
  if (schedule_.finish_rows) scratch_stride_ = b.integer(row_of_tile() * lanes());
  if (!schedule_.depth_chunk) return;
  scratch_stride_ = b.integer(widest() * lanes() * places());
  if (schedule_.depth_outside) panel_scratch_ = b.multiply(scratch_stride_, rows_of_totals(schedule_));
  if (spec_.depth.constant) return;
  one_chunk_ = blocked() ? b.compute(OpCode::le, {blocks_, b.integer(schedule_.depth_chunk / block())})
                         : b.compute(OpCode::le, {spec_.depth.value, b.integer(schedule_.depth_chunk)});
  auto unless_one = [&](Ref stride) { return b.compute(OpCode::select, {one_chunk_, b.integer(0), stride}); };
  scratch_stride_ = unless_one(scratch_stride_);
  if (panel_scratch_ != no_ref) panel_scratch_ = unless_one(panel_scratch_);
}

// `count` vectors are covered by wide panels and then narrow ones. With widths 3 and 2: as many threes as leave 0, 2
// or 4. With 2 and 1: twos, and a one if the count is odd.
void ContractNest::panels(Range vectors, std::function<void()> const& body) {
  auto const& widths = schedule_.panels;
  i64 wide = widths[0];
  if (widths.size() == 1) {
    at_.vectors = b.integer(wide);
    return each(vectors.from, vectors.to, wide, [&](Ref v) {
      at_.number = b.quotient(b.subtract(v, vectors.from), b.integer(wide));
      at_.column = b.multiply(v, lanes());
      body();
    });
  }
  Ref count = b.subtract(vectors.to, vectors.from);
  Ref rest = b.remainder(count, b.integer(wide)), panels = b.quotient(add(count, wide - 1), b.integer(wide));
  Ref threes = b.quotient(count, b.integer(wide));
  if (wide == 3)
    threes = b.compute(OpCode::select, {b.compute(OpCode::eq, {rest, b.integer(1)}), add(threes, -1), threes});
  each(b.integer(0), panels, 1, [&](Ref panel) {
    Ref narrow = b.maximum(b.integer(0), b.subtract(panel, threes)); // narrow panels before this one
    Ref first = b.subtract(b.multiply(panel, wide), b.multiply(narrow, wide - widths[1]));
    Ref is_wide = b.compute(OpCode::lt, {panel, threes});
    at_.vectors = b.compute(OpCode::select, {is_wide, b.integer(wide), b.integer(widths[1])});
    at_.number = panel;
    at_.column = b.multiply(b.add(vectors.from, first), lanes());
    body();
  });
}

// Where a block starts; where all of k ends, for the number behind the last.
Ref ContractNest::start_of_block(Ref number) {
  if (spec_.period.value == no_ref) return b.minimum(b.multiply(number, block()), spec_.depth.value);
  Ref in_period = blocks_of(spec_.period.value);
  return b.add(b.multiply(b.quotient(number, in_period), spec_.period.value),
               b.multiply(b.remainder(number, in_period), block()));
}

// The panel of rhs at the chunk of k, and all rows.
void ContractNest::panel_of_chunk() {
  Ref const from = at_.depth.from;
  at_.panel = b.integer(0);
  if (schedule_.direct) {
    auto const& rhs = *spec_.rhs.plain;
    at_.panel = b.add(b.add(start_of(rhs), at(rhs.outer, from)), at_.column);
  } else if (schedule_.rhs_once) {
    at_.panel = b.multiply(at_.column, spec_.depth.value);
  } else {
    pack_rhs();
  }
  if (lhs_in_chunks() && !schedule_.depth_outside) pack_lhs(at_.depth);
  each(at_.rows.from, at_.rows.to, schedule_.tile_rows, [&](Ref m) { tile(m); });
}

template <class Body>
void ContractNest::chunks_of_depth(Body body) {
  auto chunk = [&](Ref from, Ref to) {
    at_.depth = {from, to};
    body();
  };
  Ref zero = b.integer(0);
  at_.blocks = {zero, blocks_};
  if (schedule_.depth_chunk == 0) return chunk(zero, spec_.depth.value);
  if (blocked()) {
    i64 blocks = schedule_.depth_chunk / block();
    return every(zero, blocks_, blocks, [&](Ref number) {
      at_.blocks = {number, b.minimum(add(number, blocks), blocks_)};
      chunk(start_of_block(number), start_of_block(at_.blocks.to));
    });
  }
  every(b.integer(0), spec_.depth.value, schedule_.depth_chunk,
        [&](Ref k) { chunk(k, b.minimum(add(k, schedule_.depth_chunk), spec_.depth.value)); });
}

void ContractNest::chunks_of_rows(Range vectors) {
  Range all = at_.rows;
  bool one = schedule_.row_chunk == 0 || (spec_.rows.constant && *spec_.rows.constant <= schedule_.long_chunk());
  auto chunk = [&] {
    if (schedule_.depth_outside)
      return chunks_of_depth([&] {
        pack_lhs(at_.depth);
        panels(vectors, [&] { panel_of_chunk(); });
      });
    if (lhs_packed() && !lhs_in_chunks()) pack_lhs({b.integer(0), spec_.depth.value});
    panels(vectors, [&] { chunks_of_depth([&] { panel_of_chunk(); }); });
    if (schedule_.finish_rows) finish_rows(vectors);
  };
  if (one) return chunk();
  Ref size = b.integer(schedule_.row_chunk);
  if (one_chunk_ != no_ref) size = b.compute(OpCode::select, {one_chunk_, size, b.integer(schedule_.long_chunk())});
  Ref chunks = b.quotient(b.add(b.subtract(all.to, all.from), add(size, -1)), size);
  each(b.integer(0), chunks, 1, [&](Ref number) {
    Ref m = b.add(all.from, b.multiply(number, size));
    at_.rows = {m, b.minimum(b.add(m, size), all.to)};
    chunk();
  });
  at_.rows = all;
}

} // namespace nnc
