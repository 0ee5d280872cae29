// Where infinities and NaN come from: through every operator, and through the regions of scans and conds.
#include "ir/builder.h"
#include "ir/op.h"
#include "ir/origins.h"
#include "ir/text.h"
#include "ir/verify.h"

#include <algorithm>
#include <cmath>
#include <doctest/doctest.h>
#include <limits>
#include <random>

using namespace nnc;

namespace {

constexpr f64 inf = std::numeric_limits<f64>::infinity();
constexpr f64 no_number = std::numeric_limits<f64>::quiet_NaN();

Module parsed(std::string const& text) {
  auto p = parse_ir("t.ir", text);
  INFO(render(p.diagnostics, *p.module.sources));
  REQUIRE(p.diagnostics.empty());
  REQUIRE(verify(p.module).empty());
  return p.module;
}
Tensor floats(std::vector<i64> shape, std::vector<f64> values) {
  Tensor t = Tensor::zeros(DType::f32, std::move(shape));
  t.f = std::move(values);
  return t;
}
Tensor truth(bool value) {
  Tensor t = Tensor::zeros(DType::bool_, {});
  t.i = {value};
  return t;
}
Origins origins_in(Module const& m, std::vector<Tensor> const& inputs) {
  return find_origins(m, m.functions[0], inputs);
}
// Of the only result that is not finite.
Origin const& origin_of(Origins const& all, size_t result) {
  REQUIRE(all.of_result.at(result));
  return all.list.at(*all.of_result[result]);
}
std::string_view maker(Origin const& origin) {
  return origin.kind == Origin::Kind::node ? info(origin.node->op).name : "no node";
}

struct Use { // one use of an operator: a module of one function, and what its arguments hold
  Module module;
  std::vector<Tensor> inputs;
};

Use use_of(OpCode op, Sample const& s, std::mt19937& random) {
  Use use;
  auto& f = use.module.functions.emplace_back();
  f.name = "f";
  Builder b(f);
  std::vector<ValueId> operands;
  for (auto const& t : s.operands) {
    operands.push_back(b.argument("x" + std::to_string(operands.size()), t, Role::input));
    Tensor x = Tensor::zeros(t.dtype, extents_of(t));
    for (auto& v : x.f) v = std::uniform_real_distribution<f64>(s.low, s.high)(random);
    for (auto& v : x.i) v = std::uniform_int_distribution<i64>(s.int_low, s.int_high)(random);
    use.inputs.push_back(std::move(x));
  }
  for (auto const v : b.make_all(op, operands, s.attributes, s.stated ? &*s.stated : nullptr))
    f.results.push_back({"y" + std::to_string(f.results.size()), v, Role::output});
  return use;
}

bool all_finite(std::vector<Tensor> const& tensors) {
  return std::ranges::all_of(
      tensors, [](Tensor const& t) { return std::ranges::all_of(t.f, [](f64 x) { return std::isfinite(x); }); });
}

} // namespace

TEST_CASE("through every operator a NaN is followed to the element that it came from") {
  std::mt19937 random(1);
  int followed = 0, ended = 0;
  for (auto const op : all_ops()) {
    auto const& entry = info(op);
    if (entry.has(structural) || !entry.samples) continue;
    CAPTURE(entry.name);
    for (auto const& sample : entry.samples()) {
      auto const use = use_of(op, sample, random);
      if (!all_finite(origins_in(use.module, use.inputs).results)) continue;
      for (size_t i = 0; i < use.inputs.size(); ++i)
        for (f64 const bad : {no_number, inf})
          for (i64 const at : {i64{0}, use.inputs[i].size() / 2, use.inputs[i].size() - 1}) {
            if (use.inputs[i].f.empty()) continue;
            auto inputs = use.inputs;
            inputs[i].f[static_cast<size_t>(at)] = bad;
            auto const found = origins_in(use.module, inputs);
            for (size_t r = 0; r < found.results.size(); ++r) {
              CHECK(found.of_result[r].has_value() == !all_finite({found.results[r]}));
              ended += !found.of_result[r];
              if (!found.of_result[r]) continue;
              auto const& origin = origin_of(found, r);
              CHECK(origin.kind == Origin::Kind::argument);
              CHECK(origin.argument == i);
              CHECK(origin.element == at);
              ++followed;
            }
          }
    }
  }
  MESSAGE(followed << " followed, " << ended << " ended");
  CHECK(followed > 500);
  CHECK(ended > 50);
}

