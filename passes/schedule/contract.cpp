// Contractions: tile, panels, chunks, packing, what threads divide.
//
// A tile of MR rows x NV vectors of accumulators, NV vectors of rhs and one broadcast of lhs fill the registers:
// MR * NV + NV + 1 <= registers, so 4 x 3 or 5 x 2 of 16 and 8 x 3 of 32. Rhs is packed panel by panel, unless few rows
// of lhs read it, whole vectors at a time; lhs is read in place, unless it is computed.
#include "passes/schedule/decide.h"

#include <algorithm>
#include <bit>

namespace nnc::scheduling {
namespace {

using Pack = ContractSchedule::Pack;
using Split = ContractSchedule::Split;

constexpr i64 few_rows = 32;              // a panel that so few rows read is not worth packing
constexpr i64 longest_depth = 2048;       // of one chunk of k: a panel of 24 columns then takes 192 KiB
constexpr i64 chunk_depth = 1024;         // when k is longer, or known at run time only
constexpr i64 chunk_depth_lhs = 512;      // when lhs is packed with each chunk
constexpr i64 longest_packed = 32 * 1024; // of a known k, of which a packed lhs holds all: 16 rows and slack are 4 MiB
constexpr i64 bytes_packed_whole = 512 * 1024, bytes_packed_in_chunks = 1024 * 1024;
constexpr i64 most_packed_once = 256 * 1024; // elements of an rhs that is packed for all batches
constexpr i64 most_rows_of_totals = 1024;
constexpr i64 far_apart = 2048; // bytes from step to step of the sum
constexpr i64 apart = 256;      // bytes: the prefetcher of the processor does not follow such steps
constexpr i64 steps_ahead = 24; // hide the latency of the L2 cache, and some of what is behind it
constexpr i64 many_tensors = 3; // of an epilogue: panels would walk along columns of so many
constexpr i64 rows_to_finish = 64;
constexpr i64 bytes_to_finish = 256 * 1024; // of the rows of a chunk
constexpr i64 few_panels = 6;
constexpr i64 bytes_of_totals = 2048 * 1024;          // what the totals take when there are levels of them
constexpr i64 bytes_beside_windows = 8 * 1024 * 1024; // totals, all panels
constexpr i64 bytes_walked = 2048 * 1024;             // of a box that each tile walks from end to end

i64 whole_tiles(i64 rows) { return std::max(row_padding, rows / row_padding * row_padding); }

// Row stride for rows that are read at the same time: whole vectors, and not a multiple of 1 KiB, so that neighbouring
// rows do not share the sets of a cache.
i64 spread(i64 row, i64 lanes) {
  row = round_up(row, lanes) + lanes;
  return row % 256 == 0 ? row + 16 : row;
}

// Panel widths whose sums make every number of vectors that a thread can get; never 1, unless there is only one.
std::vector<i64> panels_of(std::optional<i64> vectors) {
  if (!vectors) return {2, 1};
  if (vectors <= 3) return {*vectors};
  if (vectors == 4) return {2};
  return {3, 2};
}

// As many rows as the registers hold beside the vectors of a panel, for loops of which enough are left.
i64 rows_of_tile(i64 widest, i64 registers) {
  i64 rows = widest == 1 && registers >= 32 ? 16 : widest == 1 || registers >= 32 ? 8 : 4;
  while (rows > 1 && !fits_registers(rows, widest, registers)) rows /= 2;
  return rows;
}

// 4 x 2 of 16 registers is 8 sums, too few to hide the latency of each other: 5 x 2, where rows are read in place and
// there are enough to fill the tiles.
void use_five_rows(ContractSchedule& s, Contraction const& c, i64 registers) {
  constexpr i64 five = 5, enough = 20;
  auto const rows = c.rows.constant().value_or(0);
  bool const in_place = s.pack_lhs == Pack::none || s.pack_lhs == Pack::windows;
  if (!in_place || s.panels.front() != 2 || s.tile_rows != 4 || !fits_registers(five, 2, registers)) return;
  if (rows < enough && (rows == 0 || rows % five)) return;
  if (s.row_chunk && s.row_chunk < rows) {
    if (s.row_chunk < unit_of_rows(five) || s.row_chunk_long) return;
    s.row_chunk -= s.row_chunk % unit_of_rows(five);
  }
  s.tile_rows = five;
}

// Sums in lanes: so many rows that about 8 sums hide the latency of each other.
ContractSchedule decide_lanes(Contraction const& c) {
  i64 const columns = *c.columns.constant();
  return {.tile_rows = columns == 1 ? 4 : columns == 2 ? 2 : 1, .panels = {}};
}

bool reads_in_place(Contraction const& c, i64 lanes) {
  return c.rhs.plain && one_stride(c.rhs.plain->inner) == 1 && one_stride(c.rhs.plain->outer) &&
         c.columns.constant().value_or(1) % lanes == 0 && c.rows.constant().value_or(few_rows + 1) <= few_rows;
}

Split split_of(Contraction const& c, ContractSchedule const& s, i64 lanes) {
  auto const rows = c.rows.constant();
  bool const few = rows && *rows <= 2 * s.tile_rows;
  if (c.batches.constant().value_or(2) > 1) return Split::batches;
  i64 const vectors = c.vectors(lanes).value_or(1);
  return vectors >= 8 || (few && vectors >= 2) ? Split::columns : Split::rows;
}

// Windows are read from a copy of the image with its border; a chunk of a sum over images is as many of them as a block
// has. Both the copy and the panel for so many steps have to fit the scratch; and where the sum goes over the image, a
// tile of a few taps and channels reads all of it, for which it has to be near.
bool decide_windows(ContractSchedule& s, Contraction const& c, i64 lanes) {
  if (!c.box) return false;
  i64 chunk = 0;
  if (c.box->image) {
    chunk = chunk_of_images(c);
    if (chunk == 0 || bytes(c.dtype) * c.box->elements > bytes_walked) return false;
    if (c.depth == Dim(chunk)) chunk = 0;
  }
  if (!run_of_depth(c, c.box->inner, chunk) || !packs_whole_runs(c, chunk)) return false;
  ContractSchedule const with{.panels = s.panels, .depth_chunk = chunk, .pack_lhs = Pack::windows};
  if (bytes(c.dtype) * buffers_of(c, with, lanes).elements() > most_bytes_of_nest - bytes_beside_windows) return false;
  s.pack_lhs = Pack::windows;
  s.box_rows = c.box->rows_in_order;
  s.depth_chunk = chunk;
  return true;
}

// Rows that lie side by side, steps of the sum far apart: from a copy they come in order. One panel reads them once
// anyway, and a copy takes totals for all panels (depth_outside), which many do not pay for.
bool is_better_packed(Contraction const& c, ContractSchedule const& s, i64 lanes) {
  auto const& lhs = c.lhs.plain;
  return lhs && one_stride(lhs->outer) == 1 && !lhs->inner.empty() &&
         lhs->inner.back().stride * bytes(c.dtype) >= far_apart && c.vectors(lanes).value_or(1) > s.panels.front() &&
         *c.vectors(lanes) <= few_panels * s.panels.front();
}

void decide_chunks(ContractSchedule& s, Contraction const& c, i64 lanes) {
  auto const depth = c.depth.constant(), rows = c.rows.constant();
  bool const windows = decide_windows(s, c, lanes);
  bool const in_place = c.lhs.plain && run_of_depth(c, c.lhs.plain->inner, 0);
  bool const packs = !windows && (!in_place || is_better_packed(c, s, lanes)),
             whole = depth && *depth <= longest_packed;
  if (packs) s.pack_lhs = whole ? Pack::whole : Pack::chunks;
  if (!windows && (!depth || *depth > longest_depth)) {
    s.depth_chunk = s.pack_lhs == Pack::chunks ? chunk_depth_lhs : chunk_depth;
    if (c.block) s.depth_chunk = round_up(s.depth_chunk, c.block);
    else if (in_place && c.lhs.plain->inner.size() > 1)
      s.depth_chunk = round_up(s.depth_chunk, *c.lhs.plain->inner.back().extent.constant());
    if (!packs_whole_runs(c, s.depth_chunk)) s.depth_chunk = 0;
  }
  s.depth_outside = packs_by_chunks(s) && c.columns.is_constant();
  if (packs) {
    s.lhs_stride = spread(packed_depth(c, s), lanes);
    s.row_chunk = whole_tiles((whole ? bytes_packed_whole : bytes_packed_in_chunks) / (bytes(c.dtype) * s.lhs_stride));
  }
  if (s.depth_chunk) s.row_chunk = s.row_chunk ? std::min(s.row_chunk, most_rows_of_totals) : most_rows_of_totals;
  if (s.row_chunk && rows) s.row_chunk = std::min(s.row_chunk, round_up(*rows, row_padding));
  if (s.depth_chunk) {
    i64 const row = bytes(c.dtype) * s.panels.front() * lanes * panels_of_totals(c, s, lanes) *
                    (c.blocked() ? places_of_blocks(c.blocks()) : 1);
    i64 const chunk = std::min(s.row_chunk, whole_tiles(bytes_of_totals / row));
    if (depth) s.row_chunk = chunk;
    else if (chunk != s.row_chunk) s.row_chunk_long = chunk;
  }
  if (!c.rhs.plain && !c.rhs.along_inner) s.rhs_stride = spread(s.depth_chunk ? s.depth_chunk : *depth, lanes);
}

// An epilogue that reads and writes much goes along rows. The panels of rhs are packed once, since every chunk of rows
// needs all of them.
void decide_finish(ContractSchedule& s, Contraction const& c, i64 tensors, i64 lanes) {
  auto const vectors = c.vectors(lanes);
  bool const suits = tensors >= many_tensors && !s.depth_chunk && !c.blocked() && !c.box && !s.direct && vectors &&
                     *vectors > s.panels.front() && c.rhs_shared &&
                     c.rows.constant().value_or(rows_to_finish + 1) > rows_to_finish;
  if (!suits || *vectors * lanes * *c.depth.constant() > most_packed_once ||
      rows_to_finish * *vectors * lanes * bytes(c.dtype) > bytes_to_finish)
    return;
  i64 const unit = unit_of_rows(s.tile_rows), chunk = round_up(rows_to_finish, unit);
  s.row_chunk = s.row_chunk ? std::min(s.row_chunk, chunk) : chunk;
  s.finish_rows = s.rhs_once = true;
  if (s.split == Split::columns) s.split = Split::rows;
}

// Where lhs lies, steps of the sum may stand too far apart for the processor to ask ahead.
void decide_lhs_ahead(ContractSchedule& s, Contraction const& c) {
  if (s.pack_lhs == Pack::none && !c.lhs.plain->inner.empty() &&
      c.lhs.plain->inner.back().stride * bytes(c.dtype) >= apart)
    s.lhs_ahead = steps_ahead;
}

} // namespace

// One decision after the other, each from those before it: panels, the tile that fits beside them, what is packed and
// in which chunks, which tile then pays, what threads divide, and last what goes on with these chunks and this
// division.
ContractSchedule decide_contract(Contraction const& c, i64 tensors, Target const& target) {
  if (c.kind == Order::Kind::lanes) return decide_lanes(c);
  i64 const lanes = target.lanes(c.dtype);
  ContractSchedule s;
  s.panels = panels_of(c.vectors(lanes));
  s.tile_rows = rows_of_tile(s.panels.front(), target.registers);
  // All rows, if they are few; a packed lhs has no place for others than powers of two that are more than a vector.
  if (auto rows = c.rows.constant(); rows && *rows < s.tile_rows)
    s.tile_rows = *rows <= lanes ? *rows : static_cast<i64>(std::bit_floor(static_cast<u64>(*rows)));
  s.direct = reads_in_place(c, lanes);
  decide_chunks(s, c, lanes);
  use_five_rows(s, c, target.registers);
  s.split = split_of(c, s, lanes);
  s.rhs_once = c.rhs_shared && s.split != Split::columns && !s.direct && c.batches != Dim(1) && !s.depth_chunk &&
               c.depth.is_constant() && c.columns.is_constant() &&
               *c.vectors(lanes) * lanes * *c.depth.constant() <= most_packed_once;
  decide_finish(s, c, tensors, lanes);
  decide_lhs_ahead(s, c);
  return s;
}

} // namespace nnc::scheduling
