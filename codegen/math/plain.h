// The arithmetic of codegen/math/functions.h on one lane, in C++: for the interpreter of loops and for tests. Subnormal
// floats are zeros, as in the mode that kernels run in.
#pragma once

#include <cmath>
#include <concepts>
#include <cstdint>
#include <limits>
#include <type_traits>

namespace nnc::math {

// The bits of a float of 16.
template <int which>
struct Short {
  std::uint16_t bits = 0;
};

// One value of any dtype: f32 in `s`, f64 in `d`, integers (sign or zero extended), bools and the bits of narrow floats
// in `i`.
union Lane {
  float s;
  double d;
  std::int64_t i;
  Lane() : i(0) {}
  Lane(float x) : i(0) { s = x; } // NOLINT: implicit, each of them is a lane
  Lane(double x) : d(x) {}        // NOLINT
  template <std::integral N>
  Lane(N x) : i(static_cast<std::int64_t>(x)) {} // NOLINT
  template <int which>
  Lane(Short<which> x) : i(x.bits) {} // NOLINT
};

struct Plain {
  using F = float;
  using D = double;
  using I = std::int32_t;
  using L = std::int64_t;
  using I8 = std::int8_t;
  using U8 = std::uint8_t;
  using B = bool;
  using Half = Short<0>;
  using Brain = Short<1>;
  using Value = Lane;
  template <class X>
  static constexpr bool is_float() {
    return std::is_floating_point_v<X>;
  }
  template <class X>
  static constexpr bool is_signed() {
    return std::is_signed_v<X>;
  }

  template <class X>
  static X flushed(X x) {
    if constexpr (is_float<X>()) return std::fabs(x) < std::numeric_limits<X>::min() ? std::copysign(X{0}, x) : x;
    else return x;
  }
  template <class X>
  X as(Value v) const {
    if constexpr (std::is_same_v<X, F>) return v.s;
    else if constexpr (std::is_same_v<X, D>) return v.d;
    else if constexpr (std::is_class_v<X>) return {static_cast<std::uint16_t>(v.i)};
    else return static_cast<X>(v.i);
  }
  template <class X>
  X constant(double x) const {
    return static_cast<X>(x);
  }
  F f(double x) const { return static_cast<F>(x); }
  D d(double x) const { return x; }
  I i(I x) const { return x; }
  L l(L x) const { return x; }
  B no() const { return false; }

  template <class X>
  X add(X x, X y) const {
    if constexpr (is_float<X>()) return flushed(x + y);
    else return wrapped<X>(unsigned_of(x) + unsigned_of(y));
  }
  template <class X>
  X sub(X x, X y) const {
    if constexpr (is_float<X>()) return flushed(x - y);
    else return wrapped<X>(unsigned_of(x) - unsigned_of(y));
  }
  template <class X>
  X mul(X x, X y) const {
    if constexpr (is_float<X>()) return flushed(x * y);
    else return wrapped<X>(unsigned_of(x) * unsigned_of(y));
  }
  template <class X>
  X div(X x, X y) const {
    return flushed(x / y);
  }
  template <class X>
  X quotient(X x, X y) const {
    return static_cast<X>(x / y);
  }
  template <class X>
  X neg(X x) const {
    if constexpr (is_float<X>()) return -x;
    else return wrapped<X>(-unsigned_of(x));
  }
  template <class X>
  X abs(X x) const {
    return std::fabs(x);
  }
  template <class X>
  X sqrt(X x) const {
    return std::sqrt(x);
  }
  template <class X>
  X floor(X x) const {
    return std::floor(x);
  }
  template <class X>
  X ceil(X x) const {
    return std::ceil(x);
  }
  template <class X>
  X trunc(X x) const {
    return std::trunc(x);
  }
  template <class X>
  X round(X x) const {
    return std::nearbyint(x);
  }
  template <class X>
  X fma(X x, X y, X z) const {
    return flushed(std::fma(x, y, z));
  }

  template <class X>
  B lt(X x, X y) const {
    return x < y;
  }
  template <class X>
  B le(X x, X y) const {
    return x <= y;
  }
  template <class X>
  B eq(X x, X y) const {
    return x == y;
  }
  template <class X>
  B ne(X x, X y) const {
    return x != y;
  }
  template <class X>
  B unordered(X x) const {
    if constexpr (is_float<X>()) return std::isnan(x);
    else return false;
  }
  template <class X>
  B is_finite(X x) const {
    return std::isfinite(x);
  }
  template <class X>
  B is_zero(X x) const {
    return x == 0;
  }
  B negative(D x) const { return std::signbit(x); }

  template <class X>
  X select(B c, X x, X y) const {
    return c ? x : y;
  }
  template <class X>
  X max(X x, X y) const {
    return y < x || unordered(x) ? x : y;
  }
  template <class X>
  X min(X x, X y) const {
    return x < y || unordered(x) ? x : y;
  }

  template <class X>
  X band(X x, X y) const {
    return static_cast<X>(x & y);
  }
  template <class X>
  X bor(X x, X y) const {
    return static_cast<X>(x | y);
  }
  template <class X>
  X bxor(X x, X y) const {
    return static_cast<X>(x ^ y);
  }
  template <class X>
  X bnot(X x) const {
    return wrapped<X>(~unsigned_of(x));
  }
  template <class X>
  X shl(X x, int n) const {
    return wrapped<X>(unsigned_of(x) << n);
  }
  template <class X>
  X shr(X x, int n) const {
    return static_cast<X>(x >> n);
  }
  template <class X>
  X all_bits(B x) const {
    return wrapped<X>(x ? ~std::uint64_t{0} : 0);
  }
  B both(B x, B y) const { return x && y; }
  B either(B x, B y) const { return x || y; }

  I bits(F x) const { return __builtin_bit_cast(I, x); }
  L bits(D x) const { return __builtin_bit_cast(L, x); }
  template <int which>
  I bits(Short<which> x) const {
    return x.bits;
  }
  template <class X>
  X from_bits(I x) const {
    return {static_cast<std::uint16_t>(x)};
  }
  F number(I x) const { return __builtin_bit_cast(F, x); }
  D number(L x) const { return __builtin_bit_cast(D, x); }
  D widen(F x) const { return flushed(x); }
  F narrow(D x) const { return flushed(static_cast<F>(x)); }
  F to_float(I x) const { return static_cast<F>(x); }
  D to_double(L x) const { return static_cast<D>(x); }

  template <class To, class X>
  To convert(X x) const {
    if constexpr (std::is_same_v<To, X>) return x;
    else if constexpr (std::is_same_v<To, B>) return x != 0;
    else if constexpr (is_float<To>()) return flushed(static_cast<To>(flushed(x)));
    else if constexpr (is_float<X>()) return saturated<To>(x);
    else return static_cast<To>(x);
  }

private:
  template <class X>
  static std::uint64_t unsigned_of(X x) {
    return static_cast<std::uint64_t>(x);
  }
  template <class X>
  static X wrapped(std::uint64_t x) {
    if constexpr (std::is_same_v<X, B>) return (x & 1) != 0;
    else return static_cast<X>(x);
  }
  template <class To, class X>
  static To saturated(X x) {
    using Limits = std::numeric_limits<To>;
    if (x != x) return 0;
    if (x <= static_cast<X>(Limits::min())) return Limits::min();
    if (x >= static_cast<X>(Limits::max())) return Limits::max();
    return static_cast<To>(x);
  }
};

} // namespace nnc::math
