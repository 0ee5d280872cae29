// Sums of compiled kernels have the bits that ir/order.h says, whatever the extents, the width of vectors and the
// number of threads.
#include "tests/codegen/host.h"
#include "tests/props/samples.h"

#include <fmt/core.h>

using namespace nnc;

namespace {

std::vector<f32> floats(Tensor const& t) { return {t.f.begin(), t.f.end()}; }

Tensor drawn(std::vector<i64> shape, u64 seed) {
  props::Draw draw(seed);
  Tensor t = Tensor::zeros(DType::f32, std::move(shape));
  for (auto& x : t.f) x = static_cast<f32>(draw.uniform(-1, 1));
  return t;
}

// The order that the pipeline has given to the only reduction or contraction.
Order order_in(Module const& m) {
  for (auto const& kernel : m.functions[0].body.nodes)
    for (auto const& n : kernel.regions.front().nodes)
      if (n.attributes.has("order")) return n.attributes.get<Order>("order");
  FAIL("no order");
  return {};
}

// Compiles, runs on several widths and teams, compares with `want(order)` bit by bit.
template <class Want>
void check(std::string const& text, std::vector<Tensor> const& inputs, Want want) {
  Module parsed = host::parsed(text);
  for (i64 width : {16, 32, 64}) {
    Module m = host::finished(parsed, host::with_vectors(width));
    INFO(print(m));
    std::vector<f32> expected = want(order_in(m));
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

void check_rows(i64 rows, i64 n) {
  Tensor x = drawn({rows, n}, 3);
  auto a = floats(x);
  check(fmt::format("func @f(%x: f32[{0},{1}]) -> (y: f32[{0}]) {{\n  %y = reduce_sum %x {{axes=[1]}} : f32[{0}]\n  "
                    "return %y\n}}\n",
                    rows, n),
        {x}, [&](Order o) {
          std::vector<f32> y;
          for (i64 r = 0; r < rows; ++r)
            y.push_back(reduce_one_axis<SumF32>(o, n, [&](i64 i) { return a[static_cast<size_t>(r * n + i)]; }));
          return y;
        });
}

void check_columns(i64 batch, i64 n) {
  Tensor x = drawn({batch, n}, 4);
  auto a = floats(x);
  check(fmt::format("func @f(%x: f32[batch,{0}]) -> (y: f32[{0}]) {{\n  %y = reduce_sum %x {{axes=[0]}} : f32[{0}]\n  "
                    "return %y\n}}\n",
                    n),
        {x}, [&](Order o) {
          std::vector<f32> y;
          for (i64 c = 0; c < n; ++c)
            y.push_back(reduce_one_axis<SumF32>(o, batch, [&](i64 i) { return a[static_cast<size_t>(i * n + c)]; }));
          return y;
        });
}

void check_all(i64 batch, i64 n) {
  Tensor x = drawn({batch, n}, 5);
  auto a = floats(x);
  check(fmt::format("func @f(%x: f32[batch,{0}]) -> (y: f32[]) {{\n  %y = reduce_sum %x {{axes=[0, 1]}} : f32[]\n  "
                    "return %y\n}}\n",
                    n),
        {x}, [&](Order o) {
          return std::vector<f32>{reduce_in_order<SumF32>(
              o, batch, 1, n, [&](i64 f, i64, i64 i) { return a[static_cast<size_t>(f * n + i)]; })};
        });
}

void check_dot(i64 m, i64 k, i64 n) {
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
                  o, k, [&](i64 i) { return a[static_cast<size_t>(r * k + i)]; },
                  [&](i64 i) { return b[static_cast<size_t>(i * n + c)]; }));
          return y;
        });
}

} // namespace

TEST_CASE("sums of rows") {
  for (i64 n : {1, 7, 16, 17, 64, 65, 100, 5000}) check_rows(3, n);
}

TEST_CASE("sums over the batch") {
  check_columns(1, 10);
  check_columns(5, 3);
  check_columns(300, 33);
}

TEST_CASE("sums of everything") {
  check_all(1, 1);
  check_all(3, 10);
  check_all(300, 20);
}

TEST_CASE("contractions in chains, in lanes and in blocks") {
  check_dot(5, 30, 7);
  check_dot(17, 100, 2);
  check_dot(2, 4500, 9);
}
