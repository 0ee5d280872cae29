// Operators that fold axes away. The evaluator sums in f64 and rounds once, so the order of a sum does not show here;
// the compiled code follows the attribute `order` (ir/order.h).
#include "ir/ops/rules.h"

#include <algorithm>
#include <fmt/core.h>
#include <limits>
#include <numeric>

namespace nnc {

using namespace rules;

namespace {

using Integers = std::vector<i64>;

std::vector<Type> reduce_type(TypeQuery const& q) {
  Type const& x = q.operands[0];
  need(x, Takes::numbers);
  auto const& axes = q.attributes.get<Integers>("axes");
  check_axes(axes, x.rank(), "axis");
  if (!std::is_sorted(axes.begin(), axes.end())) refuse("the axes of a reduction increase");
  Shape reduced;
  for (i64 a : axes) reduced.push_back(x.shape[static_cast<size_t>(a)]);
  check_order(q.attributes, reduced);
  Type y{x.dtype, {}};
  for (i64 a : axes_without(x.rank(), axes)) y.shape.push_back(x.shape[static_cast<size_t>(a)]);
  return {y};
}

std::vector<Type> arg_type(TypeQuery const& q) {
  Type const& x = q.operands[0];
  need(x, Takes::numbers);
  i64 axis = q.attributes.get<i64>("axis");
  check_axes({axis}, x.rank(), "axis");
  if (x.shape[static_cast<size_t>(axis)] == Dim(0)) refuse(fmt::format("axis {} of {} is empty", axis, x.text()));
  Type y{DType::i32, x.shape};
  y.shape.erase(y.shape.begin() + axis);
  return {y};
}

// The kept axes are those of the result, in their order; the reduced ones follow them.
IndexMap map_of_reduced(MapQuery const& q, Integers const& reduced) {
  auto const kept = axes_without(static_cast<int>(q.read().size()), reduced);
  Integers axes(q.read().size());
  for (size_t i = 0; i < kept.size(); ++i) axes[static_cast<size_t>(kept[i])] = static_cast<i64>(i);
  for (size_t i = 0; i < reduced.size(); ++i) axes[static_cast<size_t>(reduced[i])] = static_cast<i64>(kept.size() + i);
  return map_of_axes(axes);
}
std::optional<IndexMap> reduce_map(MapQuery const& q) { return map_of_reduced(q, q.attribute<Integers>("axes")); }
std::optional<IndexMap> arg_map(MapQuery const& q) { return map_of_reduced(q, {q.attribute<i64>("axis")}); }

// Offsets of a shape's elements, apart for the kept axes (one per result) and the reduced ones (in index order).
struct Fold {
  std::vector<i64> kept, reduced;
};
Fold fold_of(std::vector<i64> const& shape, Integers const& axes) {
  auto strides = strides_of(shape);
  auto along = [&](Integers const& list) {
    Integers extents, steps;
    for (i64 a : list) {
      extents.push_back(shape[static_cast<size_t>(a)]);
      steps.push_back(strides[static_cast<size_t>(a)]);
    }
    return offsets(extents, steps);
  };
  return {along(axes_without(static_cast<int>(shape.size()), axes)), along(axes)};
}

enum class Reduction : u8 { sum, prod, max, min };

template <Reduction r>
f64 step(f64 acc, f64 x) {
  if constexpr (r == Reduction::sum) return acc + x;
  if constexpr (r == Reduction::prod) return acc * x;
  if constexpr (r == Reduction::max) return larger(acc, x);
  if constexpr (r == Reduction::min) return smaller(acc, x);
}
template <Reduction r>
i64 step(i64 acc, i64 x) {
  if constexpr (r == Reduction::sum) return wrapping_add(acc, x);
  if constexpr (r == Reduction::prod) return wrapping_mul(acc, x);
  if constexpr (r == Reduction::max) return std::max(acc, x);
  if constexpr (r == Reduction::min) return std::min(acc, x);
}
template <Reduction r>
f64 float_start() {
  constexpr f64 inf = std::numeric_limits<f64>::infinity();
  if constexpr (r == Reduction::sum) return 0;
  if constexpr (r == Reduction::prod) return 1;
  return r == Reduction::max ? -inf : inf;
}
template <Reduction r>
i64 int_start(DType d) {
  if constexpr (r == Reduction::sum) return 0;
  if constexpr (r == Reduction::prod) return 1;
  constexpr f64 inf = std::numeric_limits<f64>::infinity();
  return saturate_to(d, r == Reduction::max ? -inf : inf); // the lowest or highest of the dtype
}

template <Reduction r>
std::vector<Tensor> evaluate_reduce(Node const& n, std::span<Tensor const> x, std::span<Type const> result) {
  Tensor y = Tensor::zeros(result[0].dtype, extents_of(result[0]));
  auto fold = fold_of(x[0].shape, n.attributes.get<Integers>("axes"));
  for (size_t k = 0; k < fold.kept.size(); ++k) {
    if (is_float(y.dtype)) {
      f64 acc = float_start<r>();
      for (i64 o : fold.reduced) acc = step<r>(acc, x[0].f[static_cast<size_t>(fold.kept[k] + o)]);
      y.f[k] = acc;
    } else {
      i64 acc = int_start<r>(y.dtype);
      for (i64 o : fold.reduced) acc = step<r>(acc, x[0].i[static_cast<size_t>(fold.kept[k] + o)]);
      y.i[k] = acc;
    }
  }
  return {std::move(y)};
}

// The first element that no other one beats; the first NaN beats all.
template <bool largest>
bool beats(f64 x, f64 best) {
  if (best != best) return false;
  return x != x || (largest ? x > best : x < best);
}
template <bool largest>
std::vector<Tensor> evaluate_arg(Node const& n, std::span<Tensor const> x, std::span<Type const> result) {
  Tensor y = Tensor::zeros(result[0].dtype, extents_of(result[0]));
  auto fold = fold_of(x[0].shape, {n.attributes.get<i64>("axis")});
  auto first_better = [&](auto const& data, size_t k, auto better) {
    size_t best = 0;
    auto at = [&](size_t j) { return data[static_cast<size_t>(fold.kept[k] + fold.reduced[j])]; };
    for (size_t j = 1; j < fold.reduced.size(); ++j)
      if (better(at(j), at(best))) best = j;
    return static_cast<i64>(best);
  };
  for (size_t k = 0; k < fold.kept.size(); ++k)
    y.i[k] = is_float(x[0].dtype) ? first_better(x[0].f, k, beats<largest>)
                                  : first_better(x[0].i, k, [](i64 a, i64 b) { return largest ? a > b : a < b; });
  return {std::move(y)};
}

// ---- gradients -----------------------------------------------------------------------------------------------------

V spread(Grad& g, V reduced) { // a value of the result's shape along the reduced axes
  Shape const shape = g.x(0).type().shape;
  auto kept = axes_without(static_cast<int>(shape.size()), g.attributes().get<Integers>("axes"));
  return {&g.builder(), g.builder().broadcast(reduced.id, shape, kept)};
}

// The operand with its reduced axes merged into one, the last. `back` undoes it.
struct Merged {
  V x;
  Shape ordered;        // the operand's shape with the reduced axes last
  Integers permutation; // which axes these are
};
Merged merge_reduced_axes(Grad& g) {
  Builder& b = g.builder();
  Type const x = g.x(0).type();
  auto const& axes = g.attributes().get<Integers>("axes");
  Merged m;
  m.permutation = axes_without(x.rank(), axes);
  Shape shape;
  for (i64 a : m.permutation) shape.push_back(x.shape[static_cast<size_t>(a)]);
  Dim length = 1;
  for (i64 a : axes) length = length * x.shape[static_cast<size_t>(a)];
  shape.push_back(length);
  m.permutation.insert(m.permutation.end(), axes.begin(), axes.end());
  for (i64 a : m.permutation) m.ordered.push_back(x.shape[static_cast<size_t>(a)]);
  m.x = {&b, b.reshape(b.transpose(g.x(0).id, m.permutation), shape)};
  return m;
}
V back(Grad& g, Merged const& m, V value) {
  Builder& b = g.builder();
  Integers inverse(m.permutation.size());
  for (size_t i = 0; i < inverse.size(); ++i) inverse[static_cast<size_t>(m.permutation[i])] = static_cast<i64>(i);
  return {&b, b.transpose(b.reshape(value.id, m.ordered), inverse)};
}
Integers all_but_last(Type const& t) {
  Integers axes(t.shape.size() - 1);
  std::iota(axes.begin(), axes.end(), 0);
  return axes;
}

// The operand with neighbouring reduced axes as one, where they are: nothing has to be moved. Else the last.
struct MergedInPlace {
  V x;
  i64 axis;
  std::optional<Merged> moved;
};
MergedInPlace merge_in_place(Grad& g) {
  Builder& b = g.builder();
  Shape const x = g.x(0).type().shape;
  auto const& axes = g.attributes().get<Integers>("axes");
  bool together = true;
  for (size_t i = 1; i < axes.size(); ++i) together = together && axes[i] == axes[i - 1] + 1;
  if (!together) {
    auto m = merge_reduced_axes(g);
    return {m.x, static_cast<i64>(m.x.type().shape.size()) - 1, m};
  }
  auto const first = x.begin() + axes.front(), behind = first + static_cast<std::ptrdiff_t>(axes.size());
  Shape shape(x.begin(), first);
  shape.push_back(element_count({first, behind}));
  shape.insert(shape.end(), behind, x.end());
  return {{&b, shape == x ? g.x(0).id : b.reshape(g.x(0).id, shape)}, axes.front(), {}};
}

// The number of each element among those that are reduced, row-major; nothing where an extent is not known.
std::optional<V> number_along(Builder& b, Shape const& shape, Integers const& axes) {
  V number = index_along(b, shape, axes.front());
  for (size_t i = 1; i < axes.size(); ++i) {
    auto const extent = shape[static_cast<size_t>(axes[i])].constant();
    if (!extent) return {};
    number = number * like(number, static_cast<f64>(*extent)) + index_along(b, shape, axes[i]);
  }
  return number;
}

// dy goes to the element that was taken, the first of equals.
void gradient_of_extreme(Grad& g, OpCode arg) {
  if (g.attributes().get<Integers>("axes").empty()) return g.to(0, g.dy());
  Builder& b = g.builder();
  auto const m = merge_in_place(g);
  Shape const shape = m.x.type().shape;
  if (shape[static_cast<size_t>(m.axis)] == Dim(0)) return;
  ValueId taken = b.make(arg, {m.x.id}, {{"axis", m.axis}});
  Shape const whole = g.x(0).type().shape;
  auto const axes = g.attributes().get<Integers>("axes");
  if (auto const number = number_along(b, whole, axes)) { // nothing is moved, nor seen in another shape
    auto const others = axes_without(static_cast<int>(whole.size()), axes);
    V const dy{&b, b.broadcast(g.dy().id, whole, others)};
    V const here = compare(OpCode::eq, *number, {&b, b.broadcast(taken, whole, others)});
    return g.to(0, rules::select(here, dy, like(dy, 0)));
  }
  auto const kept = axes_without(static_cast<int>(shape.size()), {m.axis});
  V here = compare(OpCode::eq, index_along(b, shape, m.axis), {&b, b.broadcast(taken, shape, kept)});
  V dy{&b, b.broadcast(g.dy().id, shape, kept)};
  V const dx = rules::select(here, dy, like(dy, 0));
  if (m.moved) g.to(0, back(g, *m.moved, dx));
  else g.to(0, shape == whole ? dx : V{&b, b.reshape(dx.id, whole)});
}

// dy times the product of all other elements. Every element gets its own product (n^2 factors): no division, so zeros
// are no special case, for higher derivatives neither.
void gradient_of_product(Grad& g) {
  if (g.attributes().get<Integers>("axes").empty()) return g.to(0, g.dy());
  Builder& b = g.builder();
  Merged m = merge_reduced_axes(g);
  Shape square = m.x.type().shape; // [kept..., element, factor]
  square.push_back(square.back());
  i64 factor = static_cast<i64>(square.size()) - 1;
  auto axes = all_but_last(m.x.type());
  axes.push_back(factor);
  V own = compare(OpCode::eq, index_along(b, square, factor - 1), index_along(b, square, factor));
  V factors = rules::select(own, like(m.x, 1), {&b, b.broadcast(m.x.id, square, axes)});
  V others{&b, b.reduce(OpCode::reduce_prod, factors.id, {factor})};
  V dy{&b, b.broadcast(g.dy().id, m.x.type().shape, all_but_last(m.x.type()))};
  g.to(0, back(g, m, dy * others));
}

// ---- samples -------------------------------------------------------------------------------------------------------

std::vector<Sample> reduce_samples() {
  std::vector<Sample> out;
  auto add = [&](Type x, Integers axes) {
    out.push_back(
        {.operands = {std::move(x)}, .attributes = {{"axes", std::move(axes)}}, .int_low = -3, .int_high = 3});
  };
  add(f32_of({5}), {0});
  add(f32_of({3, 4}), {0});
  add(f32_of({3, 4}), {1});
  add(f32_of({3, 4}), {0, 1});
  add(f32_of({2, 3, 4}), {1});
  add(f32_of({2, 3, 4}), {0, 2});
  add(f32_of({3, 37}), {1});
  auto in_order = [&](Type x, Integers axes, Order order) {
    add(std::move(x), std::move(axes));
    out.back().attributes.set("order", order);
  };
  in_order(f32_of({75}), {0}, {Order::Kind::lanes, 16});
  in_order(f32_of({7, 3, 5}), {0, 2}, {Order::Kind::chain, 2});
  in_order(f32_of({3, 7, 5}), {0, 1, 2}, {Order::Kind::lanes, 2, 1});
  add(f32_of({3}), {});
  add(f32_of({}), {});
  add(f32_of({2, 0}), {1});
  for (DType d : {DType::i32, DType::i64, DType::u8}) {
    add({d, {3, 4}}, {1});
    add({d, {3, 4}}, {0});
    add({d, {2, 0}}, {1});
  }
  return out;
}

std::vector<Sample> arg_samples() {
  std::vector<Sample> out;
  auto add = [&](Type x, i64 axis) {
    out.push_back({.operands = {std::move(x)}, .attributes = {{"axis", axis}}, .int_low = 0, .int_high = 3});
  };
  add(f32_of({5}), 0);
  add(f32_of({3, 4}), 0);
  add(f32_of({3, 4}), 1);
  add(f32_of({2, 3, 4}), 1);
  add(f32_of({3, 37}), 1);
  add(i32_of({3, 4}), 1);
  add({DType::u8, {3, 4}}, 0);
  add(f32_of({0, 4}), 1);
  return out;
}

std::vector<Refusal> reduce_errors() {
  auto with = [](Type x, Integers axes) {
    return Sample{.operands = {std::move(x)}, .attributes = {{"axes", std::move(axes)}}};
  };
  auto in_order = [&](Shape shape, i64 block, i64 axis) {
    Sample s = with(f32_of(std::move(shape)), {0, 1});
    s.attributes.set("order", Order{Order::Kind::chain, block, axis});
    return s;
  };
  return {{with(f32_of({3}), {1}), "outside"},
          {with(f32_of({3}), {0, 0}), "given twice"},
          {with(f32_of({3, 2}), {1, 0}), "increase"},
          {in_order({3, 2}, 4, 2), "blocks cut axis 2 of 2 that are summed"},
          {in_order({3, Symbol::batch}, 4, 0), "constant extent behind the axis that they cut, found batch"},
          {with(bool_of({3}), {0}), "expected numbers"}};
}
std::vector<Refusal> arg_errors() {
  auto with = [](Type x, i64 axis) { return Sample{.operands = {std::move(x)}, .attributes = {{"axis", axis}}}; };
  return {{with(f32_of({3}), 1), "outside"},
          {with(f32_of({3, 0}), 1), "is empty"},
          {with(bool_of({3}), 0), "expected numbers"}};
}

constexpr AttributeSpec reduce_attributes[] = {
    {"axes", AttributeKind::integers, false, "the axes that disappear; increasing", OfAxes::names},
    {"order", AttributeKind::order, true, "order of the sum; set by the pass `order`"}};
constexpr AttributeSpec arg_attributes[] = {
    {"axis", AttributeKind::integer, false, "the axis that disappears", OfAxes::names}};

} // namespace

constinit Op const ops::reduce_sum{
    .name = "reduce_sum",
    .doc = "sum over axes; 0 over nothing",
    .traits = reduces | accumulates,
    .attributes = reduce_attributes,
    .type = reduce_type,
    .map = reduce_map,
    .join = OpCode::add,
    .gradient = [](Grad& g) { g.to(0, spread(g, g.dy())); },
    .evaluate = evaluate_reduce<Reduction::sum>,
    .samples = reduce_samples,
    .errors = reduce_errors,
};
constinit Op const ops::reduce_max{
    .name = "reduce_max",
    .doc = "largest element over axes, by the rule of max; -inf or the lowest integer over nothing",
    .traits = reduces | exact,
    .attributes = reduce_attributes,
    .type = reduce_type,
    .map = reduce_map,
    .join = OpCode::max,
    .gradient = [](Grad& g) { gradient_of_extreme(g, OpCode::argmax); },
    .evaluate = evaluate_reduce<Reduction::max>,
    .samples = reduce_samples,
    .errors = reduce_errors,
};
constinit Op const ops::reduce_min{
    .name = "reduce_min",
    .doc = "smallest element over axes, by the rule of min; inf or the highest integer over nothing",
    .traits = reduces | exact,
    .attributes = reduce_attributes,
    .type = reduce_type,
    .map = reduce_map,
    .join = OpCode::min,
    .gradient = [](Grad& g) { gradient_of_extreme(g, OpCode::argmin); },
    .evaluate = evaluate_reduce<Reduction::min>,
    .samples = reduce_samples,
    .errors = reduce_errors,
};
constinit Op const ops::reduce_prod{
    .name = "reduce_prod",
    .doc = "product over axes; 1 over nothing",
    .traits = reduces | accumulates,
    .attributes = reduce_attributes,
    .type = reduce_type,
    .map = reduce_map,
    .join = OpCode::mul,
    .gradient = gradient_of_product,
    .evaluate = evaluate_reduce<Reduction::prod>,
    .samples = reduce_samples,
    .errors = reduce_errors,
};
constinit Op const ops::argmax{
    .name = "argmax",
    .doc = "index of the largest element along an axis, the first of equals; the first NaN wins",
    .traits = reduces | exact | no_derivative,
    .attributes = arg_attributes,
    .type = arg_type,
    .map = arg_map,
    .evaluate = evaluate_arg<true>,
    .samples = arg_samples,
    .errors = arg_errors,
};
constinit Op const ops::argmin{
    .name = "argmin",
    .doc = "index of the smallest element along an axis, the first of equals; the first NaN wins",
    .traits = reduces | exact | no_derivative,
    .attributes = arg_attributes,
    .type = arg_type,
    .map = arg_map,
    .evaluate = evaluate_arg<false>,
    .samples = arg_samples,
    .errors = arg_errors,
};

} // namespace nnc
