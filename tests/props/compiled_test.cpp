// Every operator, compiled through the whole pipeline, against what its entry promises:
//
//   exact                   the bits of the evaluator
//   "at most N ulp"         within N ulp of its dtype of the evaluator in f64 (in f64 one more, which is the
//                           evaluator's)
//   sums (dot, reduce ...)  the bits of ir/order.h, in the order that the pass `order` has written; of narrow floats
//   the
//                           f32 sum, rounded once
//
// on drawn operands, and for elementwise operators on special values too. Subnormal operands and results are zeros. An
// index that is clamped and a division by zero are counted; how often depends on how often they are computed.
#include "ir/evaluate.h"
#include "ir/index_map.h"
#include "ir/text.h"
#include "tests/codegen/schedules.h"
#include "tests/props/compiled.h"
#include "tests/props/fuzz.h"
#include "tests/props/samples.h"

#include <bit>
#include <cmath>
#include <doctest/doctest.h>
#include <fmt/core.h>
#include <limits>

using namespace nnc;
using namespace nnc::props;

namespace {

// The operator with the order that the passes have given it; the source's node where simplify made something else of
// it.
// A sum may have become two, one behind the other.
std::vector<Node const*> nodes_of(OpCode code, Module const& source, Module const& finished) {
  std::vector<Node const*> found;
  for (auto const& kernel : finished.functions.front().body.nodes)
    for (auto const& region : kernel.regions)
      for (auto const& n : region.nodes)
        if (n.op == code) found.push_back(&n);
  if (found.empty()) found.push_back(&source.functions.front().body.nodes.front());
  return found;
}

// ---- what is expected
// ------------------------------------------------------------------------------------------------

std::vector<i64> offsets_along(std::vector<i64> const& shape, std::vector<i64> const& axes) {
  auto strides = strides_of(shape);
  std::vector<i64> extents, steps;
  for (i64 a : axes) {
    extents.push_back(shape[static_cast<size_t>(a)]);
    steps.push_back(strides[static_cast<size_t>(a)]);
  }
  return offsets(extents, steps);
}
std::vector<i64> others(size_t rank, std::vector<i64> const& axes) {
  std::vector<i64> out;
  for (i64 a = 0; a < static_cast<i64>(rank); ++a)
    if (std::find(axes.begin(), axes.end(), a) == axes.end()) out.push_back(a);
  return out;
}

// T: the type that the sum is taken in.
template <class Combine>
Tensor reduced_in_order(Node const& n, Tensor const& x) {
  using T = typename Combine::Number;
  auto axes = n.attributes.get<std::vector<i64>>("axes");
  auto order = n.attributes.get_or<Order>("order", {});
  auto kept = offsets_along(x.shape, others(x.shape.size(), axes)), folded = offsets_along(x.shape, axes);
  std::vector<i64> extents;
  for (i64 a : axes) extents.push_back(x.shape[static_cast<size_t>(a)]);
  std::vector<i64> shape;
  for (i64 a : others(x.shape.size(), axes)) shape.push_back(x.shape[static_cast<size_t>(a)]);
  Tensor y = Tensor::zeros(std::is_same_v<T, f64> ? DType::f64 : DType::f32, shape);
  for (size_t k = 0; k < kept.size(); ++k)
    y.f[k] = reduce_in_order<Combine>(order, extents, [&](i64 i) {
      return static_cast<T>(x.f[static_cast<size_t>(kept[k] + folded[static_cast<size_t>(i)])]);
    });
  return y;
}

template <class T>
Tensor dot_with_order(Node const& n, Tensor const& l, Tensor const& r, Tensor y) {
  auto get = [&](char const* name) { return n.attributes.get_or<std::vector<i64>>(name, {}); };
  auto cl = get("contract_lhs"), cr = get("contract_rhs"), bl = get("batch_lhs"), br = get("batch_rhs");
  auto both = [](std::vector<i64> a, std::vector<i64> const& b) {
    a.insert(a.end(), b.begin(), b.end());
    return a;
  };
  auto batch_l = offsets_along(l.shape, bl), batch_r = offsets_along(r.shape, br);
  auto rows = offsets_along(l.shape, others(l.shape.size(), both(bl, cl))),
       columns = offsets_along(r.shape, others(r.shape.size(), both(br, cr)));
  auto kl = offsets_along(l.shape, cl), kr = offsets_along(r.shape, cr);
  std::vector<i64> extents;
  for (i64 a : cl) extents.push_back(l.shape[static_cast<size_t>(a)]);
  size_t at = 0;
  for (size_t b = 0; b < batch_l.size(); ++b)
    for (i64 row : rows)
      for (i64 column : columns)
        y.f[at++] = dot_in_order(
            n.attributes.get_or<Order>("order", {}), extents,
            [&](i64 k) {
              return static_cast<T>(l.f[static_cast<size_t>(batch_l[b] + row + kl[static_cast<size_t>(k)])]);
            },
            [&](i64 k) {
              return static_cast<T>(r.f[static_cast<size_t>(batch_r[b] + column + kr[static_cast<size_t>(k)])]);
            });
  return y;
}

// The element of an operand that is read at a point of the space; nothing where there is none.
std::optional<f64> read(Function const& f, Node const& n, size_t operand, Tensor const& x,
                        std::vector<i64> const& point) {
  auto const map = *index_map(f, n, operand);
  i64 element = 0;
  for (size_t c = 0; c < map.coordinates.size(); ++c) {
    auto const& coordinate = map.coordinates[c];
    i64 index = *coordinate.offset.constant();
    for (auto const& t : coordinate.terms) index += *t.step.constant() * point[static_cast<size_t>(t.axis)];
    if (index < 0 || index % coordinate.divide || index / coordinate.divide >= x.shape[c]) return {};
    element = element * x.shape[c] + index / coordinate.divide;
  }
  return x.f[static_cast<size_t>(element)];
}

template <class T>
Tensor convolution_with_order(Function const& f, Node const& n, std::vector<Tensor> const& x, Tensor y) {
  std::vector<i64> space;
  for (auto const& d : space_of(f, n)) space.push_back(*d.constant());
  std::vector<i64> const summed(space.begin() + static_cast<std::ptrdiff_t>(y.shape.size()), space.end());
  i64 const terms = product_of(summed);
  auto point = [&](i64 i) {
    std::vector<i64> at(space.size());
    for (size_t a = space.size(); a-- > 0; i /= space[a]) at[a] = i % space[a];
    return at;
  };
  for (i64 i = 0; i < y.size(); ++i)
    y.f[static_cast<size_t>(i)] = convolution_in_order(
        n.attributes.get_or<Order>("order", {}), summed,
        [&](i64 k) {
          auto const v = read(f, n, 0, x[0], point(i * terms + k));
          return v ? std::optional(static_cast<T>(*v)) : std::nullopt;
        },
        [&](i64 k) { return static_cast<T>(*read(f, n, 1, x[1], point(i * terms + k))); });
  return y;
}

// Updates are added one after the other, each sum rounded.
template <class T>
Tensor scattered_in_order(Node const& n, std::vector<Tensor> const& x) {
  auto const axis = n.attributes.get<i64>("axis"), batch = n.attributes.get_or("batch", i64{0});
  i64 const size = n.attributes.get_or("size", i64{1}), extent = x[0].shape[static_cast<size_t>(axis)];
  i64 const inner = count_of({x[0].shape.begin() + axis + 1, x[0].shape.end()});
  i64 const between = count_of({x[0].shape.begin() + batch, x[0].shape.begin() + axis});
  i64 const count = count_of({x[1].shape.begin() + batch, x[1].shape.end()});
  Tensor y = x[0];
  for (size_t e = 0; e < x[2].f.size(); ++e) {
    i64 const k = static_cast<i64>(e), j = k / inner / size, outer = j / count;
    i64 const first = x[1].i[static_cast<size_t>(outer / between * count + j % count)];
    i64 const row = outer * extent + std::clamp<i64>(first, 0, extent - size) + k / inner % size;
    auto const at = static_cast<size_t>(row * inner + k % inner);
    y.f[at] = static_cast<T>(y.f[at]) + static_cast<T>(x[2].f[e]);
  }
  return y;
}

// A chain of fused steps along each line.
template <class T>
Tensor recurrence_in_order(Node const& n, std::vector<Tensor> const& x, Tensor y) {
  auto const axis = n.attributes.get<i64>("axis");
  bool const reverse = n.attributes.get_or("reverse", false);
  i64 const length = y.shape[static_cast<size_t>(axis)], step = count_of({y.shape.begin() + axis + 1, y.shape.end()});
  auto const element = [](Tensor const& t, i64 i) {
    return static_cast<T>(t.f[t.shape.empty() ? 0 : static_cast<size_t>(i)]);
  };
  for (i64 e = 0; e < y.size(); ++e) {
    i64 const t = e / step % length, before = reverse ? e + step : e - step;
    bool const first = t == (reverse ? length - 1 : 0);
    T const last = first ? element(x[2], e / step / length * step + e % step) : element(y, before);
    if (!reverse || first) y.f[static_cast<size_t>(e)] = std::fma(element(x[0], e), last, element(x[1], e));
  }
  for (i64 e = y.size(); reverse && e-- > 0;)
    if (e / step % length != length - 1)
      y.f[static_cast<size_t>(e)] = std::fma(element(x[0], e), element(y, e + step), element(x[1], e));
  return y;
}

// As ir/order.h says, in T.
template <class T>
Tensor reduced(Node const& n, Tensor const& x) {
  return n.op == OpCode::reduce_sum ? reduced_in_order<Sum<T>>(n, x) : reduced_in_order<Product<T>>(n, x);
}
template <class T>
Tensor accumulated(OpCode code, Function const& f, Node const& n, std::vector<Tensor> const& x, Tensor y) {
  switch (code) {
  case OpCode::dot: return dot_with_order<T>(n, x[0], x[1], std::move(y));
  case OpCode::convolution: { // `layout` has exchanged axes, but not in the sum
    Node own = f.body.nodes.back();
    own.attributes.set("order", n.attributes.get_or<Order>("order", {}));
    return convolution_with_order<T>(f, own, x, std::move(y));
  }
  case OpCode::scatter_add: return scattered_in_order<T>(n, x);
  case OpCode::recurrence: return recurrence_in_order<T>(n, x, std::move(y));
  default: throw std::logic_error("a sum without a reference");
  }
}

struct Expected {
  Tensor y;
  f64 ulps = 0;
};
Expected expected(OpCode code, Module const& source, Module const& finished, std::vector<Tensor> const& x) {
  Function const& f = source.functions.front();
  Op const& op = info(code);
  f64 ulps = 0;
  if (!op.accuracy.empty()) ulps = std::stod(std::string(op.accuracy.substr(std::string_view("at most ").size())));
  Tensor y = evaluate(source, f, x, {.exact = ulps > 0}).at(0);
  if (!is_float(y.dtype) || !op.has(accumulates)) return {y, y.dtype == DType::f64 && ulps > 0 ? ulps + 1 : ulps};
  auto const nodes = nodes_of(code, source, finished);
  Tensor sum = y;
  if (op.join) {
    sum = x[0];
    for (auto const* n : nodes) sum = y.dtype == DType::f64 ? reduced<f64>(*n, sum) : reduced<f32>(*n, sum);
  } else {
    auto const& n = *nodes.front();
    sum = y.dtype == DType::f64 ? accumulated<f64>(code, f, n, x, y) : accumulated<f32>(code, f, n, x, y);
  }
  sum.dtype = y.dtype;
  for (auto& v : sum.f) v = round_to(y.dtype, v);
  return {std::move(sum)};
}

struct Format {
  int digits, least; // bits of the significand, the exponent of the least normal number
  f64 largest;
};
Format format_of(DType d) {
  switch (d) {
  case DType::f64: return {53, -1022, std::numeric_limits<f64>::max()};
  case DType::f16: return {11, -14, 65504};
  case DType::bf16: return {8, -126, std::ldexp(255.0, 120)};
  default: return {24, -126, f64{std::numeric_limits<f32>::max()}};
  }
}

// In ulps of the dtype at the expected value; a subnormal expectation may be flushed.
f64 distance(DType d, f64 got, f64 want) {
  auto const [digits, least, largest] = format_of(d);
  if (std::isnan(want)) return std::isnan(got) ? 0 : HUGE_VAL;
  if (std::abs(want) > largest) want = round_to(d, want);
  if (std::isinf(want) || std::isinf(got)) { // the largest float is one ulp from infinity
    if (got == want) return 0;
    return std::abs(got) == largest || std::abs(want) > 0.999999 * largest ? 1 : HUGE_VAL;
  }
  if (got == want || (std::abs(want) < std::ldexp(1.0, least) && got == 0)) return 0;
  return std::abs(got - want) / std::ldexp(1.0, std::max(std::ilogb(want), least) - digits + 1);
}

bool flushed_equal(f64 got, f64 want) {
  if (std::isnan(want)) return std::isnan(got);
  return got == want && std::signbit(got) == std::signbit(want);
}

std::string difference(Expected const& e, Tensor const& got) {
  if (got.dtype != e.y.dtype || got.shape != e.y.shape) return "another type";
  for (size_t k = 0; k < got.f.size(); ++k) {
    bool fine = e.ulps > 0 ? distance(got.dtype, got.f[k], e.y.f[k]) <= e.ulps : flushed_equal(got.f[k], e.y.f[k]);
    if (!fine) return fmt::format("element {}: got {}, expected {}", k, got.f[k], e.y.f[k]);
  }
  for (size_t k = 0; k < got.i.size(); ++k)
    if (got.i[k] != e.y.i[k]) return fmt::format("element {}: got {}, expected {}", k, got.i[k], e.y.i[k]);
  return "";
}

// ---- special values
// ----------------------------------------------------------------------------------------------------

constexpr f64 inf = std::numeric_limits<f64>::infinity();
std::vector<f64> const special_floats{0.0,
                                      -0.0,
                                      1,
                                      -1,
                                      0.5,
                                      -0.5,
                                      1.5,
                                      -2.5,
                                      3,
                                      100,
                                      -100,
                                      1e-30,
                                      -1e-30,
                                      1e30,
                                      -1e30,
                                      3.4e38,
                                      8388609,
                                      2147483648.0,
                                      -2147483648.0,
                                      9.3e18,
                                      255,
                                      256,
                                      0.1,
                                      inf,
                                      -inf,
                                      std::numeric_limits<f64>::quiet_NaN()};
std::vector<i64> const special_ints{0,   1,   -1,        2,         -2,        3,         127,          128,
                                    255, 256, INT32_MAX, INT32_MIN, INT64_MAX, INT64_MIN, 1234567890123};

// Every pair of special values for two operands; all of them for one.
std::vector<Tensor> special_operands(std::vector<Type> const& types) {
  std::vector<Tensor> out;
  size_t n = is_float(types.front().dtype) ? special_floats.size() : special_ints.size();
  size_t total = types.size() == 1 ? n : n * n;
  for (size_t operand = 0; operand < types.size(); ++operand) {
    DType d = types[operand].dtype;
    Tensor t = Tensor::zeros(d, {static_cast<i64>(total)});
    for (size_t i = 0; i < total; ++i) {
      size_t pick = operand == 0 ? i % n : i / n + (operand == 2 ? i : 0);
      if (is_float(d)) t.f[i] = round_to(d, special_floats[pick % special_floats.size()]);
      else
        t.i[i] = wrap_to(d, d == DType::bool_ ? static_cast<i64>(pick % 2) : special_ints[pick % special_ints.size()]);
    }
    out.push_back(std::move(t));
  }
  return out;
}

std::string run_and_compare(OpCode code, Sample const& s, std::vector<Tensor> const& x) {
  try {
    Module source = module_of(code, s);
    Compiled compiled(source);
    i64 clamped = 0, zero_divided = 0;
    auto const all =
        evaluate(source, source.functions.front(), x, {.clamped = &clamped, .zero_divided = &zero_divided});
    auto got = compiled.call(x);
    auto what = difference(expected(code, source, compiled.finished, x), got.results.at(0));
    if (!what.empty()) return what;
    for (size_t i = 1; i < all.size(); ++i)
      if (what = difference({all[i]}, got.results.at(i)); !what.empty()) return fmt::format("result {}: {}", i, what);
    if ((got.clamped > 0) != (clamped > 0))
      return fmt::format("counts {} clamped indices, not {}", got.clamped, clamped);
    if ((got.zero_divided > 0) != (zero_divided > 0))
      return fmt::format("counts {} divisions by zero, not {}", got.zero_divided, zero_divided);
    return "";
  } catch (std::exception const& e) {
    return e.what();
  }
}

} // namespace

