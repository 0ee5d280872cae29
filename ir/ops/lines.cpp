// Operators along lines: the elements that differ in their index of one axis alone. What they give at an index may need
// all of its line, and no other one.
#include "ir/ops/rules.h"

#include <algorithm>
#include <fmt/core.h>
#include <limits>
#include <numeric>

namespace nnc {

using namespace rules;

namespace {

// The lines of a tensor: where each starts, and how far apart its elements are.
struct Lines {
  std::vector<i64> starts;
  i64 length = 0, step = 1;
};
Lines lines_of(std::vector<i64> const& shape, i64 axis) {
  Lines lines{.length = shape[static_cast<size_t>(axis)]};
  i64 const outer = count_of({shape.begin(), shape.begin() + axis});
  lines.step = count_of({shape.begin() + axis + 1, shape.end()});
  for (i64 o = 0; o < outer; ++o)
    for (i64 i = 0; i < lines.step; ++i) lines.starts.push_back(o * lines.length * lines.step + i);
  return lines;
}

Shape without(Shape shape, i64 axis) {
  shape.erase(shape.begin() + axis);
  return shape;
}

// ---- sort ----------------------------------------------------------------------------------------------------------

std::vector<Type> sort_type(TypeQuery const& q) {
  Type x = q.operands[0];
  need(x, Takes::numbers);
  i64 const axis = q.attributes.get<i64>("axis");
  check_axes({axis}, x.rank(), "axis");
  auto& extent = x.shape[static_cast<size_t>(axis)];
  auto const length = extent.constant();
  if (length && *length > std::numeric_limits<i32>::max())
    refuse(fmt::format("a line of {} elements has indices that i32 does not hold", *length));
  if (q.attributes.has("first")) {
    i64 const first = q.attributes.get<i64>("first");
    if (!length) refuse(fmt::format("the first {} of {} elements", first, extent.text()));
    if (first < 0 || first > *length) refuse(fmt::format("the first {} of a line of {} elements", first, *length));
    extent = first;
  }
  return {x, {DType::i32, x.shape}};
}

// NaN comes last, and none before another one.
bool comes_before(f64 a, f64 b) { return a < b || (b != b && a == a); }

std::vector<Tensor> evaluate_sort(Node const& n, std::span<Tensor const> x, std::span<Type const> results) {
  auto const shape = extents_of(results[0]);
  Tensor values = Tensor::zeros(x[0].dtype, shape), indices = Tensor::zeros(results[1].dtype, shape);
  i64 const axis = n.attributes.get<i64>("axis");
  auto const lines = lines_of(x[0].shape, axis), sorted = lines_of(shape, axis);
  std::vector<i64> order(static_cast<size_t>(lines.length));
  for (size_t l = 0; l < lines.starts.size(); ++l) {
    auto const place = [&](i64 k) { return static_cast<size_t>(lines.starts[l] + k * lines.step); };
    std::iota(order.begin(), order.end(), 0);
    std::stable_sort(order.begin(), order.end(), [&](i64 a, i64 b) {
      if (is_float(x[0].dtype)) return comes_before(x[0].f[place(a)], x[0].f[place(b)]);
      return x[0].i[place(a)] < x[0].i[place(b)];
    });
    for (i64 k = 0; k < sorted.length; ++k) {
      i64 const from = order[static_cast<size_t>(k)];
      auto const to = static_cast<size_t>(sorted.starts[l] + k * sorted.step);
      if (is_float(x[0].dtype)) values.f[to] = x[0].f[place(from)];
      else values.i[to] = x[0].i[place(from)];
      indices.i[to] = from;
    }
  }
  return {std::move(values), std::move(indices)};
}

// The sums of the derivatives of the values that came from each place of a line.
V back_to_places(Grad& g, ValueId places) {
  Builder& b = g.builder();
  i64 const rank = g.x(0).type().rank(), last = rank - 1, axis = g.attributes().get<i64>("axis");
  std::vector<i64> to_last, back(static_cast<size_t>(rank));
  for (i64 i = 0; i < rank; ++i)
    if (i != axis) to_last.push_back(i);
  to_last.push_back(axis);
  for (i64 i = 0; i < rank; ++i) back[static_cast<size_t>(to_last[static_cast<size_t>(i)])] = i;
  ValueId const dy = b.transpose(g.dy(0).id, to_last), indices = b.transpose(places, to_last);
  Shape shape;
  for (i64 i : to_last) shape.push_back(g.x(0).type().shape[static_cast<size_t>(i)]);
  ValueId const zeros = b.broadcast_scalar(b.like(dy, 0), shape);
  Attributes attributes{{"axis", last}, {"uncounted", true}};
  if (last > 0) attributes.set("batch", last);
  return {&b, b.transpose(b.make(OpCode::scatter_add, {zeros, indices, dy}, attributes), back)};
}

void gradient_of_sort(Grad& g) {
  if (g.wants(0)) g.to(0, back_to_places(g, g.y(1).id));
}

// Of what takes one tensor of numbers.
std::vector<Sample> line_samples() {
  std::vector<Sample> out;
  auto add = [&](Type x, i64 axis) {
    out.push_back({.operands = {std::move(x)}, .attributes = {{"axis", axis}}, .int_low = -3, .int_high = 3});
  };
  add(f32_of({5}), 0);
  add(f32_of({3, 4}), 0);
  add(f32_of({3, 4}), 1);
  add(f32_of({2, 3, 4}), 1);
  add(f32_of({3, 37}), 1);
  add(f32_of({70, 3}), 0);
  add(f32_of({9, 21, 2}), 0);
  add(f32_of({1}), 0);
  add(f32_of({0}), 0);
  add(f32_of({2, 0}), 0);
  add(f32_of({300}), 0);
  for (DType d : {DType::i32, DType::i64, DType::u8}) {
    add({d, {3, 19}}, 1);
    add({d, {18, 17}}, 0);
  }
  return out;
}

Sample along(Type x, i64 axis) { return {.operands = {std::move(x)}, .attributes = {{"axis", axis}}}; }

std::vector<Refusal> cumulative_errors() {
  return {{along(f32_of({3, 4}), 2), "outside"},
          {along(f32_of({}), 0), "outside"},
          {along(bool_of({4}), 0), "expected numbers"}};
}
Sample first_of(Sample s, i64 first) {
  s.attributes.set("first", first);
  return s;
}
std::vector<Sample> sort_samples() {
  auto out = line_samples();
  auto const add = [&](Type x, i64 axis, i64 first) {
    auto s = first_of(along(std::move(x), axis), first);
    s.int_low = -3, s.int_high = 3;
    out.push_back(std::move(s));
  };
  add(f32_of({5}), 0, 2);
  add(f32_of({5}), 0, 5);
  add(f32_of({3, 4}), 0, 1);
  add(f32_of({3, 37}), 1, 5);
  add(f32_of({2, 19, 21}), 1, 4);
  add(f32_of({3, 4}), 1, 0);
  add(f32_of({3, 0}), 1, 0);
  add(f32_of({1, 1}), 1, 1);
  add(f32_of({300}), 0, 9);
  for (DType d : {DType::i32, DType::i64, DType::u8}) {
    add({d, {3, 19}}, 1, 7);
    add({d, {18, 17}}, 0, 3);
  }
  return out;
}
std::vector<Refusal> sort_errors() {
  auto out = cumulative_errors();
  out.push_back({first_of(along(f32_of({3, 4}), 1), 5), "the first 5 of a line of 4 elements"});
  out.push_back({first_of(along(f32_of({3, 4}), 1), -1), "the first -1 of a line of 4 elements"});
  out.push_back({first_of(along(f32_of({Dim(Symbol::batch)}), 0), 2), "the first 2 of batch elements"});
  out.push_back({along({DType::u8, {i64{1} << 31}}, 0), "indices that i32 does not hold"});
  return out;
}

constexpr AttributeSpec sort_attributes[] = {
    {"axis", AttributeKind::integer, false, "the axis of the lines", OfAxes::names},
    {"first", AttributeKind::integer, true,
     "so many first ones only, found without sorting the others; all when absent"}};
constexpr AttributeSpec line_attributes[] = {
    {"axis", AttributeKind::integer, false, "the axis of the lines", OfAxes::names}};

// ---- recurrence ----------------------------------------------------------------------------------------------------

constexpr size_t factors = 0, terms = 1, start = 2; // the operands

std::vector<Type> recurrence_type(TypeQuery const& q) {
  Type const& b = q.operands[terms];
  need(b, Takes::numbers);
  need_same_dtype(q.operands);
  i64 const axis = q.attributes.get<i64>("axis");
  check_axes({axis}, b.rank(), "axis");
  auto const fits = [&](size_t operand, Shape const& shape, std::string_view what) {
    Type const& t = q.operands[operand];
    if (t.rank() > 0 && t.shape != shape)
      refuse(fmt::format("expected {} {} or a number, found {}", what, Type{t.dtype, shape}.text(), t.text()));
  };
  fits(factors, b.shape, "factors");
  fits(start, without(b.shape, axis), "a start");
  return {b};
}

std::vector<Tensor> evaluate_recurrence(Node const& n, std::span<Tensor const> x, std::span<Type const> results) {
  Tensor y = Tensor::zeros(results[0].dtype, extents_of(results[0]));
  auto const lines = lines_of(y.shape, n.attributes.get<i64>("axis"));
  bool const reverse = n.attributes.get_or("reverse", false);
  for (size_t l = 0; l < lines.starts.size(); ++l) {
    f64 f = is_float(y.dtype) ? float_at(x[start], l) : 0;
    i64 i = is_float(y.dtype) ? 0 : int_at(x[start], l);
    for (i64 k = 0; k < lines.length; ++k) {
      auto const at = static_cast<size_t>(lines.starts[l] + (reverse ? lines.length - 1 - k : k) * lines.step);
      if (is_float(y.dtype)) y.f[at] = f = float_at(x[factors], at) * f + x[terms].f[at];
      else y.i[at] = i = wrapping_add(wrapping_mul(int_at(x[factors], at), i), x[terms].i[at]);
    }
  }
  return {std::move(y)};
}

// With r[t] = dy[t] + a[t+1] r[t+1], which is the recurrence from the other end: the derivative by b[t] is r[t], by
// a[t] it is r[t] y[t-1], by the start a[0] r[0]. No division, so zeros among the factors are no special case.
class RecurrenceSlopes {
public:
  explicit RecurrenceSlopes(Grad& g)
      : g_(g), b_(g.builder()), axis_(g.attributes().get<i64>("axis")),
        reverse_(g.attributes().get_or("reverse", false)), shape_(g.x(terms).type().shape),
        length_(shape_[static_cast<size_t>(axis_)]) {}

