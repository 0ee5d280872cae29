// Operators that move elements and compute nothing: every one is a list of offsets into its operand. And iota.
#include "ir/ops/rules.h"

#include <algorithm>
#include <fmt/core.h>
#include <numeric>

namespace nnc {

using namespace rules;

namespace {

using Integers = std::vector<i64>;
using Dims = std::vector<Dim>;

constexpr u32 moves = moves_data | exact;

void need_axes(size_t count, Type const& t, std::string_view what) {
  if (count != t.shape.size()) refuse(fmt::format("{} for {} axes, the operand is {}", what, count, t.text()));
}

Integers counting(size_t count) { // 0, 1, 2 ...
  Integers axes(count);
  std::iota(axes.begin(), axes.end(), 0);
  return axes;
}

// ---- reshape -------------------------------------------------------------------------------------------------------

std::vector<Type> reshape_type(TypeQuery const& q) {
  Type const& x = q.operands[0];
  if (q.stated->dtype != x.dtype)
    refuse(fmt::format("reshape keeps the dtype of {}, found {}", x.text(), q.stated->text()));
  if (element_count(q.stated->shape) != element_count(x.shape))
    refuse(fmt::format("{} and {} have different numbers of elements", x.text(), q.stated->text()));
  return {*q.stated};
}

// Runs of axes of both with the same number of elements, from the innermost on: each is one index.
std::optional<IndexMap> reshape_map(MapQuery const& q) {
  auto const &from = q.read(), &to = q.result();
  IndexMap map; // innermost first, turned around at the end
  size_t source = from.size(), axis = to.size();
  while (source > 0 || axis > 0) {
    Dim have = 1, want = 1;
    IndexMap::Coordinate c{.axes = 0};
    auto take_source = [&] {
      have = have * from[--source];
      ++c.axes;
    };
    auto take_axis = [&] {
      c.terms.insert(c.terms.begin(), {static_cast<i64>(--axis), want});
      want = want * to[axis];
    };
    if (source > 0) take_source();
    if (axis > 0) take_axis();
    while (have != want) {
      bool const smaller = have.is_constant() && (!want.is_constant() || *have.constant() < *want.constant());
      if (source > 0 && (smaller || axis == 0)) take_source();
      else take_axis();
    }
    if (c.axes > 0) map.coordinates.push_back(std::move(c));
  }
  std::reverse(map.coordinates.begin(), map.coordinates.end());
  return map;
}

std::vector<Tensor> evaluate_reshape(Node const&, std::span<Tensor const> x, std::span<Type const> result) {
  Tensor y = x[0];
  y.shape = extents_of(result[0]);
  return {std::move(y)};
}

// ---- transpose -----------------------------------------------------------------------------------------------------

std::vector<Type> transpose_type(TypeQuery const& q) {
  Type const& x = q.operands[0];
  auto const& permutation = q.attributes.get<Integers>("permutation");
  need_axes(permutation.size(), x, "a permutation");
  check_axes(permutation, x.rank(), "axis");
  Type y{x.dtype, {}};
  for (i64 axis : permutation) y.shape.push_back(x.shape[static_cast<size_t>(axis)]);
  return {y};
}

Integers inverse_of(Integers const& permutation) {
  Integers inverse(permutation.size());
  for (size_t i = 0; i < permutation.size(); ++i) inverse[static_cast<size_t>(permutation[i])] = static_cast<i64>(i);
  return inverse;
}

std::optional<IndexMap> transpose_map(MapQuery const& q) {
  return map_of_axes(inverse_of(q.attribute<Integers>("permutation")));
}

void gradient_of_transpose(Grad& g) {
  auto const inverse = inverse_of(g.attributes().get<Integers>("permutation"));
  g.to(0, {&g.builder(), g.builder().transpose(g.dy().id, inverse)});
}

std::vector<Tensor> evaluate_transpose(Node const& n, std::span<Tensor const> x, std::span<Type const> result) {
  auto from = strides_of(x[0].shape);
  Integers strides;
  for (i64 axis : n.attributes.get<Integers>("permutation")) strides.push_back(from[static_cast<size_t>(axis)]);
  return {take(x[0], offsets(extents_of(result[0]), strides), result[0])};
}

// ---- broadcast -----------------------------------------------------------------------------------------------------

std::vector<Type> broadcast_type(TypeQuery const& q) {
  Type const& x = q.operands[0];
  Type const& y = *q.stated;
  auto const& axes = q.attributes.get<Integers>("axes");
  if (y.dtype != x.dtype) refuse(fmt::format("broadcast keeps the dtype of {}, found {}", x.text(), y.text()));
  need_axes(axes.size(), x, "axes");
  check_axes(axes, y.rank(), "axis");
  if (!std::is_sorted(axes.begin(), axes.end())) refuse("the axes of broadcast increase; transpose first");
  for (size_t j = 0; j < axes.size(); ++j)
    if (x.shape[j] != y.shape[static_cast<size_t>(axes[j])])
      refuse(fmt::format("axis {} of {} does not fit axis {} of {}", j, x.text(), axes[j], y.text()));
  return {y};
}

std::optional<IndexMap> broadcast_map(MapQuery const& q) { return map_of_axes(q.attribute<Integers>("axes")); }

void gradient_of_broadcast(Grad& g) {
  auto const& axes = g.attributes().get<Integers>("axes");
  g.to(0, {&g.builder(), g.builder().reduce(OpCode::reduce_sum, g.dy().id, axes_without(g.dy().type().rank(), axes))});
}

std::vector<Tensor> evaluate_broadcast(Node const& n, std::span<Tensor const> x, std::span<Type const> result) {
  auto const& axes = n.attributes.get<Integers>("axes");
  auto from = strides_of(x[0].shape);
  Integers strides(result[0].shape.size(), 0);
  for (size_t j = 0; j < axes.size(); ++j) strides[static_cast<size_t>(axes[j])] = from[j];
  return {take(x[0], offsets(extents_of(result[0]), strides), result[0])};
}

// ---- slice ---------------------------------------------------------------------------------------------------------

i64 stride_of(Attributes const& a, size_t axis) {
  auto const* strides = a.find("stride");
  return strides ? std::get<Integers>(*strides)[axis] : 1;
}

Dim sliced_extent(Dim const& start, Dim const& limit, i64 stride) {
  Dim length = limit - start;
  if (stride == 1) return length;
  if (!length.is_constant()) refuse(fmt::format("a slice of {} elements has a stride of 1 only", length.text()));
  auto n = *length.constant();
  return n == 0 ? 0 : (n - 1) / stride + 1;
}

std::vector<Type> slice_type(TypeQuery const& q) {
  Type const& x = q.operands[0];
  auto const& start = q.attributes.get<Dims>("start");
  auto const& limit = q.attributes.get<Dims>("limit");
  need_axes(start.size(), x, "a start");
  need_axes(limit.size(), x, "a limit");
  if (q.attributes.has("stride")) need_axes(q.attributes.get<Integers>("stride").size(), x, "a stride");
  Type y{x.dtype, {}};
  for (size_t i = 0; i < x.shape.size(); ++i) {
    i64 stride = stride_of(q.attributes, i);
    if (stride < 1) refuse("the stride of a slice is at least 1");
    if (!never_negative(start[i]) || !never_negative(limit[i] - start[i]) || !never_negative(x.shape[i] - limit[i]))
      refuse(fmt::format("slice {}:{} is outside axis {} of {}", start[i].text(), limit[i].text(), i, x.text()));
    y.shape.push_back(sliced_extent(start[i], limit[i], stride));
  }
  return {y};
}

std::optional<IndexMap> slice_map(MapQuery const& q) {
  auto const& start = q.attribute<Dims>("start");
  IndexMap map;
  for (size_t i = 0; i < start.size(); ++i)
    map.coordinates.push_back({.terms = {{static_cast<i64>(i), stride_of(q.node.attributes, i)}}, .offset = start[i]});
  return map;
}

// The cut away parts of dx are 0: pad dy back to the extent of x.
void gradient_of_slice(Grad& g) {
  auto const& start = g.attributes().get<Dims>("start");
  auto const& limit = g.attributes().get<Dims>("limit");
  Shape const& x = g.x(0).type().shape;
  Shape const& y = g.dy().type().shape;
  Dims high;
  Integers interior;
  for (size_t i = 0; i < x.size(); ++i) {
    i64 stride = stride_of(g.attributes(), i);
    bool strided = stride > 1 && y[i] != Dim(0);
    Dim end = strided ? start[i] + (y[i] - 1) * Dim(stride) + 1 : limit[i];
    high.push_back(x[i] - end);
    interior.push_back(strided ? stride - 1 : 0);
  }
  Attributes a{{"low", start}, {"high", high}};
  if (std::any_of(interior.begin(), interior.end(), [](i64 n) { return n != 0; })) a.set("interior", interior);
  g.to(0, {&g.builder(), g.builder().make(OpCode::pad, {g.dy().id, like(g.dy(), 0).id}, a)});
}

std::vector<Tensor> evaluate_slice(Node const& n, std::span<Tensor const> x, std::span<Type const> result) {
  auto const& start = n.attributes.get<Dims>("start");
  auto strides = strides_of(x[0].shape);
  i64 first = 0;
  for (size_t i = 0; i < strides.size(); ++i) {
    first += start[i].value({}) * strides[i];
    strides[i] *= stride_of(n.attributes, i);
  }
  return {take(x[0], offsets(extents_of(result[0]), strides, first), result[0])};
}

// ---- pad -----------------------------------------------------------------------------------------------------------

i64 interior_of(Attributes const& a, size_t axis) {
  auto const* interior = a.find("interior");
  return interior ? std::get<Integers>(*interior)[axis] : 0;
}

std::vector<Type> pad_type(TypeQuery const& q) {
  Type const& x = q.operands[0];
  auto const& low = q.attributes.get<Dims>("low");
  auto const& high = q.attributes.get<Dims>("high");
  need_axes(low.size(), x, "padding");
  need_axes(high.size(), x, "padding");
  if (q.attributes.has("interior")) need_axes(q.attributes.get<Integers>("interior").size(), x, "padding");
  need_same_dtype(q.operands);
  if (q.operands[1].rank() != 0) refuse("pad fills with a scalar, found " + q.operands[1].text());
  Type y{x.dtype, {}};
  for (size_t i = 0; i < x.shape.size(); ++i) {
    i64 interior = interior_of(q.attributes, i);
    if (!never_negative(low[i]) || !never_negative(high[i]) || interior < 0)
      refuse("padding is not negative; slice instead");
    Dim inside = x.shape[i];
    if (interior > 0 && inside != Dim(0)) inside = inside + (inside - 1) * Dim(interior);
    y.shape.push_back(low[i] + inside + high[i]);
  }
  return {y};
}

std::optional<IndexMap> pad_map(MapQuery const& q) {
  IndexMap map;
  if (q.operand == 1) return map;
  auto const &low = q.attribute<Dims>("low"), &high = q.attribute<Dims>("high");
  for (size_t i = 0; i < low.size(); ++i) {
    i64 const interior = interior_of(q.node.attributes, i);
    map.coordinates.push_back({.terms = {{static_cast<i64>(i), 1}},
                               .offset = Dim(0) - low[i],
                               .divide = interior + 1,
                               .guarded = low[i] != Dim(0) || high[i] != Dim(0) || interior != 0});
  }
  return map;
}

// Slice of dy where the elements of x went.
V inside_of_padding(Grad& g, V dy) {
  auto const& low = g.attributes().get<Dims>("low");
  auto const& high = g.attributes().get<Dims>("high");
  Shape const& y = dy.type().shape;
  Dims limit;
  Integers stride;
  for (size_t i = 0; i < y.size(); ++i) {
    limit.push_back(y[i] - high[i]);
    stride.push_back(interior_of(g.attributes(), i) + 1);
  }
  Attributes a{{"start", low}, {"limit", limit}};
  if (g.attributes().has("interior")) a.set("stride", stride);
  return {&g.builder(), g.builder().make(OpCode::slice, {dy.id}, a)};
}

void gradient_of_pad(Grad& g) {
  if (g.wants(0)) g.to(0, inside_of_padding(g, g.dy()));
  if (!g.wants(1)) return;
  Builder& b = g.builder(); // the fill gets what fell on no element of x
  ValueId inside = b.broadcast_scalar(b.integer(DType::bool_, 1), g.x(0).type().shape);
  V mask{&b, b.make(OpCode::pad, {inside, b.integer(DType::bool_, 0)}, g.attributes())};
  g.to(1, rules::select(mask, like(g.dy(), 0), g.dy()));
}

std::vector<Tensor> evaluate_pad(Node const& n, std::span<Tensor const> x, std::span<Type const> result) {
  auto const& low = n.attributes.get<Dims>("low");
  Tensor y = Tensor::zeros(result[0].dtype, extents_of(result[0]));
  std::fill(y.f.begin(), y.f.end(), x[1].f.empty() ? 0.0 : x[1].f[0]);
  std::fill(y.i.begin(), y.i.end(), x[1].i.empty() ? 0 : x[1].i[0]);
  auto strides = strides_of(y.shape);
  i64 first = 0;
  for (size_t i = 0; i < strides.size(); ++i) {
    first += low[i].value({}) * strides[i];
    strides[i] *= interior_of(n.attributes, i) + 1;
  }
  auto to = offsets(x[0].shape, strides, first);
  for (size_t k = 0; k < to.size(); ++k) {
    auto at = static_cast<size_t>(to[k]);
    if (is_float(y.dtype)) y.f[at] = x[0].f[k];
    else y.i[at] = x[0].i[k];
  }
  return {std::move(y)};
}

// ---- concat --------------------------------------------------------------------------------------------------------

std::vector<Type> concat_type(TypeQuery const& q) {
  if (q.operands.empty()) refuse("concat of nothing");
  need_same_dtype(q.operands);
  Type y = q.operands[0];
  i64 axis = q.attributes.get<i64>("axis");
  check_axes({axis}, y.rank(), "axis");
  auto a = static_cast<size_t>(axis);
  for (auto const& t : q.operands.subspan(1)) {
    if (t.rank() != y.rank()) refuse(fmt::format("shapes do not fit: {} and {}", q.operands[0].text(), t.text()));
    for (size_t i = 0; i < t.shape.size(); ++i)
      if (i != a && t.shape[i] != y.shape[i])
        refuse(fmt::format("shapes do not fit: {} and {}", q.operands[0].text(), t.text()));
    y.shape[a] = y.shape[a] + t.shape[a];
  }
  return {y};
}

std::optional<IndexMap> concat_map(MapQuery const& q) {
  auto axis = static_cast<size_t>(q.attribute<i64>("axis"));
  Dim start = 0;
  for (size_t i = 0; i < q.operand; ++i) start = start + q.shape(i)[axis];
  IndexMap map = map_of_axes(counting(q.result().size()));
  map.coordinates[axis].offset = Dim(0) - start;
  map.coordinates[axis].guarded = q.node.operands.size() > 1;
  return map;
}

void gradient_of_concat(Grad& g) {
  auto axis = static_cast<size_t>(g.attributes().get<i64>("axis"));
  Dim at = 0;
  for (size_t i = 0; i < g.operand_count(); ++i) {
    Shape const part = g.x(i).type().shape;
    if (g.wants(i)) {
      Dims start(part.size(), Dim(0)), limit = part;
      start[axis] = at;
      limit[axis] = at + part[axis];
      g.to(i, {&g.builder(), g.builder().make(OpCode::slice, {g.dy().id}, {{"start", start}, {"limit", limit}})});
    }
    at = at + part[axis];
  }
}

std::vector<Tensor> evaluate_concat(Node const& n, std::span<Tensor const> x, std::span<Type const> result) {
  auto axis = static_cast<size_t>(n.attributes.get<i64>("axis"));
  Tensor y = Tensor::zeros(result[0].dtype, extents_of(result[0]));
  auto strides = strides_of(y.shape);
  i64 first = 0;
  for (auto const& part : x) {
    auto to = offsets(part.shape, strides, first);
    for (size_t k = 0; k < to.size(); ++k) {
      auto at = static_cast<size_t>(to[k]);
      if (is_float(y.dtype)) y.f[at] = part.f[k];
      else y.i[at] = part.i[k];
    }
    first += part.shape[axis] * strides[axis];
  }
  return {std::move(y)};
}

// ---- reverse, iota -------------------------------------------------------------------------------------------------

std::vector<Type> reverse_type(TypeQuery const& q) {
  check_axes(q.attributes.get<Integers>("axes"), q.operands[0].rank(), "axis");
  return {q.operands[0]};
}

std::optional<IndexMap> reverse_map(MapQuery const& q) {
  IndexMap map = map_of_axes(counting(q.result().size()));
  for (i64 a : q.attribute<Integers>("axes")) {
    auto& c = map.coordinates[static_cast<size_t>(a)];
    c.terms[0].step = -1;
    c.offset = q.read()[static_cast<size_t>(a)] - 1;
  }
  return map;
}

std::vector<Tensor> evaluate_reverse(Node const& n, std::span<Tensor const> x, std::span<Type const> result) {
  auto strides = strides_of(x[0].shape);
  i64 first = 0;
  for (i64 a : n.attributes.get<Integers>("axes")) {
    auto axis = static_cast<size_t>(a);
    first += (x[0].shape[axis] - 1) * strides[axis];
    strides[axis] = -strides[axis];
  }
  return {take(x[0], offsets(x[0].shape, strides, first), result[0])};
}

std::vector<Type> iota_type(TypeQuery const& q) {
  need(*q.stated, Takes::numbers);
  check_axes({q.attributes.get<i64>("axis")}, q.stated->rank(), "axis");
  return {*q.stated};
}

std::vector<Tensor> evaluate_iota(Node const& n, std::span<Tensor const>, std::span<Type const> result) {
  auto axis = static_cast<size_t>(n.attributes.get<i64>("axis"));
  Tensor y = Tensor::zeros(result[0].dtype, extents_of(result[0]));
  Integers strides(y.shape.size(), 0);
  strides[axis] = 1;
  auto index = offsets(y.shape, strides);
  if (is_float(y.dtype)) y.f.assign(index.begin(), index.end());
  else y.i = index;
  return {std::move(y)};
}

// ---- samples -------------------------------------------------------------------------------------------------------

// The same use for a float, an integer and a bool tensor.
std::vector<Sample> of_several_dtypes(std::vector<Sample> const& f32_samples) {
  std::vector<Sample> out = f32_samples;
  for (DType d : {DType::i32, DType::u8, DType::bool_}) {
    Sample s = f32_samples.front();
    for (auto& t : s.operands) t.dtype = d;
    if (s.stated) s.stated->dtype = d;
    s.int_high = d == DType::bool_ ? 1 : 9;
    out.push_back(s);
  }
  return out;
}

std::vector<Sample> reshape_samples() {
  return of_several_dtypes({{.operands = {f32_of({2, 3})}, .stated = f32_of({6})},
                            {.operands = {f32_of({4, 3})}, .stated = f32_of({2, 2, 3})},
                            {.operands = {f32_of({1, 1})}, .stated = f32_of({})},
                            {.operands = {f32_of({})}, .stated = f32_of({1})},
                            {.operands = {f32_of({0, 3})}, .stated = f32_of({2, 0})}});
}
std::vector<Sample> transpose_samples() {
  auto with = [](Shape shape, Integers permutation) {
    return Sample{.operands = {f32_of(std::move(shape))}, .attributes = {{"permutation", std::move(permutation)}}};
  };
  return of_several_dtypes({with({2, 3}, {1, 0}), with({2, 3, 4}, {2, 0, 1}), with({2, 3, 4}, {0, 2, 1}),
                            with({5}, {0}), with({}, {}), with({0, 3}, {1, 0})});
}
std::vector<Sample> broadcast_samples() {
  auto with = [](Shape from, Integers axes, Shape to) {
    return Sample{.operands = {f32_of(std::move(from))},
                  .attributes = {{"axes", std::move(axes)}},
                  .stated = f32_of(std::move(to))};
  };
  return of_several_dtypes({with({3}, {1}, {2, 3}), with({3}, {0}, {3, 2}), with({}, {}, {2, 2}),
                            with({2, 4}, {0, 2}, {2, 3, 4}), with({2, 3}, {0, 1}, {2, 3}), with({}, {}, {}),
                            with({0}, {1}, {2, 0})});
}
std::vector<Sample> slice_samples() {
  auto with = [](Shape x, Dims start, Dims limit, Integers stride = {}) {
    Sample s{.operands = {f32_of(std::move(x))},
             .attributes = {{"start", std::move(start)}, {"limit", std::move(limit)}}};
    if (!stride.empty()) s.attributes.set("stride", stride);
    return s;
  };
  return of_several_dtypes({with({5, 4}, {1, 0}, {4, 2}), with({7}, {1}, {7}, {2}), with({7}, {0}, {6}, {3}),
                            with({3, 6}, {0, 2}, {3, 3}), with({4}, {2}, {2}), with({6}, {3}, {3}, {2}),
                            with({}, {}, {})});
}
std::vector<Sample> pad_samples() {
  auto with = [](Shape x, Dims low, Dims high, Integers interior = {}) {
    Sample s{.operands = {f32_of(std::move(x)), f32_of({})},
             .attributes = {{"low", std::move(low)}, {"high", std::move(high)}}};
    if (!interior.empty()) s.attributes.set("interior", interior);
    return s;
  };
  return of_several_dtypes({with({3}, {1}, {2}), with({2, 3}, {0, 1}, {1, 0}), with({3}, {1}, {0}, {2}),
                            with({2, 2}, {1, 1}, {1, 1}, {1, 0}), with({0}, {1}, {1}), with({0}, {1}, {1}, {3}),
                            with({}, {}, {})});
}
std::vector<Sample> concat_samples() {
  auto with = [](std::vector<Type> parts, i64 axis) {
    return Sample{.operands = std::move(parts), .attributes = {{"axis", axis}}};
  };
  return of_several_dtypes({with({f32_of({2}), f32_of({3})}, 0),
                            with({f32_of({2, 2}), f32_of({2, 1}), f32_of({2, 3})}, 1), with({f32_of({3, 2})}, 0),
                            with({f32_of({0, 2}), f32_of({2, 2})}, 0)});
}
std::vector<Sample> reverse_samples() {
  auto with = [](Shape x, Integers axes) {
    return Sample{.operands = {f32_of(std::move(x))}, .attributes = {{"axes", std::move(axes)}}};
  };
  return of_several_dtypes(
      {with({5}, {0}), with({2, 3}, {1}), with({2, 3}, {0, 1}), with({2, 3}, {}), with({0, 2}, {0})});
}
std::vector<Sample> iota_samples() {
  std::vector<Sample> out;
  for (DType d : {DType::i32, DType::i64, DType::u8, DType::f32})
    for (i64 axis : {0, 1}) out.push_back({.operands = {}, .attributes = {{"axis", axis}}, .stated = Type{d, {3, 4}}});
  out.push_back({.operands = {}, .attributes = {{"axis", i64{0}}}, .stated = i32_of({0})});
  out.push_back({.operands = {}, .attributes = {{"axis", i64{0}}}, .stated = Type{DType::u8, {300}}});
  return out;
}

constexpr AttributeSpec permutation_attributes[] = {
    {"permutation", AttributeKind::integers, false, "axis i of the result is this axis of the operand"}};
constexpr AttributeSpec broadcast_attributes[] = {
    {"axes", AttributeKind::integers, false, "where the operand's axes go in the result; increasing"}};
constexpr AttributeSpec slice_attributes[] = {
    {"start", AttributeKind::dims, false, "first index of each axis", OfAxes::each},
    {"limit", AttributeKind::dims, false, "index after the last one", OfAxes::each},
    {"stride", AttributeKind::integers, true, "steps of this many; 1 when absent", OfAxes::each}};
constexpr AttributeSpec pad_attributes[] = {
    {"low", AttributeKind::dims, false, "fill elements in front of each axis", OfAxes::each},
    {"high", AttributeKind::dims, false, "fill elements behind", OfAxes::each},
    {"interior", AttributeKind::integers, true, "fill elements between neighbours; 0 when absent", OfAxes::each}};
constexpr AttributeSpec axis_attributes[] = {{"axis", AttributeKind::integer, false, "the axis", OfAxes::names}};
constexpr AttributeSpec axes_attributes[] = {{"axes", AttributeKind::integers, false, "the axes", OfAxes::names}};

} // namespace

constinit Op const ops::reshape{
    .name = "reshape",
    .doc = "the same elements in row-major order, in another shape",
    .traits = moves | stated_type,
    .type = reshape_type,
    .map = reshape_map,
    .gradient =
        [](Grad& g) {
          g.to(0, {&g.builder(), g.builder().reshape(g.dy().id, g.x(0).type().shape)});
        },
    .evaluate = evaluate_reshape,
    .samples = reshape_samples,
    .errors =
        [] {
          return std::vector<Refusal>{
              {{.operands = {f32_of({2, 3})}, .stated = f32_of({5})}, "different numbers of elements"},
              {{.operands = {f32_of({2, 3})}, .stated = i32_of({6})}, "keeps the dtype"}};
        },
};
constinit Op const ops::transpose{
    .name = "transpose",
    .doc = "axes in another order",
    .traits = moves,
    .attributes = permutation_attributes,
    .type = transpose_type,
    .map = transpose_map,
    .gradient = gradient_of_transpose,
    .evaluate = evaluate_transpose,
    .samples = transpose_samples,
    .errors =
        [] {
          auto with = [](Integers p) {
            return Sample{.operands = {f32_of({2, 3})}, .attributes = {{"permutation", std::move(p)}}};
          };
          return std::vector<Refusal>{{with({0}), "a permutation for 1 axes"},
                                      {with({0, 0}), "given twice"},
                                      {with({0, 2}), "outside"},
                                      {{.operands = {f32_of({2})}}, "needs the attribute 'permutation'"}};
        },
};
constinit Op const ops::broadcast{
    .name = "broadcast",
    .doc = "repeats the operand along new axes; extents of 1 are not stretched",
    .traits = moves | stated_type,
    .attributes = broadcast_attributes,
    .type = broadcast_type,
    .map = broadcast_map,
    .gradient = gradient_of_broadcast,
    .evaluate = evaluate_broadcast,
    .samples = broadcast_samples,
    .errors =
        [] {
          auto with = [](Shape x, Integers axes, Shape y) {
            return Sample{.operands = {f32_of(std::move(x))},
                          .attributes = {{"axes", std::move(axes)}},
                          .stated = f32_of(std::move(y))};
          };
          return std::vector<Refusal>{{with({3}, {0}, {2, 3}), "does not fit"},
                                      {with({1}, {0}, {3}), "does not fit"},
                                      {with({2, 3}, {1, 0}, {3, 2}), "increase"},
                                      {with({3}, {2}, {2, 3}), "outside"}};
        },
};
constinit Op const ops::slice{
    .name = "slice",
    .doc = "the elements start, start + stride ... below limit of every axis",
    .traits = moves,
    .attributes = slice_attributes,
    .type = slice_type,
    .map = slice_map,
    .gradient = gradient_of_slice,
    .evaluate = evaluate_slice,
    .samples = slice_samples,
    .errors =
        [] {
          auto with = [](Dims start, Dims limit) {
            return Sample{.operands = {f32_of({4})},
                          .attributes = {{"start", std::move(start)}, {"limit", std::move(limit)}}};
          };
          return std::vector<Refusal>{{with({1}, {5}), "outside axis 0"},
                                      {with({3}, {2}), "outside axis 0"},
                                      {with({-1}, {2}), "outside axis 0"},
                                      {with({0, 0}, {1}), "a start for 2 axes"}};
        },
};
constinit Op const ops::pad{
    .name = "pad",
    .doc = "surrounds the first operand with the second, a scalar",
    .arity = 2,
    .traits = moves,
    .attributes = pad_attributes,
    .type = pad_type,
    .map = pad_map,
    .gradient = gradient_of_pad,
    .evaluate = evaluate_pad,
    .samples = pad_samples,
    .errors =
        [] {
          auto with = [](Type fill, Dims low, Dims high) {
            return Sample{.operands = {f32_of({4}), std::move(fill)},
                          .attributes = {{"low", std::move(low)}, {"high", std::move(high)}}};
          };
          return std::vector<Refusal>{{with(f32_of({}), {-1}, {0}), "not negative"},
                                      {with(f32_of({1}), {1}, {0}), "fills with a scalar"},
                                      {with(i32_of({}), {1}, {0}), "different dtypes"},
                                      {with(f32_of({}), {1, 1}, {0}), "padding for 2 axes"}};
        },
};
constinit Op const ops::concat{
    .name = "concat",
    .doc = "tensors one behind the other along an axis",
    .arity = -1,
    .traits = moves,
    .attributes = axis_attributes,
    .type = concat_type,
    .map = concat_map,
    .gradient = gradient_of_concat,
    .evaluate = evaluate_concat,
    .samples = concat_samples,
    .errors =
        [] {
          auto with = [](std::vector<Type> parts, i64 axis) {
            return Sample{.operands = std::move(parts), .attributes = {{"axis", axis}}};
          };
          return std::vector<Refusal>{{with({}, 0), "concat of nothing"},
                                      {with({f32_of({2, 3}), f32_of({3, 2})}, 0), "shapes do not fit"},
                                      {with({f32_of({2}), i32_of({2})}, 0), "different dtypes"},
                                      {with({f32_of({2})}, 1), "outside"}};
        },
};
constinit Op const ops::reverse{
    .name = "reverse",
    .doc = "the last element first, along the given axes",
    .traits = moves,
    .attributes = axes_attributes,
    .type = reverse_type,
    .map = reverse_map,
    .gradient =
        [](Grad& g) {
          g.to(0, {&g.builder(), g.builder().make(OpCode::reverse, {g.dy().id}, g.attributes())});
        },
    .evaluate = evaluate_reverse,
    .samples = reverse_samples,
    .errors =
        [] {
          return std::vector<Refusal>{{{.operands = {f32_of({2})}, .attributes = {{"axes", Integers{1}}}}, "outside"}};
        },
};
constinit Op const ops::iota{
    .name = "iota",
    .doc = "0, 1, 2 ... along one axis, the same along the others; integers wrap",
    .arity = 0,
    .traits = exact | stated_type | no_derivative,
    .attributes = axis_attributes,
    .type = iota_type,
    .evaluate = evaluate_iota,
    .samples = iota_samples,
    .errors =
        [] {
          return std::vector<Refusal>{{{.attributes = {{"axis", i64{1}}}, .stated = i32_of({3})}, "outside"},
                                      {{.attributes = {{"axis", i64{0}}}, .stated = bool_of({3})}, "expected numbers"}};
        },
};

} // namespace nnc
