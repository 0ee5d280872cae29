// Rows in order, shuffled and drawn.
#include "runtime/random.h"

#include "ir/diagnostic.h"

#include <fmt/core.h>

#include <algorithm>
#include <limits>
#include <numeric>
#include <utility>

namespace nnc {
namespace {

__extension__ using Wide = unsigned __int128;

// The last word of the counter, "rows". In the draws of a program it is the upper half of the step, which is never so
// large.
constexpr u32 shuffle_place = 0x726F7773; // "rows"
constexpr u32 sample_place = 0x64726177;  // "draw"

// 64 random bits, of the draw with this index.
u64 draw_bits(u64 index, u64 seed, u64 epoch, u32 place) {
  u64 const block = index / 2;
  auto const words = philox({static_cast<u32>(block), static_cast<u32>(epoch), static_cast<u32>(epoch >> 32), place},
                            philox_key(seed));
  auto const half = 2 * (index % 2);
  return u64{words[half + 1]} << 32 | words[half];
}

// A number below `bound`. The product keeps the high word of 64 random bits, so the bias is below bound / 2^64 and
// every draw takes a fixed number of words.
u64 draw_below(u64 bound, u64 index, u64 seed, u64 epoch, u32 place) {
  return static_cast<u64>(static_cast<Wide>(draw_bits(index, seed, epoch, place)) * bound >> 64);
}

} // namespace

std::vector<i32> rows_in_order(i64 count) {
  if (count < 0 || count > std::numeric_limits<i32>::max())
    throw Error(fmt::format("a data set may have up to {} examples, and this one has {}",
                            std::numeric_limits<i32>::max(), count));
  std::vector<i32> rows(static_cast<size_t>(count));
  std::iota(rows.begin(), rows.end(), 0);
  return rows;
}

std::vector<i32> shuffled_rows(i64 count, u64 seed, i64 epoch) {
  auto rows = rows_in_order(count);
  for (size_t i = rows.size(); i > 1; --i) {
    auto const other = draw_below(i, i - 1, seed, static_cast<u64>(epoch), shuffle_place);
    std::swap(rows[i - 1], rows[other]);
  }
  return rows;
}

// Sums up to each row, in the order of the rows; a draw is a number below the last of them, in steps of 2^-53 of it.
std::vector<i32> sampled_rows(std::vector<f64> const& weights, u64 seed, i64 epoch) {
  auto rows = rows_in_order(static_cast<i64>(weights.size()));
  std::vector<f64> sums(weights.size());
  std::partial_sum(weights.begin(), weights.end(), sums.begin());
  // Rounding may make a draw the whole sum: then it is the last row that has a weight.
  auto const last = std::ranges::lower_bound(sums, sums.back());
  for (size_t i = 0; i < rows.size(); ++i) {
    auto const bits = draw_bits(i, seed, static_cast<u64>(epoch), sample_place) >> 11;
    auto const found = std::upper_bound(sums.begin(), last, static_cast<f64>(bits) * 0x1p-53 * sums.back());
    rows[i] = static_cast<i32>(found - sums.begin());
  }
  return rows;
}

std::vector<i32> balanced_rows(std::vector<std::vector<i32>> const& classes, u64 seed, i64 epoch) {
  size_t count = 0;
  for (auto const& members : classes) count += members.size();
  std::vector<i32> rows(count);
  auto const draw = [&](size_t bound, u64 index) {
    return draw_below(bound, index, seed, static_cast<u64>(epoch), sample_place);
  };
  for (size_t i = 0; i < count; ++i) {
    auto const& members = classes[draw(classes.size(), 2 * i)];
    rows[i] = members[draw(members.size(), 2 * i + 1)];
  }
  return rows;
}

} // namespace nnc
