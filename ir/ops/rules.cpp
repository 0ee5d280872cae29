// The parts that the entries of the operators share.
#include "ir/ops/rules.h"

#include <algorithm>
#include <fmt/core.h>

namespace nnc::rules {

void refuse(std::string message) { throw Error(std::move(message)); }

void need(Type const& t, Takes takes) {
  auto expect = [&](bool fits, std::string_view what) {
    if (!fits) refuse(fmt::format("expected {}, found {}", what, t.text()));
  };
  switch (takes) {
  case Takes::floats: return expect(is_float(t.dtype), "floats");
  case Takes::integers: return expect(is_int(t.dtype), "integers");
  case Takes::numbers: return expect(t.dtype != DType::bool_, "numbers");
  case Takes::booleans: return expect(t.dtype == DType::bool_, "bools");
  case Takes::anything: return;
  }
}

void need_same_dtype(std::span<Type const> types) {
  for (auto const& t : types)
    if (t.dtype != types.front().dtype)
      refuse(fmt::format("operands have different dtypes: {} and {}", types.front().text(), t.text()));
}

Shape joined_shape(std::span<Type const> types) {
  Type const* shaped = nullptr;
  for (auto const& t : types) {
    if (t.rank() == 0) continue;
    if (!shaped) shaped = &t;
    else if (t.shape != shaped->shape) refuse(fmt::format("shapes do not fit: {} and {}", shaped->text(), t.text()));
  }
  return shaped ? shaped->shape : Shape{};
}

void check_axes(std::vector<i64> const& axes, int rank, std::string_view what) {
  std::vector<bool> seen(static_cast<size_t>(rank));
  for (i64 a : axes) {
    if (a < 0 || a >= rank) refuse(fmt::format("{} {} is outside a tensor of rank {}", what, a, rank));
    if (seen[static_cast<size_t>(a)]) refuse(fmt::format("{} {} is given twice", what, a));
    seen[static_cast<size_t>(a)] = true;
  }
}

IndexMap map_of_axes(std::vector<i64> const& axes) {
  IndexMap map;
  for (i64 a : axes) map.coordinates.push_back({.terms = {{a, 1}}});
  return map;
}

void check_order(Attributes const& attributes, Shape const& reduced) {
  auto order = attributes.get_or<Order>("order", {});
  if (order.block == 0) return;
  auto axis = static_cast<size_t>(order.axis);
  if (axis >= reduced.size()) refuse(fmt::format("blocks cut axis {} of {} that are summed", axis, reduced.size()));
  for (size_t a = axis + 1; a < reduced.size(); ++a)
    if (!reduced[a].is_constant())
      refuse(fmt::format("blocks need a constant extent behind the axis that they cut, found {}", reduced[a].text()));
  try {
    (void)(Dim(order.block) * element_count({reduced.begin() + order.axis + 1, reduced.end()}));
  } catch (Error const&) {
    refuse("a block has more elements than can be counted");
  }
}

std::vector<i64> axes_without(int rank, std::vector<i64> const& axes) {
  std::vector<i64> kept;
  for (i64 a = 0; a < rank; ++a)
    if (std::find(axes.begin(), axes.end(), a) == axes.end()) kept.push_back(a);
  return kept;
}

// With coefficients >= 0 the least value is the one where every symbol is 1.
bool never_negative(Dim const& d) {
  Bindings zeros, ones;
  zeros.fill(0);
  ones.fill(1);
  Dim symbols = d - d.bind(zeros);
  return Dim::maximum(symbols, Dim(0)) == symbols && d.value(ones) >= 0;
}

Tensor take(Tensor const& from, std::vector<i64> const& at, Type const& result) {
  Tensor y = Tensor::zeros(result.dtype, extents_of(result));
  for (size_t k = 0; k < at.size(); ++k) {
    auto i = static_cast<size_t>(at[k]);
    if (is_float(result.dtype)) y.f[k] = from.f[i];
    else y.i[k] = from.i[i];
  }
  return y;
}

V index_along(Builder& b, Shape shape, i64 axis) {
  return {&b, b.make(OpCode::iota, {}, {{"axis", axis}}, Type{DType::i32, std::move(shape)})};
}

std::vector<Sample> elementwise_samples(int count, std::vector<DType> const& dtypes, f64 low, f64 high, i64 int_low,
                                        i64 int_high) {
  std::vector<Sample> out;
  auto add = [&](std::vector<Type> operands) {
    auto& s = out.emplace_back();
    s.operands = std::move(operands);
    s.low = low;
    s.high = high;
    s.int_low = int_low;
    s.int_high = int_high;
  };
  auto n = static_cast<size_t>(count);
  for (DType d : dtypes) {
    for (Shape const& shape : {Shape{5}, Shape{2, 3}, Shape{}, Shape{0}}) add(std::vector<Type>(n, Type{d, shape}));
    for (size_t scalar = 0; n > 1 && scalar < n; ++scalar) {
      std::vector<Type> operands(n, Type{d, {3, 2}});
      operands[scalar].shape.clear();
      add(operands);
    }
  }
  return out;
}

std::vector<Refusal> binary_refusals(DType fits) {
  DType other = fits == DType::i64 ? DType::i32 : DType::i64;
  DType also = is_float(fits) ? DType::f64 : other;
  return {{{.operands = {{fits, {3}}, {fits, {4}}}}, "shapes do not fit"},
          {{.operands = {{fits, {3}}, {fits, {3, 1}}}}, "shapes do not fit"},
          {{.operands = {{fits, {3}}, {also, {3}}}}, "different dtypes"},
          {{.operands = {{fits, {3}}}}, "takes 2 operands"}};
}

std::vector<Refusal> refused_dtype(int count, DType wrong, std::string_view message) {
  return {{{.operands = std::vector<Type>(static_cast<size_t>(count), Type{wrong, {3}})}, message}};
}

} // namespace nnc::rules
