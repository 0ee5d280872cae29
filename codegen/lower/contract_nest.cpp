// The choices of a contraction (tile, panels, chunks, what threads divide) and the loops around its tiles.
#include "codegen/lower/contract_nest.h"

#include <algorithm>

namespace nnc {
namespace {

constexpr i64 longest_depth = 2048;  // of one chunk of k: a panel of 24 columns then takes 192 KiB
constexpr i64 chunk_depth = 1024;    // when k is longer, or known at run time only
constexpr i64 longest_block = 8192;  // a block is never cut
constexpr i64 chunk_depth_lhs = 512; // when lhs is packed with each chunk
constexpr i64 longest_packed =
    32 * 1024; // of a known depth, of which a packed lhs holds all: 16 rows and slack are 4 MiB
constexpr i64 packed_lhs_bytes = 512 * 1024, most_packed_lhs_bytes = 1024 * 1024;
constexpr i64 rows_of_totals = 1024;
constexpr i64 bytes_of_totals = 1024 * 1024; // what the totals take on the stack when there are levels of them

i64 round_up(i64 n, i64 unit) { return (n + unit - 1) / unit * unit; }

// Row stride for rows that are read at the same time: whole vectors, and not a multiple of 1 KiB, so that neighbouring
// rows do not share the sets of a cache.
i64 spread(i64 row, i64 lanes) {
  row = round_up(row, lanes) + lanes;
  return row % 256 == 0 ? row + 16 : row;
}

// Panel widths whose sums make every number of vectors that a thread can get (never 1, unless there is only one).
std::vector<i64> widths_of(i64 vectors, i64 widest) {
  if (vectors == 1 || widest == 1) return {1};
  if (widest == 2) return vectors % 2 == 0 ? std::vector<i64>{2} : std::vector<i64>{2, 1};
  if (vectors == 2 || vectors == 4) return {2};
  if (vectors == 3) return {3};
  return {3, 2};
}

// Most rows (a power of two) that fit beside NV vectors of rhs and one broadcast: 4x3, 4x2, 8x1 of 16 registers.
i64 rows_of_tile(i64 registers, i64 width) {
  i64 most = std::min<i64>(8, (registers - 1 - width) / width), rows = 1;
  while (rows * 2 <= most) rows *= 2;
  return rows;
}

} // namespace

ContractChoice choose(ContractSpec const& s) {
  using Split = ContractChoice::Split;
  ContractChoice choice;
  i64 lanes = s.lanes, vectors = (s.columns + lanes - 1) / lanes;
  choice.widths = widths_of(vectors, s.tile_vectors ? s.tile_vectors : 3);
  choice.tile_rows = s.tile_rows ? s.tile_rows : rows_of_tile(s.registers, choice.widths[0]);
  while (choice.tile_rows & (choice.tile_rows - 1)) --choice.tile_rows; // divides 16, as chunks of rows do
  if (s.rows.constant) choice.tile_rows = std::min(choice.tile_rows, *s.rows.constant);

  choice.direct = !s.pack_rhs && s.rhs.plain && s.rhs.plain->inner_stride == 1 && s.columns % lanes == 0;
  if (!s.depth.constant || *s.depth.constant > longest_depth) {
    i64 depth = s.lhs.plain || packs_all_depth(s) ? chunk_depth : chunk_depth_lhs;
    choice.depth_chunk = s.block ? round_up(depth, s.block) : depth;
  }
  if (in_blocks(s)) choice.places = places_for(known_blocks(s));

  i64 chunk = 0;
  if (!s.lhs.plain) {
    choice.packed_span = packs_all_depth(s) ? *s.depth.constant : choice.depth_chunk;
    choice.packed_row = spread(choice.packed_span, lanes);
    i64 bytes = packs_all_depth(s) ? packed_lhs_bytes : most_packed_lhs_bytes;
    chunk = std::max<i64>(16, bytes / (4 * choice.packed_row) / 16 * 16);
  }
  if (choice.depth_chunk) chunk = chunk ? std::min(chunk, rows_of_totals) : rows_of_totals;
  if (chunk && s.rows.constant) chunk = std::min(chunk, round_up(*s.rows.constant, 16));
  choice.row_chunk = choice.row_chunk_long = chunk;
  if (choice.depth_chunk) {
    i64 row = 4 * choice.widths[0] * lanes * choice.places;
    choice.row_chunk_long = std::min(chunk, std::max<i64>(16, bytes_of_totals / row / 16 * 16));
    if (s.depth.constant) choice.row_chunk = choice.row_chunk_long;
  }
  if (!s.rhs.plain && !s.rhs.along_inner)
    choice.packed_depth = spread(choice.depth_chunk ? choice.depth_chunk : *s.depth.constant, lanes);

  bool few_rows = s.rows.constant && *s.rows.constant <= 2 * choice.tile_rows;
  if (!s.batches.constant || *s.batches.constant > 1) choice.split = Split::batches;
  else if (vectors >= 8 || (few_rows && vectors >= 2)) choice.split = Split::columns;
  return choice;
}

bool packs_all_depth(ContractSpec const& s) { return s.depth.constant && *s.depth.constant <= longest_packed; }

bool in_blocks(ContractSpec const& s) { return s.block != 0 && known_blocks(s).value_or(2) > 1; }

std::optional<i64> known_blocks(ContractSpec const& s) {
  auto period = s.period.value == no_ref ? s.depth.constant : s.period.constant;
  if (!s.depth.constant || !period) return {};
  return BlockRanges{*s.depth.constant, *period, s.block}.count();
}

bool can_contract(ContractSpec const& s) {
  if (s.kind == Order::Kind::lanes) return can_contract_lanes(s);
  bool rhs = !s.rhs.plain || s.rhs.plain->inner_stride == 1 || s.rhs.plain->outer_stride == 1;
  return rhs && s.block <= longest_block && s.columns >= 1;
}

ContractNest::ContractNest(Puller& puller, ContractSpec const& spec, ContractChoice choice)
    : p_(puller), b(puller.builder()), spec_(spec), choice_(std::move(choice)) {
  if (spec.kind == Order::Kind::lanes) return;
  i64 panel = choice_.widths[0] * lanes();
  i64 depth = choice_.depth_chunk ? choice_.depth_chunk : *spec.depth.constant;
  i64 totals = choice_.depth_chunk ? round_up(choice_.row_chunk_long, choice_.tile_rows) : choice_.tile_rows;
  auto buffer = [&](char const* name, i64 elements) { return b.stack_buffer(name, 4 * elements); };
  if (!choice_.direct)
    panel_buffer_ = buffer("panel", panel * (depth + lanes())); // a transposing pack writes a little more
  if (choice_.packed_depth) row_buffer_ = buffer("rows of rhs", panel * choice_.packed_depth);
  if (lhs_packed()) lhs_buffer_ = buffer("lhs", (choice_.row_chunk + lanes()) * choice_.packed_row);
  if (flat()) flat_buffer_ = buffer("flat", choice_.tile_rows * spec.columns + lanes());
  scratch_buffer_ = buffer("totals", panel * std::max<i64>(totals, 1) * choice_.places);
}

// The thread's part of `units` things, each of `unit` elements; the last thread goes to `end`.
ContractNest::Range ContractNest::share(Ref units, i64 unit, Ref end) {
  if (spec_.threads == no_ref) return {b.integer(0), end};
  auto bound = [&](Ref t) { return b.multiply(b.quotient(b.multiply(t, units), spec_.threads), unit); };
  Ref next = add(spec_.thread, 1);
  Ref last = b.compute(OpCode::eq, {next, spec_.threads});
  return {bound(spec_.thread), b.compute(OpCode::select, {last, end, bound(next)})};
}

void ContractNest::emit() {
  if (spec_.kind == Order::Kind::lanes) return in_lanes();
  using Split = ContractChoice::Split;
  Range batches{b.integer(0), spec_.batches.value}, vectors{b.integer(0), b.integer(vector_count())};
  at_.rows = {b.integer(0), spec_.rows.value};
  switch (choice_.split) {
  case Split::batches: batches = share(spec_.batches.value, 1, spec_.batches.value); break;
  case Split::columns: // in pairs of vectors: then no thread gets a single one, which would need a third width of panel
    vectors = share(b.integer(vector_count() / 2), 2, b.integer(vector_count()));
    break;
  case Split::rows: {
    i64 unit = spec_.rows.constant ? choice_.tile_rows : 16;
    at_.rows = share(b.quotient(add(spec_.rows.value, unit - 1), b.integer(unit)), unit, spec_.rows.value);
  }
  }
  count_chunks();
  each(batches.from, batches.to, 1, [&](Ref batch) {
    at_.batch = batch;
    chunks_of_rows(vectors);
  });
}

// One tile of scratch does when all of k turns out to be one chunk.
void ContractNest::count_chunks() {
  if (blocked()) {
    bool one = spec_.period.value == no_ref;
    blocks_ = blocks_of(one ? spec_.depth.value : spec_.period.value);
    if (!one) blocks_ = b.multiply(b.quotient(spec_.depth.value, spec_.period.value), blocks_);
  }
  if (!choice_.depth_chunk) return;
  scratch_stride_ = b.integer(choice_.widths[0] * lanes() * choice_.places);
  if (spec_.depth.constant) return;
  one_chunk_ = blocked() ? b.compute(OpCode::le, {blocks_, b.integer(choice_.depth_chunk / spec_.block)})
                         : b.compute(OpCode::le, {spec_.depth.value, b.integer(choice_.depth_chunk)});
  scratch_stride_ = b.compute(OpCode::select, {one_chunk_, b.integer(0), scratch_stride_});
}

void ContractNest::chunks_of_rows(Range vectors) {
  Range all = at_.rows;
  bool one = choice_.row_chunk == 0 || (spec_.rows.constant && *spec_.rows.constant <= choice_.row_chunk_long);
  auto chunk = [&] {
    if (lhs_packed() && !lhs_in_chunks()) pack_lhs({b.integer(0), spec_.depth.value});
    panels(vectors);
  };
  if (one) return chunk();
  Ref size = b.integer(choice_.row_chunk);
  if (one_chunk_ != no_ref) size = b.compute(OpCode::select, {one_chunk_, size, b.integer(choice_.row_chunk_long)});
  Ref chunks = b.quotient(b.add(b.subtract(all.to, all.from), add(size, -1)), size);
  each(b.integer(0), chunks, 1, [&](Ref number) {
    Ref m = b.add(all.from, b.multiply(number, size));
    at_.rows = {m, b.minimum(b.add(m, size), all.to)};
    chunk();
  });
  at_.rows = all;
}

// `count` vectors are covered by wide panels and then narrow ones. With widths 3 and 2: as many threes as leave 0, 2
// or 4. With 2 and 1: twos, and a one if the count is odd.
void ContractNest::panels(Range vectors) {
  auto const& widths = choice_.widths;
  i64 wide = widths[0];
  if (widths.size() == 1) {
    at_.vectors = b.integer(wide);
    return each(vectors.from, vectors.to, wide, [&](Ref v) {
      if (lhs_in_chunks()) at_.first = b.compute(OpCode::eq, {v, vectors.from});
      at_.column = b.multiply(v, lanes());
      chunks_of_depth();
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
    if (lhs_in_chunks()) at_.first = b.compute(OpCode::eq, {panel, b.integer(0)});
    at_.column = b.multiply(b.add(vectors.from, first), lanes());
    chunks_of_depth();
  });
}

// With each panel, unless one chunk holds all of k: then it is still there from the first one.
void ContractNest::pack_lhs_again() {
  if (one_chunk_ == no_ref) return pack_lhs(at_.depth);
  Ref needed = b.compute(OpCode::or_, {at_.first, b.compute(OpCode::not_, {one_chunk_})});
  each(b.integer(0), b.compute(OpCode::select, {needed, b.integer(1), b.integer(0)}), 1,
       [&](Ref) { pack_lhs(at_.depth); });
}

// Where a block starts; where all of k ends, for the number behind the last.
Ref ContractNest::start_of_block(Ref number) {
  if (spec_.period.value == no_ref) return b.minimum(b.multiply(number, spec_.block), spec_.depth.value);
  Ref in_period = blocks_of(spec_.period.value);
  return b.add(b.multiply(b.quotient(number, in_period), spec_.period.value),
               b.multiply(b.remainder(number, in_period), spec_.block));
}

void ContractNest::chunks_of_depth() {
  auto chunk = [&](Ref from, Ref to) {
    at_.depth = {from, to};
    at_.panel = b.integer(0);
    if (choice_.direct) {
      auto const& rhs = *spec_.rhs.plain;
      at_.panel = b.add(b.add(rhs.start(at_.batch), b.multiply(from, rhs.outer_stride)), at_.column);
    } else {
      pack_rhs();
    }
    if (lhs_in_chunks()) pack_lhs_again();
    each(at_.rows.from, at_.rows.to, choice_.tile_rows, [&](Ref m) { tile(m); });
  };
  Ref zero = b.integer(0);
  at_.blocks = {zero, blocks_};
  if (choice_.depth_chunk == 0) return chunk(zero, spec_.depth.value);
  if (blocked()) {
    i64 blocks = choice_.depth_chunk / spec_.block;
    return every(zero, blocks_, blocks, [&](Ref number) {
      at_.blocks = {number, b.minimum(add(number, blocks), blocks_)};
      chunk(start_of_block(number), start_of_block(at_.blocks.to));
    });
  }
  every(b.integer(0), spec_.depth.value, choice_.depth_chunk,
        [&](Ref k) { chunk(k, b.minimum(add(k, choice_.depth_chunk), spec_.depth.value)); });
}

} // namespace nnc
