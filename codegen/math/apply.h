// The elementwise operators of the table, each once, over any arithmetic (codegen/math/functions.h says what that is):
// compiled code and the interpreter of loops are made of this. Floats follow IEEE 754 without exceptions for speed;
// integers wrap; the divisions that have no result give 0.
#pragma once

#include "codegen/math/angles.h"
#include "codegen/math/narrow.h"
#include "codegen/math/powers.h"
#include "ir/op.h"

#include <optional>
#include <span>

namespace nnc::math {

template <class A, class X>
X sign(A& a, X x) { // NaN and zeros of either sign are themselves
  X zero = a.template constant<X>(0), one = a.template constant<X>(1);
  if constexpr (A::template is_float<X>()) {
    X others = a.select(a.lt(x, zero), a.template constant<X>(-1), x);
    return a.select(a.lt(zero, x), one, others);
  } else {
    X positive = a.template convert<X>(a.lt(zero, x));
    if constexpr (!A::template is_signed<X>()) return positive;
    else return a.bor(positive, a.template all_bits<X>(a.lt(x, zero)));
  }
}

template <class A, class X>
X absolute(A& a, X x) {
  if constexpr (A::template is_float<X>()) return a.abs(x);
  else if constexpr (!A::template is_signed<X>()) return x;
  else return a.select(a.lt(x, a.template constant<X>(0)), a.neg(x), x);
}

// Rounded down; by 0 it is 0, the smallest by -1 wraps to itself.
template <class A, class X>
X floor_div(A& a, X x, X d) {
  X zero = a.template constant<X>(0), one = a.template constant<X>(1);
  auto by_zero = a.eq(d, zero);
  if constexpr (!A::template is_signed<X>()) {
    return a.select(by_zero, zero, a.quotient(x, a.select(by_zero, one, d)));
  } else {
    auto by_minus_one = a.eq(d, a.template constant<X>(-1));
    X safe = a.select(a.either(by_zero, by_minus_one), one, d);
    X q = a.quotient(x, safe);
    X rest = a.sub(x, a.mul(q, safe));
    auto other_signs = a.lt(a.bxor(x, safe), zero);
    auto below = a.both(a.ne(rest, zero), other_signs);
    q = a.add(q, a.template all_bits<X>(below));
    return a.select(by_zero, zero, a.select(by_minus_one, a.neg(x), q));
  }
}

// The rest of that; by 0 it is 0.
template <class A, class X>
X mod(A& a, X x, X d) {
  X zero = a.template constant<X>(0), rest = a.sub(x, a.mul(floor_div(a, x, d), d));
  return a.select(a.eq(d, zero), zero, rest);
}

// ---- the table: x and y are the operands, the same one where there is but one ---------------------------------------

template <class A>
using Applied = std::optional<typename A::Value>; // nothing: not of this kind

template <class A, class X>
Applied<A> of_numbers(A& a, OpCode op, X x, X y) {
  switch (op) {
  case OpCode::add: return a.add(x, y);
  case OpCode::sub: return a.sub(x, y);
  case OpCode::mul: return a.mul(x, y);
  case OpCode::max: return a.max(x, y);
  case OpCode::min: return a.min(x, y);
  case OpCode::neg: return a.neg(x);
  case OpCode::abs: return absolute(a, x);
  case OpCode::sign: return sign(a, x);
  case OpCode::eq: return a.eq(x, y);
  case OpCode::ne: return a.ne(x, y);
  case OpCode::lt: return a.lt(x, y);
  case OpCode::gt: return a.lt(y, x);
  case OpCode::le: return a.le(x, y);
  case OpCode::ge: return a.le(y, x);
  default: return {};
  }
}

template <class A, class X>
Applied<A> of_floats(A& a, OpCode op, X x, X y) {
  switch (op) {
  case OpCode::div: return a.div(x, y);
  case OpCode::floor: return a.floor(x);
  case OpCode::ceil: return a.ceil(x);
  case OpCode::trunc: return a.trunc(x);
  case OpCode::round: return a.round(x);
  case OpCode::sqrt: return a.sqrt(x);
  case OpCode::rsqrt: return a.div(a.template constant<X>(1), a.sqrt(x));
  case OpCode::is_nan: return a.unordered(x);
  case OpCode::is_finite: return a.is_finite(x);
  case OpCode::exp: return exp(a, x);
  case OpCode::expm1: return expm1(a, x);
  case OpCode::log: return log(a, x);
  case OpCode::log1p: return log1p(a, x);
  case OpCode::tanh: return tanh(a, x);
  case OpCode::erf: return erf(a, x);
  case OpCode::sin: return sin(a, x);
  case OpCode::cos: return cos(a, x);
  case OpCode::exp2: return exp2(a, x);
  case OpCode::log2: return log2(a, x);
  case OpCode::sinh: return sinh(a, x);
  case OpCode::cosh: return cosh(a, x);
  case OpCode::cbrt: return cbrt(a, x);
  case OpCode::tan: return tan(a, x);
  case OpCode::asin: return asin(a, x);
  case OpCode::acos: return acos(a, x);
  case OpCode::atan: return atan(a, x);
  case OpCode::atan2: return atan2(a, x, y);
  case OpCode::pow: return pow(a, x, y);
  default: return {};
  }
}

template <class A, class X>
Applied<A> of_integers(A& a, OpCode op, X x, X y) { // bools are integers of one bit
  switch (op) {
  case OpCode::floor_div: return floor_div(a, x, y);
  case OpCode::mod: return mod(a, x, y);
  case OpCode::and_: return a.band(x, y);
  case OpCode::or_: return a.bor(x, y);
  case OpCode::xor_: return a.bxor(x, y);
  case OpCode::not_: return a.bnot(x);
  default: return {};
  }
}

// ---- by dtype -------------------------------------------------------------------------------------------------------

template <class X>
struct Typed {
  using type = X;
};

// body(Typed<X>) with the lanes X of a dtype.
template <class A, class Body>
typename A::Value with_type(DType d, Body body) {
  switch (d) {
  case DType::f64: return body(Typed<typename A::D>{});
  case DType::f32: return body(Typed<typename A::F>{});
  case DType::i64: return body(Typed<typename A::L>{});
  case DType::i32: return body(Typed<typename A::I>{});
  case DType::i8: return body(Typed<typename A::I8>{});
  case DType::u8: return body(Typed<typename A::U8>{});
  case DType::bool_: return body(Typed<typename A::B>{});
  case DType::f16: return body(Typed<typename A::Half>{});
  case DType::bf16: return body(Typed<typename A::Brain>{});
  }
  throw CompilerBug("a dtype without code");
}

// From any dtype to any: to a narrow float by way of f32, or of f64 where f32 does not hold everything.
template <class To, class A, class X>
To converted(A& a, X x) {
  if constexpr (std::is_same_v<To, X>) return x;
  else if constexpr (is_narrow<A, X>) return converted<To>(a, widened(a, x));
  else if constexpr (!is_narrow<A, To>) return a.template convert<To>(x);
  else if constexpr (std::is_same_v<X, typename A::F>) return narrowed<To>(a, x);
  else return narrowed<To>(a, to_odd(a, converted<typename A::D>(a, x)));
}

// An operator of the tables; of narrow floats it is computed in f32.
template <class A, class X>
typename A::Value computed(A& a, OpCode op, X x, X y) {
  if constexpr (is_narrow<A, X>) {
    auto const value = computed(a, op, widened(a, x), widened(a, y));
    if (info(op).has(compares)) return value;
    return narrowed<X>(a, a.template as<typename A::F>(value));
  } else {
    if (auto const number = of_numbers(a, op, x, y)) return *number;
    Applied<A> value;
    if constexpr (A::template is_float<X>()) value = of_floats(a, op, x, y);
    else value = of_integers(a, op, x, y);
    if (!value) throw CompilerBug("no code for the operator " + std::string(info(op).name));
    return *value;
  }
}

// The operator on operands of dtype `from` (which is that of the last one of `select`), with a result of dtype `to`.
template <class A>
typename A::Value apply(A& a, OpCode op, DType from, DType to, std::span<typename A::Value const> operands) {
  using Value = typename A::Value;
  return with_type<A>(from, [&](auto type) -> Value {
    using X = typename decltype(type)::type;
    X x = a.template as<X>(operands.front()), y = a.template as<X>(operands.back());
    switch (op) {
    case OpCode::convert:
      return with_type<A>(to, [&](auto type) -> Value { return converted<typename decltype(type)::type>(a, x); });
    case OpCode::select: return a.select(a.template as<typename A::B>(operands[0]), a.template as<X>(operands[1]), y);
    case OpCode::stop_gradient: return x;
    default: return computed(a, op, x, y);
    }
  });
}

} // namespace nnc::math