  void run() {
    if (length_ == Dim(0)) return;
    Attributes attributes{{"axis", axis_}};
    if (!reverse_) attributes.set("reverse", true);
    ValueId const a = g_.x(factors).type().rank() == 0 ? g_.x(factors).id : of_the_next(g_.x(factors));
    V const r{&b_, b_.make(OpCode::recurrence, {a, g_.dy().id, b_.like(g_.dy().id, 0)}, attributes)};
    g_.to(terms, r);
    if (g_.wants(factors)) g_.to(factors, r * before());
    if (g_.wants(start)) g_.to(start, first(r) * first_factor());
  }

private:
  V part(V x, Dim from, Dim to) {
    std::vector<Dim> low(shape_.size(), Dim(0)), high(shape_.begin(), shape_.end());
    low[static_cast<size_t>(axis_)] = from;
    high[static_cast<size_t>(axis_)] = to;
    if (from == Dim(0) && to == length_) return x;
    return {&b_, b_.make(OpCode::slice, {x.id}, {{"start", low}, {"limit", high}})};
  }
  // Element t + 1, in the order of the recurrence, at place t; 0 at the last place.
  ValueId of_the_next(V x) {
    V const rest = reverse_ ? part(x, 0, length_ - 1) : part(x, 1, length_);
    std::vector<Dim> none(shape_.size(), Dim(0)), one = none;
    one[static_cast<size_t>(axis_)] = 1;
    return b_.make(OpCode::pad, {rest.id, b_.like(x.id, 0)},
                   {{"low", reverse_ ? one : none}, {"high", reverse_ ? none : one}});
  }
  // y[t - 1] at place t, the start at the first one.
  V before() {
    Shape one = shape_;
    one[static_cast<size_t>(axis_)] = 1;
    ValueId const from = g_.x(start).id;
    V const s{&b_, g_.x(start).type().rank() == 0 ? b_.broadcast_scalar(from, one) : b_.reshape(from, one)};
    if (length_ == Dim(1)) return s;
    V const y = reverse_ ? part(g_.y(), 1, length_) : part(g_.y(), 0, length_ - 1);
    auto const operands = reverse_ ? std::vector{y.id, s.id} : std::vector{s.id, y.id};
    return {&b_, b_.make(OpCode::concat, operands, {{"axis", axis_}})};
  }
  V first(V x) {
    V const one = reverse_ ? part(x, length_ - 1, length_) : part(x, 0, 1);
    return {&b_, b_.reshape(one.id, without(shape_, axis_))};
  }
  V first_factor() { return g_.x(factors).type().rank() == 0 ? g_.x(factors) : first(g_.x(factors)); }