TEST_CASE("every sample compiles, and gives what its entry promises") {
  size_t count = for_each_sample([](OpCode code, Sample const& s, std::string const& what) {
    auto wrong = run_and_compare(code, s, draw_operands(s, 5));
    CHECK_MESSAGE(wrong.empty(), what << ": " << wrong);
  });
  CHECK(count > 200);
}

TEST_CASE("taps beside an image are no terms, whatever the kernel holds there") {
  size_t count = 0;
  for (auto const& s : samples_of(OpCode::convolution)) {
    if (s.operands[0].dtype != DType::f32) continue;
    for (size_t stride : {1, 4, 7}) {
      auto x = draw_operands(s, 6);
      for (size_t k = 0; k < x[1].f.size(); k += stride)
        x[1].f[k] = k % 3 == 0 ? inf : k % 3 == 1 ? -inf : std::numeric_limits<f64>::quiet_NaN();
      auto const wrong = run_and_compare(OpCode::convolution, s, x);
      CHECK_MESSAGE(wrong.empty(), wrong);
      ++count;
    }
  }
  CHECK(count > 30);
}

// A convolution along one axis or two, or the derivative of its kernel, a sum over images.
Sample random_convolution(Draw& draw) {
  bool const of_kernel = draw.chance(0.5), plane = draw.chance(0.5), depthwise = draw.chance(0.4);
  i64 const images = draw.integer(1, 4), channels = draw.integer(1, 20),
            features = depthwise ? channels : draw.integer(1, 40);
  Shape image{images}, kernel, positions{images};
  std::vector<i64> stride, low, dilation;
  std::vector<Dim> taps, extents;
  for (int d = 0; d < (plane ? 2 : 1); ++d) {
    i64 const n = draw.integer(3, plane ? 20 : draw.chance(0.2) ? 700 : 60), t = draw.integer(1, 3);
    stride.push_back(draw.integer(1, 2));
    dilation.push_back(draw.integer(1, 2));
    low.push_back(draw.integer(0, t / 2));
    image.push_back(n), taps.push_back(t);
    extents.push_back((n + 2 * low.back() - (t - 1) * dilation.back() - 1) / stride.back() + 1);
    if (*extents.back().constant() < 1) return random_convolution(draw);
  }
  std::string const digits = plane ? "01" : "0";
  image.push_back(channels);
  kernel = taps;
  kernel.push_back(channels);
  if (!depthwise) kernel.push_back(features);
  positions.insert(positions.end(), extents.begin(), extents.end());
  positions.push_back(features);
  Sample s{.operands = {{DType::f32, image}, {DType::f32, of_kernel ? positions : kernel}}, .attributes = {}};
  auto set = [&](char const* name, auto value) { s.attributes.set(name, value); };
  std::string const right = depthwise ? "g" : "f", both = depthwise ? "g" : "cf";
  set("lhs", "b" + digits + both.front());
  set("rhs", of_kernel ? "b" + digits + right : digits + both);
  set("result", of_kernel ? digits + both : "b" + digits + right);
  set("sum", of_kernel ? "b" + digits : depthwise ? digits : digits + "c");
  set("extents", of_kernel ? taps : extents);
  set("stride", of_kernel ? dilation : stride);
  set("rhs_dilation", of_kernel ? stride : dilation);
  set("low", low);
  return s;
}

