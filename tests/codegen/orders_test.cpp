// Sums of compiled kernels have the bits that ir/order.h says, whatever the extents, the width of vectors and the
// number of threads.
#include "ir/bind.h"
#include "passes/pass.h"
#include "tests/codegen/host.h"
#include "tests/props/samples.h"

#include <fmt/ranges.h>

using namespace nnc;

namespace {

std::vector<f32> floats(Tensor const& t) { return {t.f.begin(), t.f.end()}; }

Tensor drawn(std::vector<i64> shape, u64 seed) {
  props::Draw draw(seed);
  Tensor t = Tensor::zeros(DType::f32, std::move(shape));
  for (auto& x : t.f) x = static_cast<f32>(draw.uniform(-1, 1));
  return t;
}

// The order that the pass has given to the only reduction or contraction.
Order order_in(Module const& m) {
  for (auto const& n : m.functions[0].body.nodes)
    if (n.attributes.has("order")) return n.attributes.get<Order>("order");
  FAIL("no order");
  return {};
}

// Compiles, runs on several widths and teams, compares with `want(order)` bit by bit. The order is written first: where
// `batch` has to be bound, that changes no bit.
template <class Want>
void check(std::string const& text, std::vector<Tensor> const& inputs, Want want) {
  PassContext context;
  Module parsed = pass_named("order")->run(host::parsed(text), context).module;
  Function const& f = parsed.functions[0];
  std::vector<f32> const expected = want(order_in(parsed));
  if (!only_outermost(f, Symbol::batch)) parsed = bind(parsed, Symbol::batch, *bindings_of(parsed, f, inputs)[0]);
  for (i64 width : {16, 32, 64}) {
    Module m = host::finished(parsed, host::with_vectors(width));
    INFO(print(m));
    auto loaded = load(compile(m));
    for (int threads : {1, 2, 3, 8}) {
      auto got = host::Call(m, m.functions[0], inputs, 1, threads).compiled(loaded->entry("f"));
      REQUIRE(got.results[0].size() == expected.size() * 4);
      CHECK(std::memcmp(got.results[0].data(), expected.data(), got.results[0].size()) == 0);
    }
    auto by_loops = host::Call(m, m.functions[0], inputs, 1, 2).interpreted(*m.target);
    CHECK(std::memcmp(by_loops.results[0].data(), expected.data(), by_loops.results[0].size()) == 0);
  }
}

// An extent as the text names it, and its size.
struct Extent {
  i64 size = 1;
  bool is_batch = false;
  std::string text() const { return is_batch ? "batch" : std::to_string(size); }
};
Extent batch(i64 size) { return {size, true}; }
using Extents = std::vector<Extent>;

std::string type_of(Extents const& shape) {
  std::string list;
  for (auto const& e : shape) list += (list.empty() ? "" : ",") + e.text();
  return "f32[" + list + "]";
}
std::vector<i64> sizes(Extents const& shape) {
  std::vector<i64> n;
  for (auto const& e : shape) n.push_back(e.size);
  return n;
}
std::string numbers(std::vector<i64> const& list) { return fmt::format("[{}]", fmt::join(list, ", ")); }

// Offsets of the elements over some axes, the last one fastest.
std::vector<i64> offsets_over(Extents const& shape, std::vector<i64> const& axes) {
  std::vector<i64> out{0};
  for (i64 a : axes) {
    i64 stride = 1;
    for (size_t i = static_cast<size_t>(a) + 1; i < shape.size(); ++i) stride *= shape[i].size;
    std::vector<i64> next;
    for (i64 o : out)
      for (i64 k = 0; k < shape[static_cast<size_t>(a)].size; ++k) next.push_back(o + k * stride);
    out = std::move(next);
  }
  return out;
}

// Sums x over axes, with the same bits whether `batch` is known or not: the order is written before it is bound.
void check_sum(Extents const& shape, std::vector<i64> const& axes) {
  Extents kept, summed;
  std::vector<i64> rest;
  for (size_t i = 0; i < shape.size(); ++i) {
    bool folded = std::find(axes.begin(), axes.end(), static_cast<i64>(i)) != axes.end();
    (folded ? summed : kept).push_back(shape[i]);
    if (!folded) rest.push_back(static_cast<i64>(i));
  }
  Tensor x = drawn(sizes(shape), 3);
  auto a = floats(x);
  auto rows = offsets_over(shape, rest), columns = offsets_over(shape, axes);
  check(fmt::format("func @f(%x: {}) -> (y: {}) {{\n  %y = reduce_sum %x {{axes={}}} : {}\n  return %y\n}}\n",
                    type_of(shape), type_of(kept), numbers(axes), type_of(kept)),
        {x}, [&](Order o) {
          std::vector<f32> y;
          for (i64 r : rows)
            y.push_back(reduce_in_order<Sum<f32>>(
                o, sizes(summed), [&](i64 k) { return a[static_cast<size_t>(r + columns[static_cast<size_t>(k)])]; }));
          return y;
        });
}

// The sum over k of x[k.., m] * w[k.., n], the axes of k listed in front.
void check_dot(Extents const& summed, i64 m, i64 n) {
  Extents left = summed, right = summed;
  left.push_back({m}), right.push_back({n});
  std::vector<i64> axes;
  for (size_t i = 0; i < summed.size(); ++i) axes.push_back(static_cast<i64>(i));
  Tensor x = drawn(sizes(left), 6), w = drawn(sizes(right), 7);
  auto a = floats(x), b = floats(w);
  std::string type = type_of({{m}, {n}});
  check(fmt::format("func @f(%x: {}, %w: {}) -> (y: {}) {{\n  %y = dot %x, %w {{contract_lhs={}, contract_rhs={}}} : "
                    "{}\n  return %y\n}}\n",
                    type_of(left), type_of(right), type, numbers(axes), numbers(axes), type),
        {x, w}, [&](Order o) {
          std::vector<f32> y;
          for (i64 r = 0; r < m; ++r)
            for (i64 c = 0; c < n; ++c)
              y.push_back(dot_in_order(
                  o, sizes(summed), [&](i64 k) { return a[static_cast<size_t>(k * m + r)]; },
                  [&](i64 k) { return b[static_cast<size_t>(k * n + c)]; }));
          return y;
        });
}

// The dot of a layer: x[batch, k] with w[k, n].
void check_layer(i64 m, i64 k, i64 n) {
  Tensor x = drawn({m, k}, 6), w = drawn({k, n}, 7);
  auto a = floats(x), b = floats(w);
  check(fmt::format("func @f(%x: f32[batch,{0}], %w: f32[{0},{1}]) -> (y: f32[batch,{1}]) {{\n"
                    "  %y = dot %x, %w {{contract_lhs=[1], contract_rhs=[0]}} : f32[batch,{1}]\n  return %y\n}}\n",
                    k, n),
        {x, w}, [&](Order o) {
          std::vector<f32> y;
          for (i64 r = 0; r < m; ++r)
            for (i64 c = 0; c < n; ++c)
              y.push_back(dot_in_order(
                  o, std::array{k}, [&](i64 i) { return a[static_cast<size_t>(r * k + i)]; },
                  [&](i64 i) { return b[static_cast<size_t>(i * n + c)]; }));
          return y;
        });
}

std::vector<i64> const around_boundaries{1, 2, 255, 256, 257, 511, 512, 513, 3 * 256, 5 * 256 + 1, 7 * 256, 4096, 4097};

} // namespace