  Grad& g_;
  Builder& b_;
  i64 axis_;
  bool reverse_;
  Shape shape_;
  Dim length_;
};

void gradient_of_recurrence(Grad& g) { RecurrenceSlopes(g).run(); }

std::vector<Sample> recurrence_samples() {
  std::vector<Sample> out;
  auto add = [&](Type a, Type b, Type s, i64 axis, bool reverse = false) {
    Attributes attributes{{"axis", axis}};
    if (reverse) attributes.set("reverse", true);
    out.push_back({.operands = {std::move(a), std::move(b), std::move(s)},
                   .attributes = attributes,
                   .low = -1.5,
                   .high = 1.5,
                   .int_low = -3,
                   .int_high = 3});
  };
  for (bool reverse : {false, true}) {
    add(f32_of({5}), f32_of({5}), f32_of({}), 0, reverse);
    add(f32_of({3, 4}), f32_of({3, 4}), f32_of({3}), 1, reverse);
    add(f32_of({3, 4}), f32_of({3, 4}), f32_of({4}), 0, reverse);
    add(f32_of({}), f32_of({2, 3, 4}), f32_of({2, 4}), 1, reverse);
    add(f32_of({2, 3, 4}), f32_of({2, 3, 4}), f32_of({}), 1, reverse);
    add(f32_of({11, 7}), f32_of({11, 7}), f32_of({11}), 1, reverse);
    add(f32_of({7, 19}), f32_of({7, 19}), f32_of({19}), 0, reverse);
  }
  add(f32_of({35, 6}), f32_of({35, 6}), f32_of({35}), 1);
  add(f32_of({1, 3}), f32_of({1, 3}), f32_of({3}), 0);
  add(f32_of({3, 1}), f32_of({3, 1}), f32_of({3}), 1, true);
  add(f32_of({0, 3}), f32_of({0, 3}), f32_of({3}), 0);
  add(f32_of({0, 3}), f32_of({0, 3}), f32_of({0}), 1);
  for (DType d : {DType::i32, DType::i64, DType::u8}) add({d, {4, 9}}, {d, {4, 9}}, {d, {9}}, 0);
  return out;
}

std::vector<Refusal> recurrence_errors() {
  auto with = [](Type a, Type b, Type s, i64 axis) {
    return Sample{.operands = {std::move(a), std::move(b), std::move(s)}, .attributes = {{"axis", axis}}};
  };
  return {{with(f32_of({3, 4}), f32_of({3, 4}), f32_of({3}), 0), "expected a start f32[4] or a number, found f32[3]"},
          {with(f32_of({4}), f32_of({3}), f32_of({}), 0), "expected factors f32[3] or a number, found f32[4]"},
          {with(f32_of({3}), f32_of({3}), f32_of({}), 1), "outside"},
          {with(f32_of({}), f32_of({}), f32_of({}), 0), "outside"},
          {with(bool_of({3}), bool_of({3}), bool_of({}), 0), "expected numbers"}};
}

// ---- cumulative_max ------------------------------------------------------------------------------------------------

std::vector<Type> cumulative_type(TypeQuery const& q) {
  need(q.operands[0], Takes::numbers);
  check_axes({q.attributes.get<i64>("axis")}, q.operands[0].rank(), "axis");
  return {q.operands[0]};
}

std::vector<Tensor> evaluate_cumulative_max(Node const& n, std::span<Tensor const> x, std::span<Type const>) {
  Tensor y = x[0];
  auto const lines = lines_of(y.shape, n.attributes.get<i64>("axis"));
  for (i64 const first : lines.starts)
    for (i64 k = 1; k < lines.length; ++k) {
      auto const at = static_cast<size_t>(first + k * lines.step), before = at - static_cast<size_t>(lines.step);
      if (is_float(y.dtype)) y.f[at] = larger(y.f[before], y.f[at]);
      else y.i[at] = std::max(y.i[before], y.i[at]);
    }
  return {std::move(y)};
}

// Each element's goes to the place where its value was met first: the last one up to here where y has changed.
void gradient_of_cumulative_max(Grad& g) {
  if (!g.wants(0)) return;
  Builder& b = g.builder();
  i64 const axis = g.attributes().get<i64>("axis");
  Shape const shape = g.x(0).type().shape;
  auto const along = static_cast<size_t>(axis);
  if (shape[along] == Dim(0)) return;
  if (shape[along] == Dim(1)) return g.to(0, g.dy());
  std::vector<Dim> none(shape.size(), Dim(0)), one = none, all(shape.begin(), shape.end()), but_last = all;
  one[along] = 1;
  but_last[along] = shape[along] - 1;
  V const before{&b, b.make(OpCode::slice, {g.y().id}, {{"start", none}, {"limit", but_last}})};
  V const here{&b, b.make(OpCode::slice, {g.y().id}, {{"start", one}, {"limit", all}})};
  V const same = apply(OpCode::or_, {compare(OpCode::eq, here, before), apply(OpCode::is_nan, {before})});
  ValueId const changed =
      b.make(OpCode::pad, {apply(OpCode::not_, {same}).id, b.integer(DType::bool_, 1)}, {{"low", one}, {"high", none}});
  V const index = index_along(b, shape, axis);
  V const place = rules::select({&b, changed}, index, like(index, 0));
  g.to(0, back_to_places(g, b.make(OpCode::cumulative_max, {place.id}, {{"axis", axis}})));
}

constexpr AttributeSpec recurrence_attributes[] = {
    {"axis", AttributeKind::integer, false, "the axis of the lines", OfAxes::names},
    {"reverse", AttributeKind::boolean, true, "from the last element of a line to the first"}};

} // namespace

constinit Op const ops::sort{
    .name = "sort",
    .doc =
        "the elements of each line by increasing value, NaN last, equal ones in the order in which they were, or the "
        "first ones of these; and the index that each had in its line, i32",
    .arity = 1,
    .traits = along_lines | exact,
    .attributes = sort_attributes,
    .type = sort_type,
    .gradient = gradient_of_sort,
    .evaluate = evaluate_sort,
    .samples = sort_samples,
    .errors = sort_errors,
};
constinit Op const ops::cumulative_max{
    .name = "cumulative_max",
    .doc = "the largest element of each line so far, by the rule of max; the derivative goes to the first of equals",
    .arity = 1,
    .traits = along_lines | exact,
    .attributes = line_attributes,
    .type = cumulative_type,
    .join = OpCode::max,
    .gradient = gradient_of_cumulative_max,
    .evaluate = evaluate_cumulative_max,
    .samples = line_samples,
    .errors = cumulative_errors,
};
constinit Op const ops::recurrence{
    .name = "recurrence",
    .doc = "y[t] = a[t] * y[t-1] + b[t] along each line, for the operands a, b and what stands for y in front of the "
           "first element. a may be a number, and so may the start, which has no such axis",
    .arity = 3,
    .traits = along_lines | accumulates,
    .attributes = recurrence_attributes,
    .type = recurrence_type,
    .gradient = gradient_of_recurrence,
    .evaluate = evaluate_recurrence,
    .samples = recurrence_samples,
    .errors = recurrence_errors,
};

} // namespace nnc
