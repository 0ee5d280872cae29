// clip_value and clip_norm: bounds of the gradients, in front of the optimizers.
#include "frontend/elaborate/constants.h"
#include "frontend/elaborate/operators.h"
#include "frontend/elaborate/range.h"
#include "frontend/elaborate/tensor.h"
#include "frontend/elaborate/train.h"
#include "frontend/elaborate/tunables.h"

#include <fmt/core.h>

namespace nnc::front {

// clip_value bounds every element, clip_norm the length of all gradients together, before the optimizers see them.
void TrainBuilder::clip(std::vector<Clause>& clauses) {
  std::vector<ValueId*> gradients;
  for (auto& c : clauses)
    for (ValueId& g : c.gradients) gradients.push_back(&g);
  Location at = now_.train->at;
  auto limit = [&](std::string const& name, f64 value) {
    Any bound = e_.tunables.scalar(name, value);
    Any holds = e_.operators.compare(">", bound, Any{0.0}, at);
    if (holds.tensor()) e_.ranges.add(holds, {fmt::format("`{}` is ", name), ", not a positive number"}, {bound}, at);
    return bound;
  };
  if (clip_value_ && !gradients.empty()) {
    Any bound = limit("clip_value", *clip_value_);
    for (ValueId* g : gradients) {
      Any low = e_.operators.elementwise(OpCode::max, {e_.tensors.tensor(*g), e_.operators.negate(bound, at)}, at);
      *g = e_.operators.elementwise(OpCode::min, {low, bound}, at).tensor()->id;
    }
  }
  if (clip_norm_ && !gradients.empty()) clip_norm(gradients, limit("clip_norm", *clip_norm_), at);
}

// Squares of large or small elements leave f32. So three sums are taken in one pass, of g, g / 2^80 and g 2^80, of
// which at least one is right: then |g| = length / scale. Where |g| is above the bound
//   g <- (g scale) (bound / length),
// elsewhere both factors are exactly 1. A NaN, or two infinite elements of which the quotient is NaN, reach every g.
void TrainBuilder::clip_norm(std::vector<ValueId*> const& gradients, Any const& limit, Location at) {
  auto number = [](f64 x) { return Any{x}; };
  auto times = [&](Any const& a, Any const& b) { return e_.operators.elementwise(OpCode::mul, {a, b}, at); };
  auto sum_of_squares = [&](f64 scale) {
    std::optional<Any> total;
    for (ValueId const* g : gradients) {
      Any part = e_.tensors.convert(e_.tensors.tensor(*g), DType::f32, at);
      if (scale != 1) part = times(part, number(scale));
      Any sum = times(part, part);
      auto axes = e_.constants.as_axes(Any{None{}}, type_of(sum).rank(), at);
      if (!axes.empty())
        sum = e_.tensors.tensor(e_.tensors.builder(at).reduce(OpCode::reduce_sum, sum.tensor()->id, axes));
      total = total ? e_.operators.elementwise(OpCode::add, {*total, sum}, at) : sum;
    }
    return *total;
  };
  auto choose = [&](Any const& c, Any const& a, Any const& b) {
    return e_.operators.elementwise(OpCode::select, {c, a, b}, at);
  };
  constexpr f64 down = 0x1p-80, up = 0x1p80;
  Any plain = sum_of_squares(1), one = number(1);
  Any large = e_.operators.compare(">", plain, number(0x1p120), at),
      small = e_.operators.compare("<", plain, number(0x1p-60), at);
  Any scale = choose(large, number(down), choose(small, number(up), one));
  Any length = e_.operators.of_table(
      OpCode::sqrt, {choose(large, sum_of_squares(down), choose(small, sum_of_squares(up), plain))}, at);
  Any bound = e_.tensors.tensor(e_.tensors.as_tensor(limit, DType::f32, at));
  Any within = e_.operators.compare("<=", length, times(bound, scale), at);
  Any first = choose(within, one, scale);
  Any second = choose(within, one, e_.operators.elementwise(OpCode::div, {bound, length}, at));
  for (ValueId* g : gradients) {
    DType dtype = now_.graph->type(*g).dtype;
    Any scaled = times(e_.tensors.tensor(*g), e_.tensors.convert(first, dtype, at));
    *g = times(scaled, e_.tensors.convert(second, dtype, at)).tensor()->id;
  }
}

} // namespace nnc::front
