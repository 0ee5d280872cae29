// Rows in order and shuffled.
#include "runtime/random.h"

#include "ir/diagnostic.h"

#include <fmt/core.h>

#include <limits>
#include <numeric>
#include <utility>

namespace nnc {
namespace {

__extension__ using Wide = unsigned __int128;

// The last word of the counter, "rows". In the draws of a program it is the upper half of the step, which is never so
// large.
constexpr u32 shuffle_place = 0x726F7773; // "rows"

// A number below `bound`, from the draw with this index. The product keeps the high word of 64 random bits, so the
// bias is below bound / 2^64 and every draw takes a fixed number of words.
u64 draw_below(u64 bound, u64 index, u64 seed, u64 epoch) {
  u64 const block = index / 2;
  auto const words =
      philox({static_cast<u32>(block), static_cast<u32>(epoch), static_cast<u32>(epoch >> 32), shuffle_place},
             philox_key(seed));
  auto const half = 2 * (index % 2);
  u64 const bits = u64{words[half + 1]} << 32 | words[half];
  return static_cast<u64>(static_cast<Wide>(bits) * bound >> 64);
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
    auto const other = draw_below(i, i - 1, seed, static_cast<u64>(epoch));
    std::swap(rows[i - 1], rows[other]);
  }
  return rows;
}

} // namespace nnc
