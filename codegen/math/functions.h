// The mathematical functions of generated code, written once, over any arithmetic: the emitter instantiates them for
// LLVM vectors of any number of lanes and for scalars, the loops' interpreter and the tests for plain numbers. All of
// them use the same operations in the same order, so the bits agree everywhere.
//
// `A` is an arithmetic. It has
//   types    F (lanes of f32), D (as many lanes of f64), I (lanes of i32), L (lanes of i64), I8, U8, B (lanes of bool),
//            Half and Brain (lanes of f16 and bf16, which are only moved); and Value, which holds any of them:
//            as<X>(Value) -> X, and X converts to Value
//   is_float<X>() is_signed<X>()                                         what a type is, while compiling
//   f(double) -> F, d(double) -> D, i(i32) -> I, l(i64) -> L, constant<X>(double) -> X      in every lane
//   add sub mul neg                                                      on numbers; integers wrap
//   div abs sqrt floor ceil trunc round fma(a, b, c)                     on F and on D
//   quotient(a, b)                                                       of integers, truncated; b is not 0, nor -1
//   eq ne lt le -> B                                                     on everything
//   unordered(a) is_finite(a) -> B                                       on F and on D (unordered: is it nan)
//   select(B, x, y)                                                      on everything
//   max(a, b) min(a, b)                                                  on numbers: b < a or a is nan ? a : b
//   bits(F) -> I, bits(D) -> L, number(I) -> F, number(L) -> D           reinterpret
//   bits(Half) bits(Brain) -> I, from_bits<X>(I) -> X                    the lower 16 bits
//   band bor bxor bnot                                                   on integers and B
//   shl(x, int) shr(x, int)                                              on I and on L; shr is arithmetic
//   all_bits<X>(B) -> X                                                  every bit is that of the bool
//   convert<To>(x)                                                       as the operator `convert` does
//   widen(F) -> D, narrow(D) -> F, to_float(I) -> F, to_double(L) -> D   conversions; to_float and to_double of small
//                                                                        integers
//   both(B, B) either(B, B) no() -> B, negative(D) -> B (its sign bit), is_zero(x) -> B
//
// Subnormal results are flushed to zero by the mode of the processor (ir/NUMERICS.md). Errors in ulp are measured by
// tests/codegen/math_test.cpp.
#pragma once

#include <cstddef>
#include <cstdint>
#include <limits>
#include <numbers>
#include <span>

