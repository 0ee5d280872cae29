// tanh, pow and erf of f64, over any arithmetic (codegen/math/functions.h says what that is): where the exponential
// function of a large number would blow up what its rounding took, the number comes in two parts.
#pragma once

#include "codegen/math/two.h"

namespace nnc::math {

// log(x) of x > 0, good to some 2^-65 of itself: e ln 2 + log m, log m = 2 s + s^3 (2/3 + 2/5 s^2 + ...) with
// s = (m - 1) / (m + 1), |s| < 0.1716. The first part is as log says for 0, infinity and NaN.
template <class A>
Two<A> long_log(A& a, typename A::D x) {
  static constexpr double terms[] = {2.0 / 5,  2.0 / 7,  2.0 / 9,  2.0 / 11, 2.0 / 13, 2.0 / 15,
                                     2.0 / 17, 2.0 / 19, 2.0 / 21, 2.0 / 23, 2.0 / 25, 2.0 / 27};
  F64<A> p{a};
  auto [e, m] = scaled(a, p, x);
  auto f = a.sub(m, a.d(1)), exponent = p.from(e);
  auto s = quotient_of(a, Two<A>{f, a.d(0)}, sum_of_ordered(a, a.d(2), f));
  auto s2 = product_of(a, s, s);
  auto rest = a.mul(s2.high, polynomial(a, s2.high, terms, [&](double v) { return a.d(v); }));
  auto factor = sum_of_ordered(a, a.d(0x1.5555555555555p-1), rest); // 2/3
  factor.low = a.add(factor.low, a.d(0x1.5555555555555p-55));
  auto cubic = product_of(a, product_of(a, s, s2), factor);
  auto whole = product_of(a, exponent, a.d(F64<A>::ln2_low));
  auto sum = sum_of_ordered(a, a.mul(exponent, a.d(F64<A>::ln2_high)), a.add(s.high, s.high));
  auto next = sum_of(a, sum.high, cubic.high);
  auto low = a.add(a.add(sum.low, next.low), a.add(a.add(s.low, s.low), cubic.low));
  auto last = sum_of(a, next.high, whole.high);
  low = a.add(low, a.add(last.low, whole.low));
  auto high = a.add(last.high, low);
  return {log_or_special(a, p, x, high), a.sub(low, a.sub(high, last.high))};
}

// exp(x.high + x.low)
template <class A>
typename A::D exp_of(A& a, Two<A> x) {
  F64<A> p{a};
  auto high = clamped(a, p, x.high, -F64<A>::exp_limit, F64<A>::exp_limit);
  auto shifted = a.fma(high, a.d(std::numbers::log2e), a.d(F64<A>::magic));
  auto whole = a.sub(shifted, a.d(F64<A>::magic));
  auto r = sum_of(a, a.fma(whole, a.d(-F64<A>::ln2_high), high), a.mul(whole, a.d(-F64<A>::ln2_low)));
  auto low = a.add(r.low, a.select(a.eq(high, x.high), x.low, a.d(0)));
  auto less_one = small_expm1(a, p, r.high);
  less_one = a.add(less_one, a.fma(low, less_one, low));
  auto power = factors_of(a, p, a.sub(a.bits(shifted), a.l(F64<A>::magic_bits)));
  return times(a, a.add(less_one, a.d(1)), power);
}

// Below 0.17 it is E / (E + 2) with E = exp(2 x) - 1 by Taylor, above it (h - v) / (h + v) with h = exp(x) / 2 and
// v = 1 / (4 h).
template <class A>
typename A::D tanh(A& a, typename A::D x) {
  F64<A> p{a};
  auto size = clamped(a, p, a.abs(x), 0, 30); // tanh(30) rounds to 1
  auto t = a.add(size, size);
  auto series = polynomial(a, t, F64<A>::exp_terms, [&](double v) { return a.d(v); });
  auto less = sum_of_ordered(a, t, a.mul(a.mul(t, t), series));
  auto more = sum_of_ordered(a, a.d(2), less.high);
  more.low = a.add(more.low, less.low);
  auto small = quotient_of(a, less, more);
  auto half = half_exp(a, p, size);
  auto inverse = quotient_of(a, constant_of(a, 0.25), Two<A>{half.high, half.low});
  auto sine = sum_of_ordered(a, half.high, a.neg(inverse.high)), cosine = sum_of_ordered(a, half.high, inverse.high);
  sine.low = a.add(sine.low, a.sub(half.low, inverse.low));
  cosine.low = a.add(cosine.low, a.add(half.low, inverse.low));
  auto large = quotient_of(a, sine, cosine);
  auto y = select(a, a.lt(size, a.d(0.17)), small, large);
  auto sum = a.add(y.high, y.low);
  sum = a.select(a.lt(x, a.d(0)), a.neg(sum), sum);
  return a.select(a.either(a.unordered(x), a.eq(x, a.d(0))), x, sum); // -0 stays
}

template <class A>
typename A::D pow(A& a, typename A::D x, typename A::D y) {
  auto log = long_log(a, a.abs(x));
  auto power = product_of(a, y, log.high);
  power.low = a.fma(y, log.low, power.low);
  power.low = a.select(a.is_finite(power.low), power.low, a.d(0));
  return signed_pow(a, x, y, exp_of(a, power));
}

// Below 1 the Taylor series 2/sqrt(pi) (x - x^3/3 + x^5/10 ...), to x^37; above it 1 - exp(-x^2) g(t), where g is
// exp(x^2) erfc(x) on [1, 6], t = (x - 2) / (x + 2), by its interpolation of degree 16 in the zeros of a Chebyshev
// polynomial (good to 5e-17, and erfc takes a fifth of the result at most).
template <class A>
typename A::D erf(A& a, typename A::D x) {
  static constexpr double g[] = {0x1.058671b52c776p-2,   -0x1.b57034efd3f74p-2,  0x1.eeea7dc8a78a1p-3,
                                 -0x1.437f0b68c0489p-4,  0x1.e9471597be87ap-9,   0x1.ca95ed50b7c81p-8,
                                 -0x1.bc25a48873fcfp-11, -0x1.016b5b63ce721p-10, 0x1.6d5ee91b54222p-15,
                                 0x1.6da887a2804f7p-13,  0x1.cdd4519ae1742p-16,  -0x1.ce6ac975b91e0p-16,
                                 -0x1.d5b4578dde1bbp-17, 0x1.5e89dbd23021dp-20,  0x1.0d39558a33004p-18,
                                 0x1.559a2f0faada6p-20,  -0x1.30be46f379823p-20};
  constexpr double factor = 0x1.20dd750429b6dp0, factor_low = 0x1.1ae3a914fed80p-56; // 2/sqrt(pi)
  static constexpr auto series = [] {
    std::array<double, 18> c{};
    double power = factor; // 2/sqrt(pi) (-1)^k / k!
    for (int k = 1; k <= 18; ++k) {
      power /= -k;
      c[static_cast<std::size_t>(k - 1)] = power / (2 * k + 1);
    }
    return c;
  }();
  auto constant = [&](double v) { return a.d(v); };
  auto size = a.abs(x);
  auto linear = product_of(a, x, a.d(factor));
  linear.low = a.fma(x, a.d(factor_low), linear.low);
  auto x2 = a.mul(x, x);
  auto small = a.add(linear.high, a.fma(a.mul(x, x2), polynomial(a, x2, series, constant), linear.low));
  size = a.select(a.lt(a.d(6), size), a.d(6), size); // erf(6) rounds to 1
  auto square = product_of(a, size, size);
  auto bell = exp(a, a.neg(square.high));
  bell = a.fma(a.neg(bell), square.low, bell);
  auto t = a.div(a.sub(size, a.d(2)), a.add(size, a.d(2)));
  auto large = a.fma(a.neg(bell), polynomial(a, t, g, constant), a.d(1));
  large = a.select(a.lt(x, a.d(0)), a.neg(large), large);
  auto y = a.select(a.lt(size, a.d(1)), small, large);
  return a.select(a.either(a.unordered(x), a.eq(x, a.d(0))), x, y); // -0 stays
}

} // namespace nnc::math
