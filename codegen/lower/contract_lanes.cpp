// Contractions with few columns: the lanes run along the sum. The columns of rhs are packed as rows; then
//
//     for R rows of lhs at a time
//       for k in steps of 16      sums[r][n] += lhs(r, k ..) * column n (k ..), R * N accumulators of 16 lanes
//       for r, n                  the tree over the 16 lanes, then the epilogue of one element
//
// With blocks, each block has its own tree, and their results are joined level by level (codegen/lower/blocks.h).
#include "codegen/lower/contract_nest.h"

namespace nnc {
namespace {

constexpr int w = static_cast<int>(order_lanes);

} // namespace

void ContractNest::in_lanes() {
  i64 depth = *spec_.depth.constant, stride = (depth + w - 1) / w * w;
  row_buffer_ = p_.scratch("columns", ScratchBuffer::Use::panel);
  i64 const rows = rows_fit() ? schedule_.tile_rows : 1;
  if (blocked()) level_buffer_ = p_.scratch("levels", ScratchBuffer::Use::totals);
  each(b.integer(0), spec_.batches.value, 1, [&](Ref batch) {
    at_.batch = batch;
    each(b.integer(0), b.integer(columns()), 1, [&](Ref n) {
      in_steps(b.integer(0), b.integer(depth), [&](Ref k, Ref limit) {
        b.store(row_buffer_, b.add(b.multiply(n, stride), k),
                loaded(limit, w, [&] { return spec_.rhs.load(batch, k, n); }));
      });
    });
    Range mine = share_rows(rows);
    each(mine.from, mine.to, rows, [&](Ref m) {
      Refs sums = sums_of_rows(m, rows, stride);
      for (i64 i = 0; i < rows * columns(); ++i)
        spec_.epilogue(batch, add(m, i / columns()), b.integer(i % columns()), sums[static_cast<size_t>(i)]);
    });
  });
}

// Vectors of 16 from `from` to `to`, the last one with a limit.
template <class Body>
void ContractNest::in_steps(Ref from, Ref to, Body body) {
  i64 length = *b.known(b.subtract(to, from)), whole = length / w * w;
  if (whole > 0) each(from, add(from, whole), w, [&](Ref k) { body(k, no_ref); });
  if (whole < length) body(add(from, whole), b.integer(length - whole));
}

// sums[r * N + n], each after its tree.
ContractNest::Refs ContractNest::sums_of_rows(Ref row, i64 rows, i64 stride) {
  i64 depth = *spec_.depth.constant;
  if (!blocked()) return sums_of_block(row, rows, stride, b.integer(0), depth);
  BlockRanges ranges{depth, spec_.period.constant.value_or(depth), block()};
  auto sums = static_cast<size_t>(rows * columns());
  Levels levels{level_buffer_, {dtype(), 1}, std::vector<OpCode>(sums, OpCode::add), places()};
  BlockOfMany block{.count = b.integer(ranges.count()), .base = b.integer(0)};
  i64 whole = ranges.period / ranges.length, rest = ranges.period % ranges.length;
  each(b.integer(0), b.integer(depth / ranges.period), 1, [&](Ref period) {
    auto block_at = [&](Ref in_period, i64 length) {
      Ref from = b.add(b.multiply(period, ranges.period), b.multiply(in_period, ranges.length));
      block.number = b.add(b.multiply(period, ranges.per_period()), in_period);
      Refs values = sums_of_block(row, rows, stride, from, length);
      Ref place = place_of(b, levels, block);
      for (size_t i = 0; i < sums; ++i) b.store(level_buffer_, add(place, static_cast<i64>(i)), values[i]);
      join_block(p_, levels, block);
    };
    if (whole) each(b.integer(0), b.integer(whole), 1, [&](Ref i) { block_at(i, ranges.length); });
    if (rest) block_at(b.integer(whole), rest);
  });
  Refs totals;
  for (size_t i = 0; i < sums; ++i) totals.push_back(b.load(level_buffer_, dtype(), 1, b.integer(static_cast<i64>(i))));
  return totals;
}

ContractNest::Refs ContractNest::sums_of_block(Ref row, i64 rows, i64 stride, Ref from, i64 length) {
  Refs sums(static_cast<size_t>(rows * columns()), b.number(0, {dtype(), w}));
  auto step = [&](Ref k, Ref limit) {
    for (i64 r = 0; r < rows; ++r) {
      Ref left = loaded(limit, w, [&] { return spec_.lhs.load(at_.batch, add(row, r), k); });
      for (i64 n = 0; n < columns(); ++n) {
        Ref& sum = sums[static_cast<size_t>(r * columns() + n)];
        Ref next = b.fma(left, b.load(row_buffer_, dtype(), w, add(k, n * stride)), sum);
        if (limit != no_ref) { // lanes beyond the end keep their sums: even adding 0 could change the sign of a 0
          p_.set_lanes({w, limit});
          next = b.compute(OpCode::select, {p_.lane_mask(), next, sum});
          p_.set_lanes({});
        }
        sum = next;
      }
    }
  };
  i64 whole = length / w * w;
  if (whole > 0) {
    auto loop = p_.open(from, add(from, whole), w, sums);
    sums = loop.carried;
    step(loop.index, no_ref);
    sums = p_.close(sums);
  }
  if (whole < length) step(add(from, whole), b.integer(length - whole));
  for (Ref& s : sums) s = b.tree(OpCode::add, s);
  return sums;
}

} // namespace nnc
