// What the entries of the operators are made of: type rules, loops over elements, samples. Everything here is a
// function or a template that gives one, so that the entries stay constant data.
#pragma once

#include "ir/grad.h"
#include "ir/index_map.h"
#include "ir/op.h"
#include "ir/tensor.h"

namespace nnc::rules {

// ---- type rules -----------------------------------------------------------------------------------------------------

[[noreturn]] void refuse(std::string message);

enum class Takes : u8 { floats, integers, numbers, booleans, anything };
void need(Type const&, Takes); // "expected floats, found i32[3]"
void need_same_dtype(std::span<Type const>);

// The shape of an elementwise result: that of the operands which are not of rank 0; these agree.
Shape joined_shape(std::span<Type const>);

template <Takes takes>
std::vector<Type> elementwise_type(TypeQuery const& q) {
  for (auto const& t : q.operands) need(t, takes);
  need_same_dtype(q.operands);
  return {{q.operands.front().dtype, joined_shape(q.operands)}};
}
template <Takes takes>
std::vector<Type> comparison_type(TypeQuery const& q) {
  auto types = elementwise_type<takes>(q);
  types.front().dtype = DType::bool_;
  return types;
}

// Axes of a tensor of this rank: distinct, in range.
void check_axes(std::vector<i64> const& axes, int rank, std::string_view what);
std::vector<i64> axes_without(int rank, std::vector<i64> const& axes); // the others, increasing
void check_order(Attributes const&, Shape const& reduced); // the order of a sum over these extents, if there is one
bool never_negative(Dim const&); // for every value >= 1 of the symbols, as far as the coefficients show

// ---- index maps -----------------------------------------------------------------------------------------------------

// The coordinates that are axes of the space, in the given order.
IndexMap map_of_axes(std::vector<i64> const& axes);

// ---- evaluation -----------------------------------------------------------------------------------------------------

// Element `i` of an operand that may be of rank 0.
inline f64 float_at(Tensor const& t, size_t i) { return t.f[t.shape.empty() ? 0 : i]; }
inline i64 int_at(Tensor const& t, size_t i) { return t.i[t.shape.empty() ? 0 : i]; }

// The same moves for both kinds of elements.
Tensor take(Tensor const& from, std::vector<i64> const& at, Type const& result); // result[k] = from[at[k]]

inline size_t elements(Tensor const& t) { return static_cast<size_t>(t.size()); }

// `Float` and `Int` are lambdas without capture: of one, two ... elements.
template <class Float, class Int, size_t... I>
std::vector<Tensor> map_elements(std::span<Tensor const> x, Type const& result, Float on_float, Int on_int,
                                 std::index_sequence<I...>) {
  Tensor y = Tensor::zeros(result.dtype, extents_of(result));
  auto put = [&](size_t i, auto value) {
    if constexpr (std::is_floating_point_v<decltype(value)>) y.f[i] = value;
    else y.i[i] = static_cast<i64>(value);
  };
  bool floats = is_float(x[0].dtype);
  for (size_t i = 0, n = elements(y); i < n; ++i) {
    if (floats) {
      if constexpr (!std::is_null_pointer_v<Float>) put(i, on_float(float_at(x[I], i)...));
    } else {
      if constexpr (!std::is_null_pointer_v<Int>) put(i, on_int(int_at(x[I], i)...));
    }
  }
  return {std::move(y)};
}

using Evaluate = std::vector<Tensor> (*)(Node const&, std::span<Tensor const>, std::span<Type const>);

template <size_t operands, class Float, class Int>
constexpr Evaluate each(Float, Int) {
  return [](Node const&, std::span<Tensor const> x, std::span<Type const> result) {
    return map_elements(x, result.front(), Float{}, Int{}, std::make_index_sequence<operands>{});
  };
}
template <class Float>
constexpr Evaluate each1(Float f) {
  return each<1>(f, nullptr);
}
template <class Float, class Int>
constexpr Evaluate each1(Float f, Int i) {
  return each<1>(f, i);
}
template <class Float>
constexpr Evaluate each2(Float f) {
  return each<2>(f, nullptr);
}
template <class Float, class Int>
constexpr Evaluate each2(Float f, Int i) {
  return each<2>(f, i);
}

// Lambdas, for `each` takes nothing else. Integer arithmetic that wraps in 64 bits; the evaluator wraps the rest.
inline constexpr auto wrapping_add = [](i64 a, i64 b) {
  return static_cast<i64>(static_cast<u64>(a) + static_cast<u64>(b));
};
inline constexpr auto wrapping_sub = [](i64 a, i64 b) {
  return static_cast<i64>(static_cast<u64>(a) - static_cast<u64>(b));
};
inline constexpr auto wrapping_mul = [](i64 a, i64 b) {
  return static_cast<i64>(static_cast<u64>(a) * static_cast<u64>(b));
};

// The choice that max, min and the reductions made of them share: a NaN wins, the first of two; of equals (0 and -0)
// the second is taken.
inline constexpr auto larger = [](f64 a, f64 b) { return b < a || a != a ? a : b; };
inline constexpr auto smaller = [](f64 a, f64 b) { return a < b || a != a ? a : b; };

// ---- gradients ------------------------------------------------------------------------------------------------------

inline V select(V condition, V yes, V no) { return apply(OpCode::select, {condition, yes, no}); }
inline V compare(OpCode op, V a, V b) { return apply(op, {a, b}); }
inline V like(V v, f64 c) { return {v.b, v.b->like(v.id, c)}; }
// The 0, 1, 2 ... along one axis, as i32 of this shape.
V index_along(Builder&, Shape, i64 axis);

// ---- samples --------------------------------------------------------------------------------------------------------

inline Type f32_of(Shape s) { return {DType::f32, std::move(s)}; }
inline Type i32_of(Shape s) { return {DType::i32, std::move(s)}; }
inline Type bool_of(Shape s) { return {DType::bool_, std::move(s)}; }

// `count` operands of each dtype: of one shape; a matrix; of rank 0 among others; empty.
std::vector<Sample> elementwise_samples(int count, std::vector<DType> const& dtypes, f64 low = -2, f64 high = 2,
                                        i64 int_low = -5, i64 int_high = 9);
// What every elementwise operator of two operands refuses.
std::vector<Refusal> binary_refusals(DType fits);
std::vector<Refusal> refused_dtype(int count, DType wrong, std::string_view message);

} // namespace nnc::rules
