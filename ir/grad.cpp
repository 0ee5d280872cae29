// What every gradient rule shares: which operands are worth a formula, and how contributions meet their operand's type.
#include "ir/grad.h"

#include <numeric>

namespace nnc {

bool Grad::wants(size_t i) const {
  auto const& v = b_.function().values[node_.operands[i]];
  return is_float(v.type.dtype) && !v.constant;
}

void Grad::to(size_t i, V contribution) {
  if (!wants(i)) return;
  ValueId v = contribution.id;
  if (x(i).type().rank() == 0 && contribution.type().rank() > 0) { // it was used for every element
    std::vector<i64> all(contribution.type().shape.size());
    std::iota(all.begin(), all.end(), 0);
    v = b_.reduce(OpCode::reduce_sum, v, std::move(all));
  }
  if (b_.type(v) != x(i).type()) throw CompilerBug("a contribution to a derivative has another type than its operand");
  auto& sum = contributions[i];
  sum = sum == no_value ? v : (V{&b_, sum} + V{&b_, v}).id;
}

} // namespace nnc