TEST_CASE("a schedule changes no bit of a convolution") {
  int drawn = 0, windows = 0, jammed = 0, by_axes = 0, unrolled = 0;
  u64 const first = first_seed(), count = cases(24);
  for (u64 seed = first; seed < first + count; ++seed) {
    Draw draw(seed);
    auto const s = random_convolution(draw);
    Module const source = module_of(OpCode::convolution, s);
    Compiled const compiled(source);
    auto const x = draw_operands(s, seed);
    auto const want = expected(OpCode::convolution, source, compiled.finished, x);
    for (u32 i = 0; i < 4; ++i) {
      Module m = compiled.finished;
      if (i > 0) drawn += schedules::Draw(m, static_cast<u32>(4 * seed + i)).run() > 0;
      INFO(print(m));
      CHECK(difference(want, Compiled(m, Compiled::Finished{}).call(x, 1 + static_cast<int>(i % 3)).results[0]) == "");
      for (auto const& n : m.functions.front().body.nodes) {
        if (!n.kernel || !n.kernel->schedule) continue;
        auto const& s = *n.kernel->schedule;
        windows += s.contract.pack_lhs == ContractSchedule::Pack::windows;
        jammed += s.pointwise.jam > 0;
        by_axes += s.pointwise.sums == PointwiseSchedule::Sums::by_axes;
        unrolled += s.pointwise.sums == PointwiseSchedule::Sums::unrolled;
      }
    }
  }
  CHECK((jammed > 0 && by_axes > 0 && unrolled > 0));
  CHECK(drawn > static_cast<int>(count));
  CHECK(2 * windows > static_cast<int>(count));
}

