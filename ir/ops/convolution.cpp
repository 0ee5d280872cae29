// convolution: sums of products in which axes of the first operand are read by windows that move with the result.
//
// Each axis has a name of one character, "b01c": letters are axes as in a product (Einstein's notation), digits are
// windows. The digit d is an axis of the image in lhs, of the kernel in rhs, of the positions in the result; at
// position o and tap k the image is read at
//
//     i = (o * stride + k * rhs_dilation - low) / lhs_dilation        where that is an index of the image
//
// and there is no term elsewhere (ir/ops/windows.h). Any two of the three tensors give the third by an operation of the
// same form: for the derivative of lhs i and o change their places (o = (i * lhs_dilation - k * rhs_dilation + low) /
// stride), for that of rhs k and o. So strides, dilations and low have any sign, and derivatives of every order are
// convolutions.
#include "ir/ops/windows.h"

#include <algorithm>
#include <cctype>
#include <fmt/core.h>
#include <numeric>

namespace nnc {

using namespace rules;

namespace {

using Integers = std::vector<i64>;
using Dims = std::vector<Dim>;

bool is_digit(char c) { return c >= '0' && c <= '9'; }
size_t digit(char c) { return static_cast<size_t>(c - '0'); }
bool holds(std::string const& names, char c) { return names.find(c) != std::string::npos; }

struct Names {
  std::string lhs, rhs, result, sum;
  explicit Names(Attributes const& a)
      : lhs(a.get<std::string>("lhs")), rhs(a.get<std::string>("rhs")), result(a.get<std::string>("result")),
        sum(a.get<std::string>("sum")) {}
  std::string space() const { return result + sum; }
};

std::optional<Dim> extent_named(std::string const& names, Shape const& shape, char c) {
  auto const at = names.find(c);
  return at == std::string::npos ? std::nullopt : std::optional(shape[at]);
}

void check_names(std::string const& names, int rank, std::string_view what) {
  if (names.size() != static_cast<size_t>(rank))
    refuse(fmt::format("{} names {} axes of {}", what, names.size(), rank));
  for (size_t i = 0; i < names.size(); ++i) {
    if (!std::isalnum(static_cast<unsigned char>(names[i])))
      refuse(fmt::format("{} \"{}\" has a name that is no letter and no digit", what, names));
    if (names.find(names[i], i + 1) != std::string::npos)
      refuse(fmt::format("{} names axis '{}' twice", what, names[i]));
  }
}

Shape summed_extents(Names const& n, Shape const& rhs) {
  Shape summed;
  for (char c : n.sum) summed.push_back(*extent_named(n.rhs, rhs, c));
  return summed;
}

std::vector<Type> convolution_type(TypeQuery const& q) {
  Type const &lhs = q.operands[0], &rhs = q.operands[1];
  need(lhs, Takes::numbers);
  need_same_dtype(q.operands);
  Names const n(q.attributes);
  check_names(n.lhs, lhs.rank(), "lhs");
  check_names(n.rhs, rhs.rank(), "rhs");
  check_names(n.result, static_cast<int>(n.result.size()), "result");
  check_names(n.sum, static_cast<int>(n.sum.size()), "sum");
  auto const windows = static_cast<size_t>(std::count_if(n.result.begin(), n.result.end(), is_digit));
  check_windows(q.attributes, windows);
  for (char c : n.lhs + n.rhs + n.result) {
    bool const left = holds(n.lhs, c), right = holds(n.rhs, c), kept = holds(n.result, c);
    if (is_digit(c) && (digit(c) >= windows || !left || !right || !kept))
      refuse(fmt::format("window {} is no axis of all three tensors", c));
    if (!is_digit(c) && left + right + kept < 2) refuse(fmt::format("axis '{}' is an axis of one tensor alone", c));
    if (!is_digit(c) && left && right && lhs.shape[n.lhs.find(c)] != rhs.shape[n.rhs.find(c)])
      refuse(fmt::format("axis '{}' of {} does not fit that of {}", c, lhs.text(), rhs.text()));
    bool const summed = left && right && (is_digit(c) || !kept);
    if (summed != holds(n.sum, c)) refuse(fmt::format("sum \"{}\" has to name what is summed alone: '{}'", n.sum, c));
  }
  for (char c : n.sum)
    if (!holds(n.rhs, c)) refuse(fmt::format("sum \"{}\" has to name what is summed alone: '{}'", n.sum, c));
  check_order(q.attributes, summed_extents(n, rhs.shape));
  auto const& extents = q.attributes.get<Dims>("extents");
  Type y{lhs.dtype, {}};
  for (char c : n.result) {
    auto const of_letter = holds(n.lhs, c) ? extent_named(n.lhs, lhs.shape, c) : extent_named(n.rhs, rhs.shape, c);
    y.shape.push_back(is_digit(c) ? extents[digit(c)] : *of_letter);
    if (!never_negative(y.shape.back()))
      refuse(fmt::format("axis '{}' would have {} elements", c, y.shape.back().text()));
  }
  return {y};
}

// The space: axes of the result, summed axes in their order.
std::optional<IndexMap> convolution_map(MapQuery const& q) {
  Names const n(q.node.attributes);
  auto const& names = q.operand == 0 ? n.lhs : n.rhs;
  auto const summed = [&](char c) { return static_cast<i64>(n.result.size() + n.sum.find(c)); };
  IndexMap map;
  for (size_t i = 0; i < names.size(); ++i) {
    char const c = names[i];
    auto const kept = static_cast<i64>(n.result.find(c));
    if (is_digit(c) && q.operand == 0) {
      map.coordinates.push_back(window_coordinate(window_of(q.node.attributes, digit(c)), kept, summed(c),
                                                  *extent_named(n.result, q.result(), c),
                                                  *extent_named(n.rhs, q.shape(1), c), q.read()[i]));
    } else {
      map.coordinates.push_back({.terms = {{holds(n.sum, c) ? summed(c) : kept, 1}}});
    }
  }
  return map;
}

bool letter_first(char a, char b) { return !is_digit(a) && is_digit(b); }
bool digit_first(char a, char b) { return is_digit(a) && !is_digit(b); }

// Names of axes of both factors: digits, and what the result does not have, the former in front or behind.
std::string summed_names(std::string const& lhs, std::string const& rhs, std::string const& result,
                         bool (*first)(char, char)) {
  std::string sum;
  for (char c : rhs)
    if (is_digit(c) || (holds(lhs, c) && !holds(result, c))) sum += c;
  std::sort(sum.begin(), sum.end(), [&](char a, char b) {
    if (is_digit(a) != is_digit(b)) return first(a, b);
    return is_digit(a) ? a < b : rhs.find(a) < rhs.find(b);
  });
  return sum;
}

Dims window_extents(std::string const& names, Shape const& shape, size_t count) {
  Dims extents(count);
  for (size_t i = 0; i < names.size(); ++i)
    if (is_digit(names[i])) extents[digit(names[i])] = shape[i];
  return extents;
}

// Of rhs: position and tap change their places.
Window turned_to_taps(Window w) { return {w.rhs_dilation, w.low, w.lhs_dilation, w.stride}; }

void gradient_of_convolution(Grad& g) {
  Names const n(g.attributes());
  size_t const windows = g.attributes().get<Dims>("extents").size();
  auto make = [&](V a, V b, Attributes attributes, Window (*turned)(Window), std::string const& result,
                  Shape const& shape) {
    attributes.set("result", result);
    attributes.set("extents", window_extents(result, shape, windows));
    std::vector<Window> all;
    for (size_t d = 0; d < windows; ++d) all.push_back(turned(window_of(g.attributes(), d)));
    set_windows(attributes, all);
    return V{&g.builder(), g.builder().make(OpCode::convolution, {a.id, b.id}, std::move(attributes))};
  };
  if (g.wants(0))
    g.to(0, make(g.dy(), g.x(1),
                 {{"lhs", n.result}, {"rhs", n.rhs}, {"sum", summed_names(n.result, n.rhs, n.lhs, digit_first)}},
                 turned_to_indices, n.lhs, g.x(0).type().shape));
  if (g.wants(1))
    g.to(1, make(g.x(0), g.dy(),
                 {{"lhs", n.lhs}, {"rhs", n.result}, {"sum", summed_names(n.lhs, n.result, n.rhs, letter_first)}},
                 turned_to_taps, n.rhs, g.x(1).type().shape));
}

// By the formula, element by element and term by term.
struct Evaluation {
  Names names;
  Attributes const& attributes;
  std::span<Tensor const> x;
  Integers lhs_strides, rhs_strides;

