// window: every tap of every position of windows along some axes, taps in front: the operand of pooling, of local
// attention, of framing. Where the operand has axes of taps already, each tap reads its own: so the derivative of a
// window, the sum of all that overlaps at an element, is a window over positions and a sum over taps.
#include "ir/ops/windows.h"

#include <algorithm>
#include <cstdlib>
#include <fmt/core.h>

namespace nnc {

using namespace rules;

namespace rules {

Window window_of(Attributes const& a, size_t number) {
  auto of = [&](char const* name, i64 otherwise) {
    auto const list = a.get_or<std::vector<i64>>(name, {});
    return number < list.size() ? list[number] : otherwise;
  };
  return {of("stride", 1), of("low", 0), of("lhs_dilation", 1), of("rhs_dilation", 1)};
}

void set_windows(Attributes& a, std::vector<Window> const& windows) {
  auto list = [&](char const* name, i64 Window::*field, i64 otherwise) {
    std::vector<i64> values;
    for (auto const& w : windows) values.push_back(w.*field);
    if (std::any_of(values.begin(), values.end(), [&](i64 v) { return v != otherwise; })) a.set(name, values);
  };
  list("stride", &Window::stride, 1);
  list("low", &Window::low, 0);
  list("lhs_dilation", &Window::lhs_dilation, 1);
  list("rhs_dilation", &Window::rhs_dilation, 1);
}

void check_windows(Attributes const& a, size_t count) {
  if (auto const n = a.get<std::vector<Dim>>("extents").size(); n != count)
    refuse(fmt::format("extents of {} windows, found {}", count, n));
  for (auto const* name : {"stride", "low", "lhs_dilation", "rhs_dilation"}) {
    auto const list = a.get_or<std::vector<i64>>(name, std::vector<i64>(count, 1));
    if (list.size() != count) refuse(fmt::format("{} of {} windows, found {}", name, count, list.size()));
    constexpr i64 most = i64{1} << 31;
    for (i64 v : list)
      if (v < -most || v > most) refuse(fmt::format("{} is {}, expected at most 2^31", name, v));
  }
  for (size_t d = 0; d < count; ++d) {
    auto const w = window_of(a, d);
    if (w.stride == 0) refuse("a stride is 0");
    if (w.rhs_dilation == 0) refuse("an rhs_dilation is 0");
    if (w.lhs_dilation < 1) refuse(fmt::format("lhs_dilation is {}, expected 1 or more", w.lhs_dilation));
  }
}

// o = (i * lhs_dilation - k * rhs_dilation + low) / stride; a negative stride divides like a positive one of the
// negated terms.
Window turned_to_indices(Window w) {
  i64 const sign = w.stride < 0 ? -1 : 1;
  return {sign * w.lhs_dilation, -sign * w.low, sign * w.stride, -sign * w.rhs_dilation};
}

namespace {

bool leaves(Window const& w, Dim const& positions, Dim const& taps, Dim const& extent) {
  auto const o = positions.constant(), k = taps.constant(), n = extent.constant();
  if (!o || !k || !n || w.lhs_dilation != 1) return true;
  i64 const by_position = (*o - 1) * w.stride, by_tap = (*k - 1) * w.rhs_dilation;
  i64 const least = std::min<i64>(by_position, 0) + std::min<i64>(by_tap, 0) - w.low,
            most = std::max<i64>(by_position, 0) + std::max<i64>(by_tap, 0) - w.low;
  return least < 0 || most >= *n;
}

} // namespace

IndexMap::Coordinate window_coordinate(Window const& w, i64 position_axis, i64 tap_axis, Dim const& positions,
                                       Dim const& taps, Dim const& extent) {
  IndexMap::Coordinate c{.terms = {{position_axis, w.stride}, {tap_axis, w.rhs_dilation}},
                         .offset = -w.low,
                         .divide = w.lhs_dilation,
                         .guarded = leaves(w, positions, taps, extent)};
  if (tap_axis < position_axis) std::swap(c.terms[0], c.terms[1]);
  return c;
}

} // namespace rules

namespace {

using Integers = std::vector<i64>;
using Dims = std::vector<Dim>;

// Axes of taps that the operand has in front.
size_t own_taps(Attributes const& a) { return a.get_or("taps", false) ? a.get<Integers>("axes").size() : 0; }

std::vector<Type> window_type(TypeQuery const& q) {
  Type const& x = q.operands[0];
  if (q.operands[1].rank() != 0) refuse("a window fills with a scalar, found " + q.operands[1].text());
  need_same_dtype(q.operands);
  auto const axes = q.attributes.get<Integers>("axes"), size = q.attributes.get<Integers>("size");
  auto const own = own_taps(q.attributes);
  if (x.shape.size() < own) refuse(fmt::format("{} has no {} axes of taps", x.text(), own));
  check_axes(axes, x.rank() - static_cast<int>(own), "axis");
  check_windows(q.attributes, axes.size());
  if (size.size() != axes.size()) refuse(fmt::format("size of {} windows, found {}", axes.size(), size.size()));
  Type y{x.dtype, {x.shape.begin() + static_cast<std::ptrdiff_t>(own), x.shape.end()}};
  auto const& extents = q.attributes.get<Dims>("extents");
  for (size_t d = 0; d < axes.size(); ++d) {
    if (size[d] < 0) refuse(fmt::format("a window of {} taps", size[d]));
    if (own > 0 && x.shape[d] != Dim(size[d])) refuse(fmt::format("{} taps, but axis {} of {}", size[d], d, x.text()));
    if (!never_negative(extents[d])) refuse(fmt::format("{} positions", extents[d].text()));
    y.shape[static_cast<size_t>(axes[d])] = extents[d];
  }
  y.shape.insert(y.shape.begin(), size.begin(), size.end());
  return {y};
}

// The space: taps, then the axes of the operand.
std::optional<IndexMap> window_map(MapQuery const& q) {
  IndexMap map;
  if (q.operand == 1) return map;
  auto const& a = q.node.attributes;
  auto const axes = a.get<Integers>("axes"), size = a.get<Integers>("size");
  auto const own = own_taps(a), windows = axes.size();
  for (size_t d = 0; d < own; ++d) map.coordinates.push_back({.terms = {{static_cast<i64>(d), 1}}});
  for (size_t i = own; i < q.read().size(); ++i) {
    auto const axis = static_cast<i64>(i - own), in_space = static_cast<i64>(i - own + windows);
    auto const d = std::find(axes.begin(), axes.end(), axis) - axes.begin();
    if (d == static_cast<std::ptrdiff_t>(windows)) {
      map.coordinates.push_back({.terms = {{in_space, 1}}});
      continue;
    }
    auto const number = static_cast<size_t>(d);
    map.coordinates.push_back(window_coordinate(window_of(a, number), in_space, d,
                                                q.result()[static_cast<size_t>(in_space)], size[number], q.read()[i]));
  }
  return map;
}

// Which elements of the operand does nothing read, or several? Their derivatives come from all positions that read
// them.
void gradient_of_window(Grad& g) {
  Builder& b = g.builder();
  auto const& a = g.attributes();
  auto const axes = a.get<Integers>("axes");
  auto const own = own_taps(a);
  if (g.wants(0)) {
    Shape const& x = g.x(0).type().shape;
    Attributes back{{"axes", axes}, {"size", a.get<Integers>("size")}, {"taps", true}};
    Dims extents;
    std::vector<Window> windows;
    for (size_t d = 0; d < axes.size(); ++d) {
      extents.push_back(x[own + static_cast<size_t>(axes[d])]);
      windows.push_back(turned_to_indices(window_of(a, d)));
    }
    back.set("extents", extents);
    set_windows(back, windows);
    ValueId const by_tap = b.make(OpCode::window, {g.dy().id, like(g.dy(), 0).id}, back);
    Integers taps;
    for (size_t d = own; d < axes.size(); ++d) taps.push_back(static_cast<i64>(d));
    g.to(0, {&b, taps.empty() ? by_tap : b.reduce(OpCode::reduce_sum, by_tap, taps)});
  }
  if (!g.wants(1)) return;
  ValueId const inside = b.broadcast_scalar(b.integer(DType::bool_, 1), g.x(0).type().shape); // the fill gets the rest
  V mask{&b, b.make(OpCode::window, {inside, b.integer(DType::bool_, 0)}, a)};
  g.to(1, rules::select(mask, like(g.dy(), 0), g.dy()));
}

std::vector<Tensor> evaluate_window(Node const& n, std::span<Tensor const> x, std::span<Type const> result) {
  auto const axes = n.attributes.get<Integers>("axes");
  auto const own = own_taps(n.attributes), windows = axes.size();
  auto const strides = strides_of(x[0].shape);
  Tensor y = Tensor::zeros(result[0].dtype, extents_of(result[0]));
  size_t out = 0;
  each_index(y.shape, [&](Integers const& at) {
    i64 from = 0;
    bool inside = true;
    for (size_t i = 0; i < x[0].shape.size() && inside; ++i) {
      auto const axis = static_cast<i64>(i) - static_cast<i64>(own);
      auto const d = static_cast<size_t>(std::find(axes.begin(), axes.end(), axis) - axes.begin());
      i64 index = i < own ? at[i] : at[i - own + windows];
      if (i >= own && d < windows) {
        auto const read = window_of(n.attributes, d).index(index, at[d], x[0].shape[i]);
        inside = read.has_value();
        index = read.value_or(0);
      }
      from += index * strides[i];
    }
    auto const k = static_cast<size_t>(from);
    if (is_float(y.dtype)) y.f[out++] = inside ? x[0].f[k] : x[1].f[0];
    else y.i[out++] = inside ? x[0].i[k] : x[1].i[0];
  });
  return {std::move(y)};
}

Sample window_with(Type x, Integers axes, Integers size, Dims extents, std::vector<Window> const& windows,
                   bool taps = false) {
  DType const d = x.dtype;
  Sample s{.operands = {std::move(x), {d, {}}},
           .attributes = {{"axes", std::move(axes)}, {"size", std::move(size)}, {"extents", std::move(extents)}}};
  set_windows(s.attributes, windows);
  if (taps) s.attributes.set("taps", true);
  if (d == DType::bool_) s.int_high = 1;
  return s;
}

std::vector<Sample> window_samples() {
  return {window_with(f32_of({7}), {0}, {3}, {5}, {{}}),
          window_with(f32_of({2, 3, 6, 4}), {2, 3}, {2, 2}, {3, 2}, {{2}, {2}}),
          window_with(f32_of({5, 6, 2}), {0, 1}, {3, 3}, {5, 3}, {{1, 1}, {2, 1}}),
          window_with(f32_of({9, 2}), {0}, {3}, {4}, {{2, 1, 1, 2}}),
          window_with(f32_of({4}), {0}, {2}, {9}, {{1, 1, 2, 1}}),
          window_with(f32_of({3, 5, 2}), {0}, {3}, {7}, {{1, 0, 2, -1}}, true),
          window_with(f32_of({2, 2, 3, 2}), {0, 1}, {2, 2}, {6, 4}, {{1, 0, 2, -1}, {1, 0, 2, -1}}, true),
          window_with(f32_of({0}), {0}, {2}, {3}, {{1, 1}}),
          window_with(f32_of({4}), {0}, {2}, {0}, {{}}),
          window_with(f32_of({3}), {}, {}, {}, {}),
          window_with(i32_of({6}), {0}, {2}, {3}, {{2}}),
          window_with({DType::u8, {6}}, {0}, {2}, {6}, {{1, 1}}),
          window_with(bool_of({6}), {0}, {2}, {3}, {{2}})};
}

std::vector<Refusal> window_errors() {
  auto const x = f32_of({6, 3});
  return {{window_with(x, {2}, {3}, {4}, {{}}), "outside"},
          {window_with(x, {0}, {3, 2}, {4}, {{}}), "size of 1 windows, found 2"},
          {window_with(x, {0}, {3}, {4, 4}, {{}}), "extents of 1 windows, found 2"},
          {window_with(x, {0}, {3}, {-1}, {{}}), "-1 positions"},
          {window_with(x, {0}, {3}, {4}, {{0}}), "a stride is 0"},
          {window_with(x, {0}, {2}, {4}, {{}}, true), "2 taps, but axis 0 of f32[6,3]"},
          {window_with(x, {0}, {-1}, {4}, {{}}), "a window of -1 taps"}};
}

constexpr AttributeSpec attributes[] = {
    {"axes", AttributeKind::integers, false, "along which windows move; taps aside"},
    {"size", AttributeKind::integers, false, "the number of taps of each window"},
    window_attributes[0],
    window_attributes[1],
    window_attributes[2],
    window_attributes[3],
    window_attributes[4],
    {"taps", AttributeKind::boolean, true, "the operand has axes of taps in front, and each tap reads its own"}};

} // namespace

constinit Op const ops::window{
    .name = "window",
    .doc = "the taps of windows, in axes in front of those of the operand, along which positions take the place of "
           "elements; position o and tap k read (o * stride + k * rhs_dilation - low) / lhs_dilation, and the second "
           "operand, a "
           "scalar, where that is no index",
    .arity = 2,
    .traits = moves_data | exact,
    .attributes = attributes,
    .type = window_type,
    .map = window_map,
    .gradient = gradient_of_window,
    .evaluate = evaluate_window,
    .samples = window_samples,
    .errors = window_errors,
};

} // namespace nnc