namespace nnc::math {

// ---- exp, expm1, log, log1p and tanh, in the precision of P ------------------------------------------------------

// c[0] + c[1] x + ... by Horner's rule on fma.
template <class A, class X, class Constant>
X polynomial(A& a, X x, std::span<double const> c, Constant constant) {
  X sum = constant(c.back());
  for (std::size_t k = c.size() - 1; k-- > 0;) sum = a.fma(sum, x, constant(c[k]));
  return sum;
}

// What the precisions differ in: constants, and how many terms of a series count. ln 2 = ln2_high + ln2_low, the first
// of so few bits that its product with an exponent is exact. Adding `magic` to a small |x| leaves round(x), half to
// even, in the low bits.
template <class A>
struct F32 {
  using X = typename A::F;
  using N = typename A::I;
  A& a;
  X x(double v) const { return a.f(v); }
  N n(std::int64_t v) const { return a.i(static_cast<std::int32_t>(v)); }
  X from(N v) const { return a.to_float(v); }
  static constexpr int mantissa = 23, bias = 127;
  static constexpr std::int64_t magic_bits = 0x4b400000, root_half_bits = 0x3f3504f3; // of sqrt(1/2)
  static constexpr double magic = 0x1.8p23, ln2_high = 0x1.62e4p-1, ln2_low = 0x1.7f7d1cp-20;
  static constexpr double smallest = std::numeric_limits<float>::min(), exp_limit = 104, tanh_limit = 0.625;
  static constexpr double exp2_limit = 160;                   // beyond: 0 and infinity
  static constexpr double expm1_least = -30, expm1_most = 89; // beyond: -1 and infinity
  // exp to r^7 (next term 0.09 ulp); sinh to x^11; tanh with the coefficients of Cephes, tanhf.c.
  static constexpr double exp_terms[] = {0.5, 1.0 / 6, 1.0 / 24, 1.0 / 120, 1.0 / 720, 1.0 / 5040};
  static constexpr double log_terms[] = {2.0 / 3, 2.0 / 5, 2.0 / 7, 2.0 / 9, 2.0 / 11};
  static constexpr double tanh_terms[] = {-3.33332819422e-1, 1.33314422036e-1, -5.37397155531e-2, 2.06390887954e-2,
                                          -5.70498872745e-3};
  static constexpr double sinh_terms[] = {1.0 / 6, 1.0 / 120, 1.0 / 5040, 1.0 / 362880, 1.0 / 39916800};
};
template <class A>
struct F64 {
  using X = typename A::D;
  using N = typename A::L;
  A& a;
  X x(double v) const { return a.d(v); }
  N n(std::int64_t v) const { return a.l(v); }
  X from(N v) const { return a.to_double(v); }
  static constexpr int mantissa = 52, bias = 1023;
  static constexpr std::int64_t magic_bits = 0x4338000000000000, root_half_bits = 0x3fe6a09e667f3bcd;
  static constexpr double magic = 0x1.8p52, ln2_high = 0x1.62e42fee00000p-1, ln2_low = 0x1.a39ef35793c76p-33;
  static constexpr double smallest = std::numeric_limits<double>::min(), exp_limit = 746;
  static constexpr double exp2_limit = 1100;
  static constexpr double expm1_least = -50, expm1_most = 710;
  // exp to r^13, sinh to x^19 (next terms below 2^-57).
  static constexpr double exp_terms[] = {0.5,           1.0 / 6,        1.0 / 24,        1.0 / 120,
                                         1.0 / 720,     1.0 / 5040,     1.0 / 40320,     1.0 / 362880,
                                         1.0 / 3628800, 1.0 / 39916800, 1.0 / 479001600, 1.0 / 6227020800};
  static constexpr double log_terms[] = {2.0 / 3,  2.0 / 5,  2.0 / 7,  2.0 / 9,  2.0 / 11, 2.0 / 13,
                                         2.0 / 15, 2.0 / 17, 2.0 / 19, 2.0 / 21, 2.0 / 23};
  static constexpr double sinh_terms[] = {1.0 / 6,
                                          1.0 / 120,
                                          1.0 / 5040,
                                          1.0 / 362880,
                                          1.0 / 39916800,
                                          1.0 / 6227020800,
                                          1.0 / 1307674368000,
                                          1.0 / 355687428096000,
                                          1.0 / 121645100408832000};
};

// exp(r) - 1 by Taylor, r in [-ln2/2, ln2/2].
template <class A, class P>
typename P::X small_expm1(A& a, P p, typename P::X r) {
  auto q = polynomial(a, r, P::exp_terms, [&](double v) { return p.x(v); });
  return a.fma(a.mul(r, r), q, r);
}

template <class A, class P>
typename P::X clamped(A& a, P p, typename P::X x, double least, double most) { // NaN stays
  x = a.select(a.lt(p.x(most), x), p.x(most), x);
  return a.select(a.lt(x, p.x(least)), p.x(least), x);
}

// x, between two bounds, is n ln 2 + r; and exp(r) - 1.
template <class P>
struct Reduced {
  typename P::N n;
  typename P::X less_one;
};
template <class A, class P>
Reduced<P> reduced(A& a, P p, typename P::X x, double least, double most) {
  x = clamped(a, p, x, least, most);
  auto shifted = a.fma(x, p.x(std::numbers::log2e), p.x(P::magic));
  auto n = a.sub(a.bits(shifted), p.n(P::magic_bits));
  auto whole = a.sub(shifted, p.x(P::magic));
  auto r = a.fma(whole, p.x(-P::ln2_low), a.fma(whole, p.x(-P::ln2_high), x));
  return {n, small_expm1(a, p, r)};
}
template <class A, class P>
typename P::X power_of_two(A& a, P p, typename P::N n) { // by its exponent field
  return a.number(a.shl(a.add(n, p.n(P::bias)), P::mantissa));
}

// 2^n in two factors, so that the largest and the subnormal results can pass through.
template <class P>
struct Factors {
  typename P::X second, first;
};
template <class A, class P>
Factors<P> factors_of(A& a, P p, typename P::N n) {
  auto half = a.shr(n, 1);
  auto second = power_of_two(a, p, a.sub(n, half));
  return {second, power_of_two(a, p, half)};
}
template <class A, class P>
typename P::X times(A& a, typename P::X x, Factors<P> f) {
  return a.mul(a.mul(x, f.first), f.second);
}

// exp(x) = 2^n exp(r).
template <class A, class P>
typename P::X exp_in(A& a, P p, typename P::X x) {
  auto [n, less_one] = reduced(a, p, x, -P::exp_limit, P::exp_limit);
  auto power = factors_of(a, p, n);
  return times(a, a.add(less_one, p.x(1)), power);
}

// 2^x = 2^n exp(r ln 2), n = round(x); exact where x is whole.
template <class A, class P>
typename P::X exp2_in(A& a, P p, typename P::X x) {
  x = clamped(a, p, x, -P::exp2_limit, P::exp2_limit);
  auto shifted = a.add(x, p.x(P::magic));
  auto n = a.sub(a.bits(shifted), p.n(P::magic_bits));
  auto r = a.sub(x, a.sub(shifted, p.x(P::magic)));
  auto less_one = small_expm1(a, p, a.mul(r, p.x(std::numbers::ln2)));
  return times(a, a.add(less_one, p.x(1)), factors_of(a, p, n));
}

// exp(x) - 1 is exp(r) - 1 where n = 0, else twice 2^(n-1) (exp(r) - 1) + (2^(n-1) - 1/2), so that the largest result
// can pass through.
template <class A, class P>
typename P::X expm1_in(A& a, P p, typename P::X x) {
  auto [n, less_one] = reduced(a, p, x, P::expm1_least, P::expm1_most);
  auto power = power_of_two(a, p, a.sub(n, p.n(1)));
  auto half = a.fma(less_one, power, a.sub(power, p.x(0.5)));
  auto y = a.select(a.is_zero(n), less_one, a.add(half, half));
  return a.select(a.either(a.unordered(x), a.eq(x, p.x(0))), x, y); // -0 stays
}

// x = 2^e m, m in [sqrt(1/2), sqrt(2)).
template <class P>
struct Scaled {
  typename P::N e;
  typename P::X m;
};
template <class A, class P>
Scaled<P> scaled(A& a, P p, typename P::X x) {
  auto raw = a.bits(x);
  auto e = a.shr(a.sub(raw, p.n(P::root_half_bits)), P::mantissa);
  return {e, a.number(a.sub(raw, a.shl(e, P::mantissa)))};
}

// e ln 2 + log(1 + f) = e ln2_high + (f - this). log(1 + f) = 2 atanh(s), s = f / (2 + f), |s| < 0.1716, which is
// f - (f^2/2 - s (f^2/2 + R)), R = 2 s^2 (1/3 + s^2/5 + ...). (The form is fdlibm's.)
template <class A, class P>
typename P::X below_f(A& a, P p, typename P::X e, typename P::X f) {
  auto s = a.div(f, a.add(f, p.x(2)));
  auto s2 = a.mul(s, s);
  auto r = a.mul(s2, polynomial(a, s2, P::log_terms, [&](double v) { return p.x(v); }));
  auto half = a.mul(a.mul(f, f), p.x(0.5));
  return a.sub(half, a.fma(e, p.x(P::ln2_low), a.mul(s, a.add(half, r))));
}

// The special values of log(x), and of log1p, where x is 1 more than its operand.
template <class A, class P>
typename P::X log_or_special(A& a, P p, typename P::X x, typename P::X y) {
  constexpr double inf = std::numeric_limits<double>::infinity();
  y = a.select(a.eq(x, p.x(inf)), x, y);
  y = a.select(a.lt(x, p.x(P::smallest)), p.x(-inf), y); // 0 and what is flushed to it
  y = a.select(a.lt(x, p.x(0)), p.x(std::numeric_limits<double>::quiet_NaN()), y);
  return a.select(a.unordered(x), x, y);
}

template <class A, class P>
typename P::X log_in(A& a, P p, typename P::X x) {
  auto [e, m] = scaled(a, p, x);
  auto f = a.sub(m, p.x(1)), exponent = p.from(e);
  return log_or_special(a, p, x, a.fma(exponent, p.x(P::ln2_high), a.sub(f, below_f(a, p, exponent, f))));
}

// log2(x) = e + log(m) / ln 2; exact where x is a power of two.
template <class A, class P>
typename P::X log2_in(A& a, P p, typename P::X x) {
  auto [e, m] = scaled(a, p, x);
  auto f = a.sub(m, p.x(1)), exponent = p.from(e);
  auto natural = a.sub(f, below_f(a, p, p.x(0), f));
  return log_or_special(a, p, x, a.fma(natural, p.x(std::numbers::log2e), exponent));
}

// log(1 + x) with u = 1 + x as rounded: log(u) and what the rounding took, (1 + x - u) / u. Where u needs no scaling f
// is x itself, and nothing is lost.
template <class A, class P>
typename P::X log1p_in(A& a, P p, typename P::X x) {
  auto u = a.add(x, p.x(1));
  auto [e, m] = scaled(a, p, u);
  auto unscaled = a.is_zero(e);
  auto f = a.select(unscaled, x, a.sub(m, p.x(1))), exponent = p.from(e);
  auto rest = a.select(a.lt(p.x(1), x), a.sub(p.x(1), a.sub(u, x)), a.sub(x, a.sub(u, p.x(1))));
  rest = a.select(unscaled, p.x(0), a.div(rest, u));
  auto y = a.fma(exponent, p.x(P::ln2_high), a.sub(f, a.sub(below_f(a, p, exponent, f), rest)));
  return a.select(a.eq(x, p.x(0)), x, log_or_special(a, p, u, y)); // -0 stays
}

// In f32 tanh(x) = 1 - 2 / (exp(2 |x|) + 1) with the sign of x; near 0, where the difference would cancel, an odd
// polynomial.
template <class A>
typename A::F tanh(A& a, typename A::F x) {
  using P = F32<A>;
  P p{a};
  auto size = a.abs(x);
  auto large = a.sub(p.x(1), a.div(p.x(2), a.add(exp_in(a, p, a.add(size, size)), p.x(1))));
  large = a.select(a.lt(x, p.x(0)), a.neg(large), large);
  auto x2 = a.mul(x, x);
  auto small = a.fma(a.mul(x2, polynomial(a, x2, P::tanh_terms, [&](double v) { return p.x(v); })), x, x);
  auto y = a.select(a.lt(size, p.x(P::tanh_limit)), small, large);
  return a.select(a.either(a.unordered(x), a.eq(x, p.x(0))), x, y); // -0 stays
}

// exp(|x|) / 2 = high + low: exp(r) is 1 and less, and low is what their sum loses.
template <class P>
struct HalfExp {
  typename P::X high, low;
};
template <class A, class P>
HalfExp<P> half_exp(A& a, P p, typename P::X x) {
  auto [n, less_one] = reduced(a, p, a.abs(x), -P::exp_limit, P::exp_limit);
  auto sum = a.add(less_one, p.x(1)), lost = a.sub(less_one, a.sub(sum, p.x(1)));
  auto power = factors_of(a, p, a.sub(n, p.n(1)));
  return {times(a, sum, power), times(a, lost, power)};
}

// cosh(x) = h + 1 / (4 h) with h = exp(|x|) / 2.
template <class A, class P>
typename P::X cosh_in(A& a, P p, typename P::X x) {
  auto h = half_exp(a, p, x);
  return a.add(a.add(h.high, a.div(p.x(0.25), h.high)), h.low);
}

// sinh(x) = h - 1 / (4 h) with the sign of x; below 1, where they cancel, by Taylor.
template <class A, class P>
typename P::X sinh_in(A& a, P p, typename P::X x) {
  auto h = half_exp(a, p, x);
  auto large = a.add(a.sub(h.high, a.div(p.x(0.25), h.high)), h.low);
  large = a.select(a.lt(x, p.x(0)), a.neg(large), large);
  auto x2 = a.mul(x, x);
  auto series = polynomial(a, x2, P::sinh_terms, [&](double v) { return p.x(v); });
  auto small = a.fma(a.mul(x, x2), series, x);
  small = a.select(a.eq(x, p.x(0)), x, small); // -0 stays
  return a.select(a.lt(a.abs(x), p.x(1)), small, large);
}

template <class A>
typename A::F exp(A& a, typename A::F x) {
  return exp_in(a, F32<A>{a}, x);
}
template <class A>
typename A::D exp(A& a, typename A::D x) {
  return exp_in(a, F64<A>{a}, x);
}
template <class A>
typename A::F expm1(A& a, typename A::F x) {
  return expm1_in(a, F32<A>{a}, x);
}
template <class A>
typename A::D expm1(A& a, typename A::D x) {
  return expm1_in(a, F64<A>{a}, x);
}
template <class A>
typename A::F log1p(A& a, typename A::F x) {
  return log1p_in(a, F32<A>{a}, x);
}
template <class A>
typename A::D log1p(A& a, typename A::D x) {
  return log1p_in(a, F64<A>{a}, x);
}
template <class A>
typename A::F log(A& a, typename A::F x) {
  return log_in(a, F32<A>{a}, x);
}
template <class A>
typename A::D log(A& a, typename A::D x) {
  return log_in(a, F64<A>{a}, x);
}
template <class A>
typename A::F exp2(A& a, typename A::F x) {
  return exp2_in(a, F32<A>{a}, x);
}
template <class A>
typename A::D exp2(A& a, typename A::D x) {
  return exp2_in(a, F64<A>{a}, x);
}
template <class A>
typename A::F log2(A& a, typename A::F x) {
  return log2_in(a, F32<A>{a}, x);
}
template <class A>
typename A::D log2(A& a, typename A::D x) {
  return log2_in(a, F64<A>{a}, x);
}
template <class A>
typename A::F sinh(A& a, typename A::F x) {
  return sinh_in(a, F32<A>{a}, x);
}
template <class A>
typename A::D sinh(A& a, typename A::D x) {
  return sinh_in(a, F64<A>{a}, x);
}
template <class A>
typename A::F cosh(A& a, typename A::F x) {
  return cosh_in(a, F32<A>{a}, x);
}
template <class A>
typename A::D cosh(A& a, typename A::D x) {
  return cosh_in(a, F64<A>{a}, x);
}

// ---- the others in f64, which pow, sin and cos of f32 are made of ---------------------------------------------------

// x^y for the special values of IEEE 754. `value` is |x|^y, in the precision that the caller needs.
template <class A>
typename A::D signed_pow(A& a, typename A::D x, typename A::D y, typename A::D value) {
  constexpr double inf = std::numeric_limits<double>::infinity();
  auto zero = a.d(0), one = a.d(1);
  // Is y a whole number, and an odd one? Above 2^53 every number is even.
  auto whole = [&](typename A::D v) {
    auto size = a.abs(v);
    auto rounded = a.sub(a.add(size, a.d(0x1p52)), a.d(0x1p52));
    return a.either(a.eq(rounded, size), a.lt(a.d(0x1p52), size));
  };
  auto y_whole = whole(y);
  auto half = a.mul(y, a.d(0.5));
  auto odd = a.both(a.both(y_whole, a.lt(a.abs(y), a.d(0x1p53))), a.eq(whole(half), a.no()));
  auto negative = a.negative(x);
  value = a.select(a.both(negative, odd), a.neg(value), value);
  auto defined = a.either(a.either(a.eq(negative, a.no()), y_whole), a.either(a.eq(a.abs(x), a.d(inf)), a.eq(x, zero)));
  defined = a.either(defined, a.eq(a.abs(y), a.d(inf)));
  value = a.select(defined, value, a.d(std::numeric_limits<double>::quiet_NaN()));
  value = a.select(a.either(a.unordered(x), a.unordered(y)), a.add(x, y), value);
  value = a.select(a.both(a.eq(x, a.d(-1)), a.eq(a.abs(y), a.d(inf))), one, value);
  return a.select(a.either(a.eq(y, zero), a.eq(x, one)), one, value);
}

// exp(log(x) / 3), which is off by some 2^-44, and one step of Newton; y^3 - x is exact to far below an ulp of x. Where
// that would be flushed to zero x is scaled by 2^300.
template <class A>
typename A::D cbrt(A& a, typename A::D x) {
  auto size = a.abs(x);
  auto tiny = a.lt(size, a.d(0x1p-800));
  size = a.mul(size, a.select(tiny, a.d(0x1p300), a.d(1)));
  auto y = exp(a, a.mul(log(a, size), a.d(1.0 / 3)));
  auto square = a.mul(y, y), lost = a.fma(y, y, a.neg(square));
  auto rest = a.fma(y, lost, a.fma(y, square, a.neg(size)));
  y = a.sub(y, a.div(rest, a.mul(square, a.d(3))));
  y = a.mul(y, a.select(tiny, a.d(0x1p-100), a.d(1)));
  y = a.select(a.lt(x, a.d(0)), a.neg(y), y);
  auto itself = a.either(a.eq(x, a.d(0)), a.eq(a.is_finite(x), a.no()));
  return a.select(itself, x, y);
}

// x = n pi/2 + r: r in [-pi/4, pi/4] and the quadrant n. pi/2 in two parts; good for |x| up to 2^31.
template <class A>
struct Quadrant {
  typename A::D rest;
  typename A::L number;
};
template <class A>
Quadrant<A> quadrant(A& a, typename A::D x) {
  constexpr double high = 0x1.921fb54442d18p0, low = 0x1.1a62633145c07p-54; // pi/2 = high + low + ...
  auto shifted = a.fma(x, a.d(2 / std::numbers::pi), a.d(F64<A>::magic));
  auto whole = a.sub(shifted, a.d(F64<A>::magic));
  return {a.fma(whole, a.d(-low), a.fma(whole, a.d(-high), x)), a.bits(shifted)};
}

// Taylor on [-pi/4, pi/4]: sine to r^15, cosine to r^16 (next terms below 2^-53).
inline constexpr double sine_terms[] = {-1.0 / 6,        1.0 / 120,        -1.0 / 5040,         1.0 / 362880,
                                        -1.0 / 39916800, 1.0 / 6227020800, -1.0 / 1307674368000};
inline constexpr double cosine_terms[] = {-0.5,           1.0 / 24,        -1.0 / 720,         1.0 / 40320,
                                          -1.0 / 3628800, 1.0 / 479001600, -1.0 / 87178291200, 1.0 / 20922789888000};
template <class A>
typename A::D sine_piece(A& a, typename A::D r) {
  auto r2 = a.mul(r, r);
  return a.fma(a.mul(r2, polynomial(a, r2, sine_terms, [&](double v) { return a.d(v); })), r, r);
}
template <class A>
typename A::D cosine_piece(A& a, typename A::D r) {
  auto r2 = a.mul(r, r);
  return a.fma(r2, polynomial(a, r2, cosine_terms, [&](double v) { return a.d(v); }), a.d(1));
}
// Quadrants 0, 1, 2, 3 of the sine: sin r, cos r, -sin r, -cos r; the cosine is one quadrant ahead. Where the reduction
// holds no longer x is taken for 0 (infinity and NaN for NaN), so that the result stays a sine of something.
template <class A>
typename A::D sine_at(A& a, typename A::D x, std::int64_t ahead) {
  x = a.select(a.lt(a.abs(x), a.d(0x1p31)), x, a.mul(x, a.d(0)));
  auto q = quadrant(a, x);
  auto n = a.add(q.number, a.l(ahead));
  auto y = a.select(a.is_zero(a.band(n, a.l(1))), sine_piece(a, q.rest), cosine_piece(a, q.rest));
  return a.select(a.is_zero(a.band(n, a.l(2))), y, a.neg(y));
}
template <class A>
typename A::D sin(A& a, typename A::D x) { // sin(-0) is -0, also after the reduction
  return a.select(a.eq(x, a.d(0)), x, sine_at(a, x, 0));
}
template <class A>
typename A::D cos(A& a, typename A::D x) {
  return sine_at(a, x, 1);
}

// ---- the others in f32 ----------------------------------------------------------------------------------------------

// Below 1 the Taylor series 2/sqrt(pi) (x - x^3/3 + x^5/10 ...); above it 1 - erfc with the Chebyshev fit of "Numerical
// Recipes" (erfcc, fractional error below 1.2e-7, which is a fraction of an ulp of the difference).
template <class A>
typename A::F erf(A& a, typename A::F x) {
  constexpr double k = 2 * std::numbers::inv_sqrtpi;
  static constexpr double series[] = {-k / 3,       k / 10,       -k / 42,        k / 216,
                                      -k / 1320,    k / 9360,     -k / 75600,     k / 685440,
                                      -k / 6894720, k / 76204800, -k / 918086400, k / 11975040000};
  static constexpr double fit[] = {-1.26551223, 1.00002368,  0.37409196, 0.09678418,  -0.18628806,
                                   0.27886807,  -1.13520398, 1.48851587, -0.82215223, 0.17087277};
  auto size = a.abs(x);
  auto x2 = a.mul(x, x);
  auto linear = a.mul(x, a.f(k));
  auto small = a.fma(a.mul(x2, polynomial(a, x2, series, [&](double v) { return a.f(v); })), x, linear);
  auto t = a.div(a.f(1), a.fma(size, a.f(0.5), a.f(1)));
  auto exponent = a.sub(polynomial(a, t, fit, [&](double v) { return a.f(v); }), x2);
  auto large = a.sub(a.f(1), a.mul(t, exp(a, exponent)));
  large = a.select(a.lt(x, a.f(0)), a.neg(large), large);
  auto y = a.select(a.lt(size, a.f(1)), small, large);
  return a.select(a.either(a.unordered(x), a.eq(x, a.f(0))), x, y); // -0 stays
}

// In f64, rounded once at the end: their errors come from the last rounding alone.
template <class A>
typename A::F pow(A& a, typename A::F x, typename A::F y) {
  auto exponent = a.widen(y), wide = a.widen(x);
  return a.narrow(signed_pow(a, wide, exponent, exp(a, a.mul(exponent, log(a, a.abs(wide))))));
}
template <class A>
typename A::F cbrt(A& a, typename A::F x) {
  return a.narrow(cbrt(a, a.widen(x)));
}
template <class A>
typename A::F sin(A& a, typename A::F x) {
  return a.narrow(sin(a, a.widen(x)));
}
template <class A>
typename A::F cos(A& a, typename A::F x) {
  return a.narrow(cos(a, a.widen(x)));
}

} // namespace nnc::math
