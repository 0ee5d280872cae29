#include "frontend/elaborate/known.h"

#include "ir/tensor.h"

#include <algorithm>

namespace nnc::front {

namespace {

bool takes(OpCode op, size_t operands, DType d) {
  std::vector<Type> const types(operands, scalar_of(d));
  try {
    (void)result_types(op, types, {}, nullptr);
    return true;
  } catch (Error const&) {
    return false;
  }
}

Tensor evaluated(OpCode op, DType d, std::vector<Scalar> const& numbers) {
  std::vector<Type> const types(numbers.size(), scalar_of(d));
  std::vector<Tensor> operands;
  for (auto const& x : numbers) {
    operands.push_back(Tensor::zeros(d, {}));
    if (is_float(d)) operands.back().f[0] = x.f;
    else operands.back().i[0] = x.i;
  }
  auto const results = result_types(op, types, {}, nullptr);
  return info(op).evaluate({}, operands, results).front();
}

f64 number_in(Tensor const& y) { return is_float(y.dtype) ? y.f[0] : static_cast<f64>(y.i[0]); }

// As an int is, or a truth, or else a float.
std::optional<Scalar> constant_of(Any const& v) {
  if (auto* b = v.get<bool>()) return Scalar{.f = 0, .i = *b};
  if (auto* x = v.get<f64>()) return Scalar{.f = *x, .i = 0};
  auto* d = v.get<Dim>();
  auto const c = d ? d->constant() : std::nullopt;
  return c ? std::optional(Scalar{.f = static_cast<f64>(*c), .i = *c}) : std::nullopt;
}

} // namespace

std::optional<f64> known_number(Any const& v) {
  if (v.tensor()) return v.tensor()->known;
  auto const c = constant_of(v);
  if (!c) return {};
  return v.is<bool>() ? static_cast<f64>(c->i) : c->f;
}

f64 known_number(OpCode op, std::vector<f64> const& numbers, DType of) {
  std::vector<Scalar> operands;
  for (f64 x : numbers) operands.push_back({.f = x, .i = x != 0});
  return number_in(evaluated(op, of, operands));
}

i64 known_integer(OpCode op, std::vector<i64> const& numbers) {
  std::vector<Scalar> operands;
  for (i64 x : numbers) operands.push_back({.f = 0, .i = x});
  return evaluated(op, DType::i64, operands).i[0];
}

std::optional<Any> known_value(OpCode op, std::vector<Any> const& values) {
  std::vector<Scalar> operands;
  for (auto const& v : values) {
    auto const c = constant_of(v);
    if (!c || v.is<bool>() != values.front().is<bool>()) return {};
    operands.push_back(*c);
  }
  bool const truths = values.front().is<bool>();
  bool const ints = std::all_of(values.begin(), values.end(), [](Any const& v) { return v.is<Dim>(); });
  DType const d = truths ? DType::bool_ : ints && takes(op, values.size(), DType::i64) ? DType::i64 : DType::f64;
  if (!takes(op, values.size(), d)) return {};
  Tensor const y = evaluated(op, d, operands);
  if (y.dtype == DType::bool_) return Any{y.i[0] != 0};
  return is_float(y.dtype) ? Any{y.f[0]} : Any{Dim(y.i[0])};
}

} // namespace nnc::front
