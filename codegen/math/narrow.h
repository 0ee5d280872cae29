// f16 and bf16, which are stored in 16 bits and computed in f32: their conversions, by integer arithmetic on the bits,
// over any arithmetic (codegen/math/functions.h says what that is). Nearest, ties to even; the subnormal numbers of f16
// are numbers like any other.
#pragma once

#include <type_traits>

namespace nnc::math {

template <class A, class X>
concept is_narrow = std::is_same_v<X, typename A::Half> || std::is_same_v<X, typename A::Brain>;

// ---- to f32: exact --------------------------------------------------------------------------------------------------

template <class A>
typename A::F widened(A& a, typename A::Brain x) { // the upper half of an f32
  return a.number(a.shl(a.bits(x), 16));
}

// Exponents are 112 larger in f32; that of infinity and NaN is 31 here and 255 there. A subnormal is m 2^-24.
template <class A>
typename A::F widened(A& a, typename A::Half x) {
  if constexpr (requires { a.has_half(); })
    if (a.has_half()) return a.widen_half(x);
  auto all = a.bits(x), size = a.band(all, a.i(0x7fff));
  auto moved = a.shl(size, 13);
  auto special = a.lt(a.i(0x7bff), size), subnormal = a.lt(size, a.i(0x0400));
  auto number = a.add(moved, a.select(special, a.i(224 << 23), a.i(112 << 23)));
  number = a.select(subnormal, a.bits(a.mul(a.to_float(size), a.f(0x1p-24))), number);
  return a.number(a.bor(number, a.shl(a.band(all, a.i(0x8000)), 16)));
}

// ---- from f32: rounded ----------------------------------------------------------------------------------------------

// Adds half of what is cut off, or a little less where the last bit that stays is even.
template <class A>
typename A::I rounded_at(A& a, typename A::I bits, int cut) {
  auto odd = a.band(a.shr(bits, cut), a.i(1));
  return a.shr(a.add(bits, a.add(odd, a.i((1 << (cut - 1)) - 1))), cut);
}

template <class A>
typename A::Brain to_brain(A& a, typename A::F x) {
  auto bits = a.bits(x);
  auto nan = a.shr(a.bor(bits, a.i(0x00400000)), 16); // stays one when the lower half is gone
  return a.template from_bits<typename A::Brain>(a.select(a.unordered(x), nan, rounded_at(a, bits, 16)));
}

// Below 2^-14 the sum with 1/2 has the bits of x / 2^-24, rounded.
template <class A>
typename A::Half to_half(A& a, typename A::F x) {
  if constexpr (requires { a.has_half(); })
    if (a.has_half()) return a.narrow_half(x);
  auto all = a.bits(x), size = a.band(all, a.i(0x7fffffff));
  auto normal = rounded_at(a, a.sub(size, a.i(112 << 23)), 13);
  auto subnormal = a.sub(a.bits(a.add(a.number(size), a.f(0.5))), a.bits(a.f(0.5)));
  auto y = a.select(a.lt(size, a.i(0x38800000)), subnormal, normal);
  y = a.select(a.lt(a.i(0x477fefff), size), a.i(0x7c00), y); // from 65520 on: infinity
  y = a.select(a.unordered(x), a.i(0x7e00), y);
  return a.template from_bits<typename A::Half>(a.bor(y, a.band(a.shr(all, 16), a.i(0x8000))));
}

template <class X, class A>
X narrowed(A& a, typename A::F x) {
  if constexpr (std::is_same_v<X, typename A::Brain>) return to_brain(a, x);
  else return to_half(a, x);
}

// An f64 as the f32 beside it whose last bit is odd, where it is none itself: rounded on to fewer digits, that gives
// what rounding once would have given.
template <class A>
typename A::F to_odd(A& a, typename A::D x) {
  auto near = a.narrow(x);
  auto back = a.widen(near);
  auto bits = a.bits(near);
  bits = a.select(a.lt(a.abs(x), a.abs(back)), a.sub(bits, a.i(1)), bits);
  return a.number(a.select(a.ne(back, x), a.bor(bits, a.i(1)), bits));
}

} // namespace nnc::math