TEST_CASE("elementwise operators on special values") {
  for (auto code : all_ops()) {
    if (!info(code).has(elementwise)) continue;
    for (auto s : samples_of(code)) {
      bool vectors = std::all_of(s.operands.begin(), s.operands.end(), [&](Type const& t) {
        return t.rank() == 1 && t.shape == s.operands[0].shape && t.shape[0] != Dim(0);
      });
      if (!vectors) continue;
      auto x = special_operands(s.operands);
      if (info(code).accuracy.ends_with("abs(x) < 2^31")) // what is promised
        for (auto& v : x[0].f) v = std::abs(v) < 0x1p31 || !std::isfinite(v) ? v : 2;
      for (size_t i = 0; i < x.size(); ++i) s.operands[i].shape = {x[i].size()};
      if (s.stated) s.stated->shape = s.operands[0].shape;
      auto wrong = run_and_compare(code, s, x);
      CHECK_MESSAGE(wrong.empty(), described(code, 0, s) << ": " << wrong);
    }
  }
}

TEST_CASE("lines are sorted whatever they hold") {
  for (DType d : {DType::f32, DType::f64, DType::f16, DType::bf16, DType::i32, DType::i64, DType::i8, DType::u8})
    for (i64 length : {2, 3, 9, 33, 64, 130})
      for (bool last : {true, false}) {
        Type const t = last ? Type{d, {5, length}} : Type{d, {length, 21}};
        Sample s{.operands = {t}, .attributes = {{"axis", i64{last}}}};
        Draw draw(static_cast<u64>(length));
        Tensor x = Tensor::zeros(d, extents_of(t));
        for (auto& v : x.f) v = round_to(d, draw.one_of(special_floats));
        for (auto& v : x.i) v = wrap_to(d, draw.one_of(special_ints));
        for (i64 first : {length, length / 2, i64{1}}) {
          auto const wrong = run_and_compare(OpCode::sort, s, {x});
          CHECK_MESSAGE(wrong.empty(), described(OpCode::sort, 0, s) << ": " << wrong);
          s.attributes.set("first", first);
        }
      }
}

