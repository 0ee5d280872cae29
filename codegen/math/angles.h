// tan and the inverse trigonometric functions, over any arithmetic (codegen/math/functions.h says what that is). In f64
// with what the roundings take carried along, so that about half an ulp is lost; those of f32 are rounded from that.
#pragma once

#include "codegen/math/two.h"

namespace nnc::math {

inline constexpr double quarter_pi = 0x1.921fb54442d18p-1, quarter_pi_low = 0x1.1a62633145c07p-55;
inline constexpr double half_pi = 0x1.921fb54442d18p0, half_pi_low = 0x1.1a62633145c07p-54;
inline constexpr double half_pi_lowest = -0x1.f1976b7ed8fbcp-110;
inline constexpr double three_quarter_pi = 0x1.2d97c7f3321d2p1, three_quarter_pi_low = 0x1.a79394c9e8a0ap-54;
inline constexpr double whole_pi = 0x1.921fb54442d18p1, whole_pi_low = 0x1.1a62633145c07p-53;

// base + factor * (t + tail), where base is 0 or the larger; the factor is a power of two.
template <class A>
typename A::D beside(A& a, Two<A> base, typename A::D factor, Two<A> angle) {
  auto sum = sum_of_ordered(a, base.high, a.mul(factor, angle.high));
  return a.add(sum.high, a.fma(factor, angle.low, a.add(sum.low, base.low)));
}

template <class A>
typename A::D with_sign(A& a, typename A::D of, typename A::D x) {
  return a.select(a.negative(of), a.neg(x), x);
}

// ---- atan, atan2 ----------------------------------------------------------------------------------------------------

// atan(t) = t + t^3 (-1/3 + t^2/5 ...), |t| <= tan(pi/8): to t^43, the next term is below 2^-57 t.
template <class A>
Two<A> small_atan(A& a, Two<A> t) {
  static constexpr auto terms = [] {
    std::array<double, 21> c{};
    for (int k = 0; k < 21; ++k) c[static_cast<std::size_t>(k)] = (k % 2 ? 1.0 : -1.0) / (2 * k + 3);
    return c;
  }();
  auto t2 = a.mul(t.high, t.high);
  auto series = polynomial(a, t2, terms, [&](double v) { return a.d(v); });
  return {t.high, a.fma(a.mul(t.high, t2), series, a.fma(a.neg(t2), t.low, t.low))};
}

// The angle of the point (x, y) for y >= 0: that of the axis or the diagonal beside it, and the rest. x comes as its
// size and whether it is on the left.
template <class A>
typename A::D angle(A& a, typename A::D x, typename A::B left, typename A::D y) {
  constexpr double inf = std::numeric_limits<double>::infinity();
  auto eighth = a.d(0.41421356237309503); // tan(pi/8)
  auto one = a.d(1);
  auto both_infinite = a.both(a.eq(x, a.d(inf)), a.eq(y, a.d(inf)));
  x = a.select(both_infinite, one, x), y = a.select(both_infinite, one, y);
  x = a.select(a.both(a.eq(x, a.d(0)), a.eq(y, a.d(0))), one, x);
  auto scale = a.select(a.lt(one, x), a.d(0.5), one); // so that no sum overflows
  x = a.mul(x, scale), y = a.mul(y, scale);
  auto flat = a.lt(y, a.mul(x, eighth)), steep = a.lt(x, a.mul(y, eighth));
  auto zero = a.d(0), sign = a.select(left, a.d(-1), one);
  auto upper = select(a, steep, Two<A>{a.neg(x), zero}, sum_of(a, y, a.neg(x)));
  auto lower = select(a, steep, Two<A>{y, zero}, sum_of(a, x, y));
  upper = select(a, flat, Two<A>{y, zero}, upper), lower = select(a, flat, Two<A>{x, zero}, lower);
  auto base = select(a, left, constant_of(a, three_quarter_pi, three_quarter_pi_low),
                     constant_of(a, quarter_pi, quarter_pi_low));
  base = select(a, steep, constant_of(a, half_pi, half_pi_low), base);
  auto axis = select(a, left, constant_of(a, whole_pi, whole_pi_low), constant_of(a, 0));
  return beside(a, select(a, flat, axis, base), sign, small_atan(a, quotient_of(a, upper, lower)));
}

template <class A>
typename A::D atan(A& a, typename A::D x) {
  return with_sign(a, x, angle(a, a.d(1), a.no(), a.abs(x)));
}
template <class A>
typename A::D atan2(A& a, typename A::D y, typename A::D x) {
  return with_sign(a, y, angle(a, a.abs(x), a.negative(x), a.abs(y)));
}

// ---- asin, acos -----------------------------------------------------------------------------------------------------

// asin of |x| up to 1/2; above, where asin(x) = pi/2 - 2 asin(sqrt((1 - x) / 2)), asin of that root. By the series
// x + x^3/6 + 3 x^5/40 ..., to x^53: the next term is below 2^-58 x.
template <class A>
struct Arc {
  typename A::B beyond; // 1/2
  Two<A> angle;
};
template <class A>
Arc<A> arc(A& a, typename A::D x) {
  static constexpr auto terms = [] {
    std::array<double, 26> c{1.0 / 6};
    double factor = 0.5; // (1 3 5 ...) / (2 4 6 ...)
    for (int k = 2; k <= 26; ++k) {
      factor *= (2.0 * k - 1) / (2.0 * k);
      c[static_cast<std::size_t>(k - 1)] = factor / (2 * k + 1);
    }
    return c;
  }();
  auto size = a.abs(x), zero = a.d(0);
  auto beyond = a.lt(a.d(0.5), size);
  auto z = a.select(beyond, a.mul(a.sub(a.d(1), size), a.d(0.5)), a.mul(size, size));
  auto root = a.sqrt(z);
  auto lost = a.div(a.fma(a.neg(root), root, z), a.add(root, root));
  lost = a.select(a.both(beyond, a.lt(zero, root)), lost, zero);
  auto t = a.select(beyond, root, size);
  auto series = polynomial(a, z, terms, [&](double v) { return a.d(v); });
  return {beyond, {t, a.fma(a.mul(t, z), series, lost)}};
}

template <class A>
typename A::D asin(A& a, typename A::D x) {
  auto [beyond, angle] = arc(a, x);
  auto base = select(a, beyond, constant_of(a, half_pi, half_pi_low), constant_of(a, 0));
  return with_sign(a, x, beside(a, base, a.select(beyond, a.d(-2), a.d(1)), angle));
}
template <class A>
typename A::D acos(A& a, typename A::D x) {
  auto [beyond, angle] = arc(a, x);
  auto left = a.negative(x);
  auto end = select(a, left, constant_of(a, whole_pi, whole_pi_low), constant_of(a, 0));
  auto base = select(a, beyond, end, constant_of(a, half_pi, half_pi_low));
  auto toward = a.select(left, a.d(1), a.d(-1));
  return beside(a, base, a.select(beyond, a.mul(toward, a.d(-2)), toward), angle);
}

// ---- tan ------------------------------------------------------------------------------------------------------------

// x = n pi/2 + rest, pi/2 in three parts; for |x| up to 2^31.
template <class A>
struct Turned {
  Two<A> rest;
  typename A::L number;
};
template <class A>
Turned<A> turned(A& a, typename A::D x) {
  auto shifted = a.fma(x, a.d(2 / std::numbers::pi), a.d(F64<A>::magic));
  auto whole = a.sub(shifted, a.d(F64<A>::magic));
  auto first = product_of(a, whole, a.d(half_pi)), second = product_of(a, whole, a.d(half_pi_low));
  auto rest = sum_of(a, a.sub(x, first.high), a.neg(first.low)); // the difference is exact
  auto lost = rest.low;
  rest = sum_of(a, rest.high, a.neg(second.high));
  lost = a.sub(a.add(rest.low, lost), a.fma(whole, a.d(half_pi_lowest), second.low));
  return {sum_of_ordered(a, rest.high, lost), a.bits(shifted)};
}

// sine / cosine of the rest r, or in odd quadrants -cosine / sine; both by Taylor, as sine_piece and cosine_piece.
template <class A>
typename A::D tan(A& a, typename A::D x) {
  auto inside = a.select(a.lt(a.abs(x), a.d(0x1p31)), x, a.mul(x, a.d(0)));
  auto [r, number] = turned(a, inside);
  auto square = product_of(a, r.high, r.high);
  auto z = square.high;
  auto constant = [&](double v) { return a.d(v); };
  auto of_sine =
      a.fma(a.mul(r.high, z), polynomial(a, z, sine_terms, constant), a.fma(a.mul(z, a.d(-0.5)), r.low, r.low));
  auto lost = a.fma(r.high, r.low, a.mul(square.low, a.d(0.5)));
  auto of_cosine = a.fma(z, polynomial(a, z, cosine_terms, constant), a.neg(lost));
  auto sine = sum_of_ordered(a, r.high, of_sine), cosine = sum_of_ordered(a, a.d(1), of_cosine);
  auto even = a.is_zero(a.band(number, a.l(1)));
  Two<A> minus_cosine{a.neg(cosine.high), a.neg(cosine.low)};
  auto y = quotient_of(a, select(a, even, sine, minus_cosine), select(a, even, cosine, sine));
  return a.select(a.eq(x, a.d(0)), x, a.add(y.high, y.low)); // -0 stays
}

// ---- in f32 ---------------------------------------------------------------------------------------------------------

template <class A>
typename A::F atan(A& a, typename A::F x) {
  return a.narrow(atan(a, a.widen(x)));
}
template <class A>
typename A::F atan2(A& a, typename A::F y, typename A::F x) {
  return a.narrow(atan2(a, a.widen(y), a.widen(x)));
}
template <class A>
typename A::F asin(A& a, typename A::F x) {
  return a.narrow(asin(a, a.widen(x)));
}
template <class A>
typename A::F acos(A& a, typename A::F x) {
  return a.narrow(acos(a, a.widen(x)));
}
template <class A>
typename A::F tan(A& a, typename A::F x) {
  return a.narrow(tan(a, a.widen(x)));
}

} // namespace nnc::math