TEST_CASE("an operation that makes a NaN of finite operands is its origin, with what it has read") {
  auto const m = parsed(R"(
func @f(%a: f32[2,2], %b: f32[2,2]) -> (y: f32[2]) {
  %0 = div %a, %b : f32[2,2]
  %1 = mul %0, 0 : f32[2,2]
  %y = reduce_sum %1 {axes=[1]} : f32[2]
  return %y
})");
  auto const found = origins_in(m, {floats({2, 2}, {1, 2, 3, 4}), floats({2, 2}, {1, 2, 0, 5})});
  auto const& origin = origin_of(found, 0);
  CHECK(maker(origin) == "div");
  CHECK(origin.element == 2);
  CHECK(origin.number == inf);
  CHECK(origin.all.not_finite == 1);
  CHECK(origin.all.elements == 4);
  REQUIRE(origin.operands.size() == 2);
  CHECK(origin.operands[0].number == 3);
  CHECK(origin.operands[1].number == 0);
  CHECK(origin.operands[1].read.elements == 1);
  CHECK(origin.operands[1].all.greatest == 5);
}

TEST_CASE("what a select leaves and what an exp ends is the origin of nothing") {
  auto const m = parsed(R"(
func @f(%a: f32[2], %b: f32[2]) -> (y: f32[2], z: f32[2]) {
  %0 = log %a : f32[2]
  %1 = gt %a, 0 : bool[2]
  %y = select %1, %0, %b : f32[2]
  %2 = exp %0 : f32[2]
  %z = log %2 : f32[2]
  return %y, %z
})");
  auto const found = origins_in(m, {floats({2}, {0, 1}), floats({2}, {4, 5})});
  CHECK(!found.of_result[0]);
  auto const& origin = origin_of(found, 1); // the second logarithm, of the 0 that exp has made
  CHECK(origin.node->results == m.functions[0].body.nodes.back().results);
  auto const other = origins_in(m, {floats({2}, {0, 1}), floats({2}, {inf, 5})});
  CHECK(origin_of(other, 0).argument == 1);
}

TEST_CASE("an infinity that the program writes is meant, a NaN that is made of it is not") {
  auto const m = parsed(R"(
func @f(%p: bool[], %a: f32[2]) -> (y: f32[2], z: f32[2]) {
  %y = select %p, %a, -inf:f32 : f32[2]
  %z = sub %y, %y : f32[2]
  return %y, %z
})");
  auto const found = origins_in(m, {truth(false), floats({2}, {1, 2})});
  CHECK(origin_of(found, 0).kind == Origin::Kind::literal);
  CHECK(maker(origin_of(found, 1)) == "sub");
  CHECK(!origins_in(m, {truth(true), floats({2}, {1, 2})}).of_result[1]);
}

TEST_CASE("origins go through a scan with their round, and through the side of a cond that was chosen") {
  auto const text = [](std::string const& more) {
    return R"(
func @f(%x: f32[3,2], %p: bool[]) -> (last: f32[], all: f32[3], side: f32[3]) {
  %last, %all = scan %x, 0:f32 {carries=1, length=3)" +
           more + R"(} : f32[], f32[3] (%e: f32[2], %c: f32[]) {
    %0 = log %e : f32[2]
    %1 = reduce_sum %0 {axes=[0]} : f32[]
    %2 = add %1, %c : f32[]
    -> %2, %1
  }
  %side = cond %p, %all : f32[3] {
    -> %all
  } {
    %3 = mul %all, 0 : f32[3]
    -> %3
  }
  return %last, %all, %side
})";
  };
  for (bool const reverse : {false, true}) {
    auto const m = parsed(text(reverse ? ", reverse=true" : ""));
    auto const found = origins_in(m, {floats({3, 2}, {1, 1, 1, 0, 1, 1}), truth(true)});
    for (size_t r = 0; r < 3; ++r) {
      auto const& origin = origin_of(found, r);
      CHECK(maker(origin) == "log");
      CHECK(origin.element == 1);
      REQUIRE(origin.rounds.size() == 1);
      CHECK(origin.rounds[0].at == 1);
      CHECK(origin.rounds[0].of == 3);
      CHECK(origin.rounds[0].reverse == reverse);
    }
    // The elements of the stack keep their own: with a NaN in the data the first round is no longer fine.
    auto const two = origins_in(m, {floats({3, 2}, {no_number, 1, 1, 0, 1, 1}), truth(false)});
    auto const& origin = origin_of(two, 1);
    CHECK(origin.kind == Origin::Kind::argument);
    CHECK(origin.element == 0);
    CHECK(origin_of(two, 2).kind == Origin::Kind::argument);
  }
}

TEST_CASE("between the nodes somebody may end it, and the largest number is known") {
  auto const m = parsed(R"(
func @f(%a: f32[2]) -> (y: f32[2]) {
  %0 = mul %a, %a : f32[2]
  %y = div %0, 1e30 : f32[2]
  return %y
})");
  int calls = 0;
  auto const found = find_origins(m, m.functions[0], {floats({2}, {1, 1e19})}, [&] { ++calls; });
  CHECK(calls == 2);
  CHECK(found.list.empty());
  CHECK(info(found.largest.node->op).name == "mul");
  CHECK(found.largest.number > 9e37);
  CHECK_THROWS_AS((void)find_origins(m, m.functions[0], {floats({2}, {1, 2})}, [] { throw Error("enough"); }), Error);
}
