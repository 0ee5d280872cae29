// The text of an order of summation, as the text form prints it, and how many levels its blocks have.
#include "ir/order.h"

#include <bit>

namespace nnc {

std::string Order::text() const {
  std::string inner = kind == Kind::chain ? "chain" : "lanes";
  if (block == 0) return inner;
  return "blocks(" + std::to_string(block) + ", " + inner + (axis ? ", " + std::to_string(axis) : "") + ")";
}

i64 places_of_blocks(std::optional<i64> blocks) {
  constexpr i64 most_levels = 40; // no run adds 2^40 blocks of one sum
  if (!blocks) return most_levels + 1;
  return std::max<i64>(1, std::bit_width(static_cast<u64>(std::max<i64>(*blocks, 1) - 1))) + 1;
}

} // namespace nnc