  Evaluation(Node const& node, std::span<Tensor const> operands)
      : names(node.attributes), attributes(node.attributes), x(operands), lhs_strides(strides_of(operands[0].shape)),
        rhs_strides(strides_of(operands[1].shape)) {}

  // Where the factors of a term stand; nothing outside of the image. `at`: index by name.
  std::optional<std::pair<size_t, size_t>> factors(Integers const& position, Integers const& tap) const {
    i64 l = 0, r = 0;
    for (size_t i = 0; i < names.lhs.size(); ++i) {
      char const c = names.lhs[i];
      i64 index = 0;
      if (is_digit(c)) {
        auto const inside = window_of(attributes, digit(c))
                                .index(position[names.result.find(c)], tap[names.sum.find(c)], x[0].shape[i]);
        if (!inside) return {};
        index = *inside;
      } else {
        index = holds(names.result, c) ? position[names.result.find(c)] : tap[names.sum.find(c)];
      }
      l += index * lhs_strides[i];
    }
    for (size_t i = 0; i < names.rhs.size(); ++i) {
      char const c = names.rhs[i];
      r += (holds(names.sum, c) ? tap[names.sum.find(c)] : position[names.result.find(c)]) * rhs_strides[i];
    }
    return std::pair{static_cast<size_t>(l), static_cast<size_t>(r)};
  }
};

// Each sum goes along the taps in order; those of the axes that the second operand alone has advance together, as a
// term of all of them has one factor in the first.
std::vector<Tensor> evaluate_convolution(Node const& node, std::span<Tensor const> x, std::span<Type const> result) {
  Evaluation const e(node, x);
  Tensor y = Tensor::zeros(result[0].dtype, extents_of(result[0]));
  Integers taps;
  for (char c : e.names.sum) taps.push_back(x[1].shape[e.names.rhs.find(c)]);
  auto const strides = strides_of(y.shape);
  Integers positions = y.shape, together, y_strides, rhs_strides;
  for (size_t i = 0; i < y.shape.size(); ++i) {
    char const c = e.names.result[i];
    if (is_digit(c) || holds(e.names.lhs, c)) continue;
    together.push_back(y.shape[i]);
    y_strides.push_back(strides[i]);
    rhs_strides.push_back(e.rhs_strides[e.names.rhs.find(c)]);
    positions[i] = std::min<i64>(y.shape[i], 1);
  }
  auto const to = offsets(together, y_strides), from = offsets(together, rhs_strides);
  auto const add = [&](auto const& l, auto const& r, auto& sums, auto step) {
    each_index(positions, [&](Integers const& position) {
      auto const first = std::inner_product(position.begin(), position.end(), strides.begin(), i64{0});
      each_index(taps, [&](Integers const& tap) {
        auto const at = e.factors(position, tap);
        if (!at) return;
        auto const p = l[at->first];
        for (size_t j = 0; j < to.size(); ++j) {
          auto& sum = sums[static_cast<size_t>(first + to[j])];
          sum = step(sum, p, r[at->second + static_cast<size_t>(from[j])]);
        }
      });
    });
  };
  if (is_float(y.dtype)) add(x[0].f, x[1].f, y.f, [](f64 sum, f64 p, f64 q) { return sum + p * q; });
  else add(x[0].i, x[1].i, y.i, [](i64 sum, i64 p, i64 q) { return wrapping_add(sum, wrapping_mul(p, q)); });
  return {std::move(y)};
}

struct Moves {
  Integers stride = {}, low = {}, lhs_dilation = {}, rhs_dilation = {};
};
Sample convolution_of(Type lhs, Type rhs, std::string l, std::string r, std::string y, std::string sum, Dims extents,
                      Moves const& moves = {}) {
  Sample s{.operands = {std::move(lhs), std::move(rhs)}};
  auto& a = s.attributes;
  a.set("lhs", std::move(l));
  a.set("rhs", std::move(r));
  a.set("result", std::move(y));
  a.set("sum", std::move(sum));
  a.set("extents", std::move(extents));
  if (!moves.stride.empty()) a.set("stride", moves.stride);
  if (!moves.low.empty()) a.set("low", moves.low);
  if (!moves.lhs_dilation.empty()) a.set("lhs_dilation", moves.lhs_dilation);
  if (!moves.rhs_dilation.empty()) a.set("rhs_dilation", moves.rhs_dilation);
  return s;
}

std::vector<Sample> convolution_samples() {
  auto const image = f32_of({2, 3, 5, 6}), kernel = f32_of({4, 3, 3, 3});
  auto ordered = [](Sample s, Order order) {
    s.attributes.set("order", order);
    return s;
  };
  return {
      convolution_of(f32_of({2, 5, 3}), f32_of({2, 3, 4}), "b0c", "0cf", "b0f", "0c", {4}),
      convolution_of(image, kernel, "bc01", "fc01", "bf01", "01c", {3, 4}),
      convolution_of(image, kernel, "bc01", "fc01", "bf01", "01c", {5, 6}, {.low = {1, 1}}),
      convolution_of(image, kernel, "bc01", "fc01", "bf01", "01c", {3, 3}, {.stride = {2, 2}, .low = {1, 1}}),
      convolution_of(image, kernel, "bc01", "fc01", "bf01", "01c", {3, 6}, {.low = {1, 2}, .rhs_dilation = {2, 2}}),
      convolution_of(f32_of({2, 5, 6, 3}), f32_of({3, 3, 3, 5}), "b01c", "01cf", "b01f", "01c", {5, 6},
                     {.low = {1, 1}}),
      // transposed: the derivative of a strided one
      convolution_of(f32_of({1, 3, 2, 3}), f32_of({2, 2, 4, 3}), "b01f", "01cf", "b01c", "01f", {6, 4},
                     {.low = {-1, 0}, .lhs_dilation = {2, 2}, .rhs_dilation = {-1, -1}}),
      // of a kernel: what is summed are the images and their positions
      convolution_of(f32_of({3, 5, 6, 2}), f32_of({3, 5, 6, 4}), "b01c", "b01f", "01cf", "b01", {3, 3},
                     {.low = {1, 1}}),
      ordered(convolution_of(f32_of({3, 5, 6, 2}), f32_of({3, 5, 6, 4}), "b01c", "b01f", "01cf", "b01", {3, 3},
                             {.low = {1, 1}}),
              {Order::Kind::chain, 2, 1}),
      // ... in blocks that end within rows of positions
      ordered(convolution_of(f32_of({3, 2, 6, 2}), f32_of({3, 2, 6, 4}), "b01c", "b01f", "01cf", "b01", {3, 3},
                             {.low = {1, 1}}),
              {Order::Kind::chain, 4, 2}),
      convolution_of(f32_of({2, 7, 3, 2}), f32_of({3, 3, 2, 4}), "b0gc", "0gcf", "b0gf", "0c", {7},
                     {.low = {1}}),                                                                 // groups
      convolution_of(f32_of({2, 6, 5, 4}), f32_of({3, 2, 4}), "b01g", "01g", "b01g", "01", {4, 4}), // depthwise
      convolution_of(f32_of({1, 3, 4, 3, 2}), f32_of({2, 2, 2, 2, 3}), "b012c", "012cf", "b012f", "012c", {3, 4, 3},
                     {.low = {0, 1, 1}}),
      convolution_of(f32_of({1, 4, 9, 9}), f32_of({2, 1, 9, 19}), "b01c", "01cf", "b01f", "01c", {5, 9},
                     {.low = {1, 0}}),
      convolution_of(f32_of({3, 0, 2}), f32_of({2, 2, 3}), "b0c", "0cf", "b0f", "0c", {2}, {.low = {1}}),
      convolution_of(f32_of({2, 4, 1}), f32_of({1, 1, 1}), "b0c", "0cf", "b0f", "0c", {4}),
      convolution_of({DType::i32, {2, 4, 3}}, {DType::i32, {3, 3, 4}}, "b0c", "0cf", "b0f", "0c", {4}, {.low = {1}})};
}

std::vector<Refusal> convolution_errors() {
  auto const x = f32_of({2, 5, 3}), w = f32_of({2, 3, 4});
  return {{convolution_of(x, f32_of({2, 5, 4}), "b0c", "0cf", "b0f", "0c", {4}), "axis 'c' of f32[2,5,3] does not fit"},
          {convolution_of(x, i32_of({2, 3, 4}), "b0c", "0cf", "b0f", "0c", {4}), "different dtypes"},
          {convolution_of(x, w, "b0", "0cf", "b0f", "0c", {4}), "lhs names 2 axes of 3"},
          {convolution_of(x, w, "b0b", "0cf", "b0f", "0c", {4}), "names axis 'b' twice"},
          {convolution_of(x, w, "b0c", "0cf", "b0f", "0", {4}), "what is summed"},
          {convolution_of(x, w, "b0c", "0cf", "b0f", "0c", {4, 4}), "extents of 1 windows, found 2"},
          {convolution_of(x, w, "b0c", "0cf", "b0f", "0c", {-1}), "would have -1 elements"},
          {convolution_of(x, w, "b0c", "0cf", "b0f", "0c", {4}, {.stride = {0}}), "a stride is 0"},
          {convolution_of(x, w, "b0c", "0cf", "b0f", "0c", {4}, {.lhs_dilation = {0}}), "expected 1 or more"},
          {convolution_of(x, w, "b1c", "1cf", "b1f", "1c", {4}), "window 1 is no axis"},
          {convolution_of(x, w, "b0c", "0cf", "b0", "0c", {4}), "axis 'f' is an axis of one tensor alone"}};
}

constexpr AttributeSpec convolution_attributes[] = {
    {"lhs", AttributeKind::string, false,
     "a name for each axis of the first operand: a letter, or a digit for a window"},
    {"rhs", AttributeKind::string, false, "the same for the second operand; a digit is an axis of the kernel's taps"},
    {"result", AttributeKind::string, false, "the same for the result; a digit is an axis of positions"},
    {"sum", AttributeKind::string, false, "the axes of rhs that are summed, digits among them; the last one fastest"},
    window_attributes[0],
    window_attributes[1],
    window_attributes[2],
    window_attributes[3],
    window_attributes[4],
    {"order", AttributeKind::order, true, "order of the sum; set by the pass `order`"}};

} // namespace

constinit Op const ops::convolution{
    .name = "convolution",
    .doc =
        "sums of products over windows of the first operand and the axes that the result does not have; at position o "
        "and tap k a window reads (o * stride + k * rhs_dilation - low) / lhs_dilation, and what is no index of the "
        "first operand is no term",
    .arity = 2,
    .traits = contracts | accumulates,
    .attributes = convolution_attributes,
    .type = convolution_type,
    .map = convolution_map,
    .gradient = gradient_of_convolution,
    .evaluate = evaluate_convolution,
    .samples = convolution_samples,
    .errors = convolution_errors,
};

} // namespace nnc