// The same results with any number of lanes in its kernels along lines, and for any team.
void check_lanes(Module const& m, std::vector<Tensor> const& x) {
  Compiled compiled(m);
  auto const results = compiled.call(x).results;
  for (i64 lanes : {1, 2, 4, 8, 16}) {
    Module other = compiled.finished;
    for (auto& n : other.functions.front().body.nodes)
      if (is_kernel(n, KernelKind::lines)) {
        n.kernel->schedule->pointwise.lanes = lanes;
        n.kernel->schedule->parallel = n.kernel->barrier = true;
      }
    auto const got = Compiled(std::move(other), Compiled::Finished{}).call(x, 2).results;
    for (size_t i = 0; i < got.size(); ++i)
      CHECK_MESSAGE(difference({results[i]}, got[i]).empty(), print(m) << " with " << lanes << " lanes");
  }
}

TEST_CASE("nodes along lines have the same bits with any number of lanes") {
  for (OpCode code : {OpCode::sort, OpCode::recurrence, OpCode::cumulative_max})
    for (auto const& s : samples_of(code))
      if (s.operands[0].dtype == DType::f32) check_lanes(module_of(code, s), draw_operands(s, 8));
  auto const symbolic = parse_ir("lines.ir", R"(
func @f(%x: f32[batch,37], %y: f32[batch,3,5]) -> (a: f32[batch,37], b: i32[batch,37], c: f32[batch,37], d: f32[batch,3,5]) {
  %v, %a0 = sort %x {axis=0} : f32[batch,37], i32[batch,37]
  %w, %b = sort %v {axis=1} : f32[batch,37], i32[batch,37]
  %a = recurrence %x, %w, 1 {axis=1, reverse=true} : f32[batch,37]
  %c = cumulative_max %x {axis=0} : f32[batch,37]
  %d = recurrence 0.5, %y, 0 {axis=1} : f32[batch,3,5]
  return %a, %b, %c, %d
}
)");
  REQUIRE(symbolic.diagnostics.empty());
  Draw draw(9);
  for (i64 batch : {1, 5, 16, 21})
    check_lanes(symbolic.module, {draw_tensor(draw, {DType::f32, {batch, 37}}, -1, 1, 0, 0),
                                  draw_tensor(draw, {DType::f32, {batch, 3, 5}}, -1, 1, 0, 0)});
}