TEST_CASE("sums of rows") {
  for (i64 n : {7, 16, 17, 64, 65, 100}) check_sum({{3}, {n}}, {1});
  for (i64 n : around_boundaries) check_sum({{3}, {n}}, {1});
  for (i64 n : {8192, 100'000}) check_sum({{2}, {n}}, {1});
}

TEST_CASE("sums over the batch") {
  for (i64 n : around_boundaries) {
    check_sum({batch(n)}, {0});
    check_sum({batch(n), {3}}, {0});
  }
  check_sum({batch(300), {33}}, {0});
  check_sum({batch(100'000), {1}}, {0});
  check_sum({batch(100'000)}, {0});
}

TEST_CASE("sums over columns") {
  for (i64 n : around_boundaries) check_sum({{n}, {5}}, {0});
  check_sum({{8192}, {20}}, {0});
}

TEST_CASE("sums over several axes") {
  check_sum({batch(1), {1}}, {0, 1});
  check_sum({batch(300), {20}}, {0, 1});
  check_sum({batch(37), {9}, {11}}, {0, 1, 2});
  check_sum({batch(37), {28}, {28}, {3}}, {0, 1, 2}); // runs of 9 of 28 rows
  check_sum({batch(9), {2}, {300}}, {0, 2});
  check_sum({batch(9), {700}}, {0, 1});
  check_sum({{5}, {7}, {300}}, {0, 1, 2});
  check_sum({{40}, {7}, {300}}, {0, 2});
  check_sum({{6}, {1000}, {3}}, {0, 1});
}

TEST_CASE("no block reaches over a step of an axis in front of the batch") {
  for (i64 n : {1, 3, 255, 257, 600}) {
    check_sum({{5}, batch(n)}, {0, 1});
    check_sum({{5}, batch(n), {3}}, {0, 1});
    check_sum({{3}, batch(n), {2}, {17}}, {0, 1, 3});
    check_dot({{5}, batch(n)}, 9, 20);
  }
}

TEST_CASE("contractions in chains, in lanes and in blocks") {
  check_layer(5, 30, 7);
  check_layer(17, 100, 2);
  for (i64 k : {1023, 1024, 1025, 1281, 4096, 4500}) check_layer(2, k, 9);
  for (i64 k : {4096, 4097, 5000}) check_layer(3, k, 2);
}

TEST_CASE("weight gradients") {
  for (i64 n : around_boundaries) check_dot({batch(n)}, 9, 20);
  check_dot({batch(8192)}, 20, 50);
  check_dot({batch(100'000)}, 2, 17);
  check_dot({batch(13), {28}, {28}}, 3, 17);
  check_dot({batch(70), {5}, {5}}, 3, 17);
  check_dot({batch(13), {300}}, 3, 17);
  check_dot({{13}, {28}, {28}}, 3, 17);
  check_dot({{13}, {28}, {28}}, 3, 3); // lanes
}

TEST_CASE("the error of a sum grows with the logarithm of its length") {
  for (i64 n : {100, 1000, 1024, 1025, 4096, 4097, 100'000, 10'000'000}) {
    for (bool known : {false, true}) {
      Module m = host::finished(host::parsed(fmt::format("func @f(%x: f32[{0}]) -> (y: f32[]) {{\n  %y = reduce_sum %x "
                                                         "{{axes=[0]}} : f32[]\n  return %y\n}}\n",
                                                         known ? std::to_string(n) : "batch")),
                                host_target());
      Tensor x = Tensor::zeros(DType::f32, {n});
      std::fill(x.f.begin(), x.f.end(), f64{0.1F});
      auto loaded = load(compile(m));
      auto got = host::Call(m, m.functions[0], {x}, 1, 1).compiled(loaded->entry("f"));
      f64 sum = host::unpacked(DType::f32, {}, got.results[0].data()).f[0], exact = 0.1F * static_cast<f64>(n);
      CHECK(std::abs(sum / exact - 1) < 1e-5);
    }
  }
}
