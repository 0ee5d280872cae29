// Very deep and very wide programs: nothing in nnc recurses or goes quadratic so that it would fall over.
#include "ir/builder.h"
#include "ir/evaluate.h"
#include "ir/text.h"
#include "ir/verify.h"
#include "passes/pass.h"
#include "tests/props/compiled.h"

#include <ctime>
#include <doctest/doctest.h>

using namespace nnc;

namespace {

// x -> x * 0.999 + 0.001, again and again; with its derivative if wanted.
Module chain(int length, bool with_gradient) {
  Module m;
  Function& f = m.functions.emplace_back();
  f.name = "f";
  Builder b(f);
  ValueId x = b.argument("x", {DType::f32, {8}}, Role::none), y = x;
  for (int i = 0; i < length / 2; ++i) {
    y = b.make(OpCode::mul, {y, b.constant(DType::f32, 0.999)});
    y = b.make(OpCode::add, {y, b.constant(DType::f32, 0.001)});
  }
  b.result("y", y, Role::none);
  if (with_gradient) {
    ValueId sum = b.reduce(OpCode::reduce_sum, y, {0});
    b.result("d", b.make_many(OpCode::grad, {sum, x}, {}, {b.type(x)})[0], Role::none);
  }
  return m;
}

std::vector<Tensor> eight(f64 value) {
  Tensor x = Tensor::zeros(DType::f32, {8});
  for (auto& v : x.f) v = value;
  return {x};
}

// Of the processor, not of the clock on the wall: other tests run beside this one.
f64 milliseconds(std::clock_t since) { return 1e3 * static_cast<f64>(std::clock() - since) / CLOCKS_PER_SEC; }

// Sanitizers slow everything down; the limits here are for order of magnitude only.
#ifdef __SANITIZE_ADDRESS__
constexpr f64 patience = 20;
constexpr int deep = 600; // their frames on the stack are several times as large, too
#else
constexpr f64 patience = 5;
constexpr int deep = 3000;
#endif

} // namespace

TEST_CASE("5,000 nodes in a row print, parse and verify in tens of milliseconds") {
  Module m = chain(5000, false);
  auto start = std::clock();
  std::string text = print(m);
  auto again = parse_ir("chain.ir", text);
  REQUIRE(again.diagnostics.empty());
  CHECK(verify(again.module).empty());
  CHECK(milliseconds(start) < 60 * patience);
  CHECK(print(again.module) == text);
}

TEST_CASE("5,000 literals that all differ") {
  Module m;
  Function& f = m.functions.emplace_back();
  f.name = "f";
  Builder b(f);
  ValueId y = b.argument("x", {DType::f32, {2}}, Role::none);
  auto start = std::clock();
  for (int i = 0; i < 5000; ++i) y = b.make(OpCode::add, {y, b.constant(DType::f32, i)});
  b.result("y", y, Role::none);
  std::string text = print(m);
  auto again = parse_ir("literals.ir", text);
  CHECK(milliseconds(start) < 150 * patience);
  REQUIRE(again.diagnostics.empty());
  CHECK(print(again.module) == text);
}

TEST_CASE("a deep chain goes through the pipeline and computes") {
  Module m = chain(deep, true);
  auto expected = evaluate(m, m.functions[0], eight(0.5));
  auto start = std::clock();
  props::Compiled compiled(m);
  CHECK(milliseconds(start) < 4000 * patience);
  auto got = compiled.call(eight(0.5)).results;
  for (size_t i = 0; i < 8; ++i) {
    CHECK(got[0].f[i] == expected[0].f[i]);
    CHECK(got[1].f[i] == doctest::Approx(expected[1].f[i]).epsilon(1e-4)); // differences against as many roundings
  }
}

TEST_CASE("a longer chain is cut into kernels of some length") {
  Module m = chain(10 * deep, false);
  auto got = props::Compiled(m).call(eight(0.5)).results, expected = evaluate(m, m.functions[0], eight(0.5));
  for (size_t i = 0; i < 8; ++i) CHECK(got[0].f[i] == expected[0].f[i]);
}

TEST_CASE("a tree in which every value is read twice stays linear") {
  Module m; // y = y + y, 40 times: 2^40 paths
  Function& f = m.functions.emplace_back();
  f.name = "f";
  Builder b(f);
  ValueId x = b.argument("x", {DType::f32, {8}}, Role::none), y = x;
  for (int i = 0; i < 40; ++i) y = b.make(OpCode::add, {b.make(OpCode::mul, {y, b.constant(DType::f32, 0.5)}), y});
  b.result("y", y, Role::none);
  ValueId sum = b.reduce(OpCode::reduce_sum, y, {0});
  b.result("d", b.make_many(OpCode::grad, {sum, x}, {}, {b.type(x)})[0], Role::none);
  auto expected = evaluate(m, f, eight(0.001));
  auto got = props::Compiled(m).call(eight(0.001)).results;
  for (size_t i = 0; i < 8; ++i) {
    CHECK(got[0].f[i] == expected[0].f[i]);
    CHECK(got[1].f[i] == doctest::Approx(expected[1].f[i]).epsilon(1e-4));
  }
}