TEST_CASE("operators of two floats on special literals") {
  Type const vector{DType::f32, {static_cast<i64>(special_floats.size())}};
  Tensor x = Tensor::zeros(DType::f32, extents_of(vector));
  for (size_t i = 0; i < special_floats.size(); ++i) x.f[i] = round_to(DType::f32, special_floats[i]);
  for (auto code : all_ops()) {
    Op const& op = info(code);
    if (!op.has(elementwise) || !op.has(exact) || op.arity != 2) continue;
    bool const takes_floats = op.samples().front().operands.front().dtype == DType::f32;
    if (!takes_floats) continue;
    Module m;
    Function& f = m.functions.emplace_back();
    f.name = "f";
    Builder b(f);
    ValueId const a = b.argument("a", vector, Role::none);
    for (f64 c : x.f)
      for (bool first : {true, false}) {
        ValueId const literal = b.constant(DType::f32, c);
        auto operands = first ? std::vector{literal, a} : std::vector{a, literal};
        b.result(fmt::format("y{}", f.results.size()), b.make(code, operands), Role::none);
      }
    auto const expected = evaluate(m, f, {x});
    auto const got = Compiled(m).call({x}).results;
    for (size_t k = 0; k < got.size(); ++k) {
      auto wrong = difference({expected[k]}, got[k]);
      CHECK_MESSAGE(wrong.empty(), op.name << (k % 2 ? " x, " : " of ") << x.f[k / 2] << ": " << wrong);
    }
  }
}
