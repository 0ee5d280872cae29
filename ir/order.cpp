// The text of an order of summation, as the text form prints it.
#include "ir/order.h"

namespace nnc {

std::string Order::text() const {
  std::string inner = kind == Kind::chain ? "chain" : "lanes";
  if (block == 0) return inner;
  return "blocks(" + std::to_string(block) + ", " + inner + (axis ? ", " + std::to_string(axis) : "") + ")";
}

} // namespace nnc
