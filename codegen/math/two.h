// f64 with twice its digits, where one rounding after the other would lose too much: over any arithmetic
// (codegen/math/functions.h says what that is). Without fused multiply-add `low` is worth little, and nothing worse.
#pragma once

#include "codegen/math/functions.h"

#include <array>

namespace nnc::math {

// A number as the sum of two: `low` is what rounding took from `high`.
template <class A>
struct Two {
  typename A::D high, low;
};

// x + y, whichever is the larger (Knuth).
template <class A>
Two<A> sum_of(A& a, typename A::D x, typename A::D y) {
  auto sum = a.add(x, y), of_y = a.sub(sum, x);
  return {sum, a.add(a.sub(x, a.sub(sum, of_y)), a.sub(y, of_y))};
}
// x + y where x is 0 or the larger (Dekker).
template <class A>
Two<A> sum_of_ordered(A& a, typename A::D x, typename A::D y) {
  auto sum = a.add(x, y);
  return {sum, a.add(a.sub(x, sum), y)};
}
template <class A>
Two<A> product_of(A& a, typename A::D x, typename A::D y) {
  auto product = a.mul(x, y);
  return {product, a.fma(x, y, a.neg(product))};
}
template <class A>
Two<A> product_of(A& a, Two<A> x, Two<A> y) {
  auto p = product_of(a, x.high, y.high);
  return {p.high, a.add(p.low, a.fma(x.high, y.low, a.mul(x.low, y.high)))};
}
template <class A>
Two<A> quotient_of(A& a, Two<A> x, Two<A> y) {
  auto q = a.div(x.high, y.high);
  auto rest = a.fma(a.neg(q), y.high, x.high);
  rest = a.sub(a.add(rest, x.low), a.mul(q, y.low));
  auto low = a.div(rest, y.high);
  return {q, a.select(a.is_finite(low), low, a.d(0))}; // of infinities there is no rest
}
template <class A>
Two<A> select(A& a, typename A::B c, Two<A> x, Two<A> y) {
  return {a.select(c, x.high, y.high), a.select(c, x.low, y.low)};
}
template <class A>
Two<A> constant_of(A& a, double high, double low = 0) {
  return {a.d(high), a.d(low)};
}

} // namespace nnc::math