// A parameter that is read behind the node that gives its new value, with a long way between the two.
Module late_reader(int length) {
  Module m;
  Function& f = m.functions.emplace_back();
  f.name = "f";
  Builder b(f);
  ValueId w = b.argument("w", {DType::f32, {8}}, Role::param), updated = b.make(OpCode::exp, {w}), y = updated;
  for (int i = 0; i < length; ++i) y = b.make(OpCode::tanh, {y});
  b.result("w", updated, Role::param);
  b.result("y", b.make(OpCode::mul, {y, w}), Role::none);
  return m;
}

// Movements of data that no rule of simplify takes together.
Module movements(int length) {
  Module m;
  Function& f = m.functions.emplace_back();
  f.name = "f";
  Builder b(f);
  ValueId y = b.argument("x", {DType::f32, {8}}, Role::none);
  for (int i = 0; i < length; ++i) y = b.make(OpCode::reverse, {y}, {{"axes", std::vector<i64>{0}}});
  b.result("y", b.make(OpCode::exp, {y}), Role::none);
  return m;
}

// y = pad(y, the sum of y's only element and itself): 2^40 ways from the first to the last.
Module many_ways(int length) {
  Module m;
  Function& f = m.functions.emplace_back();
  f.name = "f";
  Builder b(f);
  ValueId y = b.argument("x", {DType::f32, {1}}, Role::none);
  std::vector<Dim> const none{0};
  for (int i = 0; i < length; ++i)
    y = b.make(OpCode::pad, {y, b.reshape(b.make(OpCode::reverse, {y}, {{"axes", std::vector<i64>{0}}}), {})},
               {{"high", none}, {"low", none}});
  b.result("y", b.make(OpCode::exp, {y}), Role::none);
  return m;
}

TEST_CASE("numbers that only tune, thousands in a row") {
  Module m;
  Function& f = m.functions.emplace_back();
  f.name = "f";
  Builder b(f);
  ValueId x = b.argument("x", {DType::f32, {8}}, Role::none);
  ValueId rate = b.argument("rate", {DType::f64, {}}, Role::scalar), all = rate;
  for (int i = 0; i < 6 * deep; ++i)
    all = b.make(OpCode::add, {b.make(OpCode::mul, {all, b.constant(DType::f64, 0.5)}), rate});
  ValueId factor = b.broadcast_scalar(b.convert(all, DType::f32), {8});
  b.result("y", b.make(OpCode::mul, {x, factor}), Role::none);
  auto inputs = eight(2);
  Tensor setting = Tensor::zeros(DType::f64, {});
  setting.f = {0.5};
  inputs.push_back(setting);
  CHECK(props::Compiled(m).call(inputs).results[0].f == std::vector<f64>(8, 2));
}

TEST_CASE("fuse walks far and finds its way") {
  for (Module const& m : {late_reader(100'000), movements(100'000), many_ways(40)}) {
    PassContext context;
    auto fused = run_passes(m, {.only = {"order", "fuse"}, .without = {}}, context);
    CHECK(verify(fused).empty());
    for (auto const& kernel : fused.functions[0].body.nodes)
      if (!kernel.regions.empty()) CHECK(kernel.regions[0].nodes.size() <= 1000);
  }
}

TEST_CASE("a function of a thousand arguments and results") {
  Module m;
  Function& f = m.functions.emplace_back();
  f.name = "f";
  Builder b(f);
  std::vector<Tensor> inputs;
  for (int i = 0; i < 1000; ++i) {
    ValueId x = b.argument("x" + std::to_string(i), {DType::f32, {4}}, Role::none);
    b.result("y" + std::to_string(i), b.make(OpCode::add, {x, b.constant(DType::f32, 1)}), Role::none);
    Tensor t = Tensor::zeros(DType::f32, {4});
    t.f = {1.0 * i, 2.0 * i, 3.0 * i, 0};
    inputs.push_back(t);
  }
  CHECK(print(parse_ir("wide.ir", print(m)).module) == print(m));
  auto got = props::Compiled(m).call(inputs).results;
  for (size_t i = 0; i < got.size(); ++i) CHECK(got[i].f == std::vector<f64>{1.0 * i + 1, 2.0 * i + 1, 3.0 * i + 1, 1});
}
