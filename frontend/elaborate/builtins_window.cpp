// What reads tensors by windows: convolutions, transposed ones, and the taps themselves, of which pooling is made.
#include "frontend/elaborate/batch_number.h"
#include "frontend/elaborate/builtin.h"

#include <algorithm>
#include <fmt/core.h>

namespace nnc::front {

namespace {

// Of each axis that windows move along.
struct Spans {
  std::vector<i64> size, stride, dilation, low, high;
  std::vector<Dim> extents; // positions
  size_t count() const { return size.size(); }
};

ValueId operand(BuiltinCall& c, size_t i) {
  if (!c[i].tensor()) c.e.errors.fail(c.places[i], fmt::format("`{}` works on tensors, got {}", c.name, shown(c[i])));
  return c.e.tensors.as_tensor(c[i], c.places[i]);
}
Type const& type(BuiltinCall& c, ValueId v) { return c.e.now.graph->type(v); }

// One number for all axes, or a list with one for each.
std::vector<i64> each_axis(BuiltinCall& c, size_t i, size_t count, char const* what, i64 least) {
  auto number = [&](Any const& a) {
    i64 const n = c.e.constants.as_constant(a, c.places[i], fmt::format("`{}`", what));
    if (n < least) c.e.errors.fail(c.places[i], fmt::format("`{}` is {}, expected {} or more", what, n, least));
    return n;
  };
  if (!c[i].list()) return std::vector<i64>(count, number(c[i]));
  if (c[i].list()->size() != count)
    c.e.errors.fail(c.places[i], fmt::format("`{}` has {} numbers for {} axes", what, c[i].list()->size(), count));
  std::vector<i64> all;
  for (auto const& item : *c[i].list()) all.push_back(number(item));
  return all;
}

constexpr char const* channels_and_taps = "channels and taps of a convolution";

i64 known(BuiltinCall& c, Dim const& extent) { return c.e.batch_number.of(extent, c.at, channels_and_taps); }

// padding: "same" (as many positions as elements, divided by the stride), "valid" (none), a number, or one number or a
// pair [in front, behind] for each axis.
void pad(BuiltinCall& c, size_t i, Spans& s, std::vector<Dim> const& extents) {
  auto span = [&](size_t d) { return (s.size[d] - 1) * s.dilation[d] + 1; };
  auto const* word = c[i].get<std::string>();
  if (word && *word == "same") {
    for (size_t d = 0; d < s.count(); ++d) {
      // At steps of 1 it asks for no extent.
      i64 const n =
          s.stride[d] == 1
              ? 1
              : c.e.batch_number.of(extents[d], c.at,
                                    fmt::format("the padding \"same\" along an axis of {}", shown(extents[d])));
      i64 const missing = std::max<i64>(0, ((n + s.stride[d] - 1) / s.stride[d] - 1) * s.stride[d] + span(d) - n);
      s.low.push_back(missing / 2);
      s.high.push_back(missing - missing / 2);
    }
    return;
  }
  if (word && *word != "valid")
    c.e.errors.fail(c.places[i], fmt::format("`padding` is \"{}\", expected \"same\", \"valid\" or numbers", *word));
  bool const pairs =
      c[i].list() && std::any_of(c[i].list()->begin(), c[i].list()->end(), [](Any const& a) { return a.list(); });
  if (!pairs) {
    s.low = word ? std::vector<i64>(s.count(), 0) : each_axis(c, i, s.count(), "padding", 0);
    s.high = s.low;
    return;
  }
  if (c[i].list()->size() != s.count())
    c.e.errors.fail(c.places[i], fmt::format("`padding` has {} entries for {} axes", c[i].list()->size(), s.count()));
  for (auto const& item : *c[i].list()) {
    auto const* pair = item.list();
    if (pair && pair->size() != 2)
      c.e.errors.fail(c.places[i], fmt::format("`padding` has {} numbers for the two ends of an axis", pair->size()));
    for (size_t end = 0; end < 2; ++end) {
      i64 const n = c.e.constants.as_constant(pair ? (*pair)[end] : item, c.places[i], "`padding`");
      if (n < 0) c.e.errors.fail(c.places[i], fmt::format("`padding` is {}, expected 0 or more", n));
      (end == 0 ? s.low : s.high).push_back(n);
    }
  }
}

// As many positions as there are windows that lie in the padded tensor whole.
void place(BuiltinCall& c, Spans& s, std::vector<Dim> const& extents) {
  for (size_t d = 0; d < s.count(); ++d) {
    i64 const span = (s.size[d] - 1) * s.dilation[d] + 1, padding = s.low[d] + s.high[d];
    Dim const positions = extents[d] + padding - span + 1;
    if (!extents[d].is_constant() && s.stride[d] == 1 && surely_holds(positions, 0)) {
      s.extents.push_back(positions);
      continue;
    }
    auto const what =
        fmt::format("windows of {} that move by {} along an axis of {}", s.size[d], s.stride[d], shown(extents[d]));
    i64 const padded = c.e.batch_number.of(extents[d], c.at, what) + padding;
    if (span > padded)
      c.e.errors.fail(c.at,
                      fmt::format("a window of {} elements does not fit into {} of them{}, {} of padding included",
                                  span, padded, c.e.batch_number.in_batch(extents[d]), padding));
    s.extents.push_back((padded - span) / s.stride[d] + 1);
  }
}

bool any_other_than(std::vector<i64> const& list, i64 value) {
  return std::any_of(list.begin(), list.end(), [&](i64 v) { return v != value; });
}
void set_unless(Attributes& a, char const* name, std::vector<i64> const& list, i64 value) {
  if (any_other_than(list, value)) a.set(name, list);
}
std::vector<i64> negated(std::vector<i64> list) {
  for (auto& v : list) v = -v;
  return list;
}

// Extents of the axes behind the first two.
std::vector<Dim> behind_two(Shape const& shape) { return {shape.begin() + 2, shape.end()}; }

// x[batch, channels, ..] and a kernel with as many axes; channels and features are divided into groups, and axes of one
// element in each of them are left out, so that a depthwise convolution is one over `group` alone.
struct Sides {
  ValueId x, kernel;
  i64 groups = 1, channels = 0, features = 0; // of one group
  std::string windows;                        // "01"
  std::vector<Dim> extents;                   // of x
  Dim results;                                // of all groups
};

Sides sides(BuiltinCall& c, bool transposed, size_t groups_at) {
  Sides s{operand(c, 0), operand(c, 1), 1, 0, 0, {}, {}, {}};
  Type const x = type(c, s.x), w = type(c, s.kernel);
  char const* form = transposed ? "[in, out / groups, ..]" : "[out, in / groups, ..]";
  if (x.rank() < 3 || x.rank() != w.rank() || x.rank() > 12)
    c.e.errors.fail(c.at,
                    fmt::format("`{}` takes [batch, channels, ..] and a kernel {} with as many axes, got {} and {}",
                                c.name, form, shown(x), shown(w)));
  if (x.dtype != w.dtype)
    c.e.errors.fail(c.at, fmt::format("`{}` of {} and {}: there is no silent conversion", c.name, shown(x), shown(w)),
                    fmt::format("convert one of them: `{}(x)`", name(x.dtype)));
  s.groups = c.e.constants.as_constant(c[groups_at], c.places[groups_at], "`groups`");
  if (s.groups < 1) c.e.errors.fail(c.places[groups_at], fmt::format("`groups` is {}, expected 1 or more", s.groups));
  i64 const all = known(c, x.shape[1]), first = known(c, w.shape[0]), second = known(c, w.shape[1]);
  s.x = c.e.batch_number.fix(s.x, 1, c.at, channels_and_taps);
  s.kernel = c.e.batch_number.fix_all(s.kernel, c.at, channels_and_taps);
  if (all % s.groups || first % s.groups)
    c.e.errors.fail(c.places[groups_at],
                    fmt::format("{} groups do not divide {} channels and the {} of the kernel", s.groups, all, first));
  s.channels = transposed ? first / s.groups : second;
  s.features = transposed ? second : first / s.groups;
  if (s.channels * s.groups != all)
    c.e.errors.fail(c.at, fmt::format("the kernel {} is for {} channels in {} groups, but x is {}", shown(w),
                                      s.channels * s.groups, s.groups, shown(x)));
  for (int d = 0; d + 2 < x.rank(); ++d) s.windows += static_cast<char>('0' + d);
  s.extents = behind_two(x.shape);
  s.results = transposed ? Dim(s.groups * s.features) : w.shape[0];
  return s;
}

// The operator's form of it: names, groups apart, positions.
Any convolve(BuiltinCall& c, Sides const& s, bool transposed, Attributes a) {
  Builder& b = c.e.tensors.builder(c.at);
  Shape const x = type(c, s.x).shape, w = type(c, s.kernel).shape;
  bool const apart = s.groups > 1, channel = !apart || s.channels > 1, feature = !apart || s.features > 1;
  std::string lhs = "b", rhs, result = "b", sum = s.windows;
  Shape image{x[0]}, kernel, y{x[0], s.groups * s.features};
  auto axis = [](std::string& names, Shape& shape, char name, Dim const& extent) {
    names += name, shape.push_back(extent);
  };
  if (apart) axis(lhs, image, 'g', s.groups), axis(rhs, kernel, 'g', s.groups), result += 'g';
  if (channel) axis(lhs, image, 'c', s.channels), sum += 'c';
  if (channel && transposed) axis(rhs, kernel, 'c', s.channels);
  if (feature) axis(rhs, kernel, 'f', s.features), result += 'f';
  if (channel && !transposed) axis(rhs, kernel, 'c', s.channels);
  auto const& positions = a.get<std::vector<Dim>>("extents");
  for (size_t d = 0; d < s.windows.size(); ++d) {
    axis(lhs, image, s.windows[d], x[d + 2]);
    axis(rhs, kernel, s.windows[d], w[d + 2]);
    y.push_back(positions[d]);
  }
  a.set("lhs", lhs);
  a.set("rhs", rhs);
  a.set("result", result + s.windows);
  a.set("sum", sum);
  ValueId const left = image == x ? s.x : b.reshape(s.x, image),
                right = kernel == w ? s.kernel : b.reshape(s.kernel, kernel);
  ValueId const out = b.make(OpCode::convolution, {left, right}, std::move(a));
  ValueId const named = type(c, out).shape == y ? out : b.reshape(out, y);
  return c.e.tensors.tensor(c.e.batch_number.open(named, 1, s.results, c.at));
}

std::vector<i64> taps_of(BuiltinCall& c, ValueId kernel) {
  std::vector<i64> taps;
  for (auto const& d : behind_two(type(c, kernel).shape)) taps.push_back(known(c, d));
  return taps;
}

Any convolution(BuiltinCall& c) {
  auto const s = sides(c, false, 5);
  size_t const n = s.windows.size();
  Spans spans{.size = taps_of(c, s.kernel),
              .stride = each_axis(c, 2, n, "stride", 1),
              .dilation = each_axis(c, 4, n, "dilation", 1)};
  pad(c, 3, spans, s.extents);
  place(c, spans, s.extents);
  Attributes a{{"extents", spans.extents}};
  set_unless(a, "stride", spans.stride, 1);
  set_unless(a, "low", spans.low, 0);
  set_unless(a, "rhs_dilation", spans.dilation, 1);
  return convolve(c, s, false, std::move(a));
}

// Position o of the result takes part in element i of x by tap k where o = i * stride + k * dilation - low.
Any convolution_transposed(BuiltinCall& c) {
  auto const s = sides(c, true, 5);
  size_t const n = s.windows.size();
  Spans spans{.size = taps_of(c, s.kernel),
              .stride = each_axis(c, 2, n, "stride", 1),
              .dilation = each_axis(c, 4, n, "dilation", 1)};
  if (c[3].is<std::string>() && *c[3].get<std::string>() == "same")
    c.e.errors.fail(c.places[3], "`padding` of a transposed convolution is a number, or one for each axis");
  pad(c, 3, spans, s.extents);
  auto const more = each_axis(c, 6, n, "output_padding", 0);
  for (size_t d = 0; d < n; ++d) {
    Dim positions = (s.extents[d] - 1) * Dim(spans.stride[d]) + (spans.size[d] - 1) * spans.dilation[d] + 1 -
                    spans.low[d] - spans.high[d] + more[d];
    if (!surely_holds(positions, 0))
      positions = c.e.batch_number.of(positions, c.at,
                                      fmt::format("the padding of windows along an axis of {}", shown(s.extents[d])));
    if (!surely_holds(positions, 0))
      c.e.errors.fail(c.places[3], fmt::format("`padding` takes {} elements away, more than there are",
                                               spans.low[d] + spans.high[d]));
    spans.extents.push_back(positions);
  }
  Attributes a{{"extents", spans.extents}};
  set_unless(a, "low", negated(spans.low), 0);
  set_unless(a, "lhs_dilation", spans.stride, 1);
  a.set("rhs_dilation", negated(spans.dilation));
  return convolve(c, s, true, std::move(a));
}

// The taps of windows along some axes, in front of the axes of x.
Any window_taps(BuiltinCall& c) {
  ValueId const x = operand(c, 0);
  Type const t = type(c, x);
  auto const axes = c.e.constants.as_axes(c[2], t.rank(), c.places[2]);
  Spans spans{.size = each_axis(c, 1, axes.size(), "size", 1),
              .stride = each_axis(c, 3, axes.size(), "stride", 1),
              .dilation = each_axis(c, 5, axes.size(), "dilation", 1)};
  std::vector<Dim> extents;
  for (i64 a : axes) extents.push_back(t.shape[static_cast<size_t>(a)]);
  pad(c, 4, spans, extents);
  place(c, spans, extents);
  ValueId const fill = c.e.tensors.as_tensor(c[6], t.dtype, c.places[6]);
  Attributes a{{"axes", axes}, {"size", spans.size}, {"extents", spans.extents}};
  set_unless(a, "stride", spans.stride, 1);
  set_unless(a, "low", spans.low, 0);
  set_unless(a, "rhs_dilation", spans.dilation, 1);
  return c.e.tensors.tensor(c.e.tensors.builder(c.at).make(OpCode::window, {x, fill}, std::move(a)));
}

} // namespace

std::vector<Builtin> const& window_builtins() {
  static std::vector<Builtin> const all{
      {"convolution", convolution},
      {"convolution_transposed", convolution_transposed},
      {"window_taps", window_taps},
  };
  return all;
}

} // namespace nnc::front
