// The evaluator: special values, rounding, counters, symbols, planned slots, numerical gradients.
#include "ir/evaluate.h"
#include "ir/text.h"
#include "ir/verify.h"

#include <cmath>
#include <doctest/doctest.h>
#include <limits>

using namespace nnc;

namespace {

constexpr f64 inf = std::numeric_limits<f64>::infinity();
constexpr f64 no_number = std::numeric_limits<f64>::quiet_NaN();

Module read(std::string const& text) {
  auto p = parse_ir("t.ir", text);
  INFO(render(p.diagnostics, *p.module.sources));
  REQUIRE(p.diagnostics.empty());
  return p.module;
}
Module parsed(std::string const& text) {
  Module m = read(text);
  REQUIRE(verify(m).empty());
  return m;
}
Tensor floats(std::vector<i64> shape, std::vector<f64> values, DType d = DType::f32) {
  Tensor t = Tensor::zeros(d, std::move(shape));
  t.f = std::move(values);
  return t;
}
Tensor ints(std::vector<i64> shape, std::vector<i64> values, DType d = DType::i32) {
  Tensor t = Tensor::zeros(d, std::move(shape));
  t.i = std::move(values);
  return t;
}
// One operator on vectors: "max %a, %b".
Tensor run(std::string const& head, std::string const& expression, std::string const& type,
           std::vector<Tensor> const& inputs, Evaluation const& how = {}) {
  Module m = parsed("func @f(" + head + ") -> (y: " + type + ") {\n  %y = " + expression + " : " + type +
                    "\n  return %y\n}\n");
  return evaluate(m, m.functions[0], inputs, how).at(0);
}
bool same(f64 a, f64 b) { return (std::isnan(a) && std::isnan(b)) || (a == b && std::signbit(a) == std::signbit(b)); }
void check_same(std::vector<f64> const& a, std::vector<f64> const& b) {
  REQUIRE(a.size() == b.size());
  for (size_t i = 0; i < a.size(); ++i) {
    INFO("element " << i << ": " << a[i] << ", expected " << b[i]);
    CHECK(same(a[i], b[i]));
  }
}

} // namespace

TEST_CASE("NaN and signed zeros") {
  auto a = floats({6}, {no_number, 1, 0.0, -0.0, no_number, inf}),
       b = floats({6}, {1, no_number, -0.0, 0.0, no_number, -inf});
  std::string two = "%a: f32[6], %b: f32[6]";
  check_same(run(two, "max %a, %b", "f32[6]", {a, b}).f, {no_number, no_number, -0.0, 0.0, no_number, inf});
  check_same(run(two, "min %a, %b", "f32[6]", {a, b}).f, {no_number, no_number, -0.0, 0.0, no_number, -inf});
  check_same(run("%a: f32[6]", "sign %a", "f32[6]", {a}).f, {no_number, 1, 0.0, -0.0, no_number, 1});
  check_same(run("%a: f32[6]", "neg %a", "f32[6]", {a}).f, {no_number, -1, -0.0, 0.0, no_number, -inf});
  CHECK(run(two, "eq %a, %b", "bool[6]", {a, b}).i == std::vector<i64>{0, 0, 1, 1, 0, 0});
  CHECK(run(two, "ne %a, %b", "bool[6]", {a, b}).i == std::vector<i64>{1, 1, 0, 0, 1, 1});
  CHECK(run(two, "le %a, %b", "bool[6]", {a, b}).i == std::vector<i64>{0, 0, 1, 1, 0, 0});
}

TEST_CASE("round goes to the even neighbour") {
  auto x = floats({6}, {0.5, 1.5, 2.5, -0.5, -1.5, 8388609});
  check_same(run("%a: f32[6]", "round %a", "f32[6]", {x}).f, {0.0, 2, 2, -0.0, -2, 8388609});
  check_same(run("%a: f32[6]", "floor %a", "f32[6]", {x}).f, {0.0, 1, 2, -1, -2, 8388609});
}

TEST_CASE("integers wrap, and divide downwards") {
  auto a = ints({5}, {7, -7, 7, -7, 5}), b = ints({5}, {2, 2, -2, -2, 0});
  i64 zeros = 0;
  Evaluation how{.zero_divided = &zeros};
  std::string two = "%a: i32[5], %b: i32[5]";
  CHECK(run(two, "floor_div %a, %b", "i32[5]", {a, b}, how).i == std::vector<i64>{3, -4, -4, 3, 0});
  CHECK(run(two, "mod %a, %b", "i32[5]", {a, b}, how).i == std::vector<i64>{1, 1, -1, -1, 0});
  CHECK(zeros == 2);
  auto low = ints({1}, {INT32_MIN});
  CHECK(run("%a: i32[1]", "neg %a", "i32[1]", {low}).i[0] == INT32_MIN);
  CHECK(run("%a: i32[1]", "abs %a", "i32[1]", {low}).i[0] == INT32_MIN);
  CHECK(run("%a: i32[1]", "floor_div %a, -1", "i32[1]", {low}).i[0] == INT32_MIN);
  CHECK(run("%a: i32[1]", "sub %a, 1", "i32[1]", {low}).i[0] == INT32_MAX);
  auto byte = ints({1}, {200}, DType::u8);
  CHECK(run("%a: u8[1]", "add %a, %a", "u8[1]", {byte}).i[0] == 144);
  auto wide = ints({1}, {INT64_MIN}, DType::i64);
  CHECK(run("%a: i64[1]", "floor_div %a, -1", "i64[1]", {wide}).i[0] == INT64_MIN);
  CHECK(run("%a: i64[1]", "mul %a, %a", "i64[1]", {wide}).i[0] == 0);
}

TEST_CASE("converting truncates, saturates and wraps") {
  auto x = floats({7}, {1.9, -1.9, 300, -5, no_number, inf, -inf});
  CHECK(run("%a: f32[7]", "convert %a", "u8[7]", {x}).i == std::vector<i64>{1, 0, 255, 0, 0, 255, 0});
  CHECK(run("%a: f32[7]", "convert %a", "i32[7]", {x}).i == std::vector<i64>{1, -1, 300, -5, 0, INT32_MAX, INT32_MIN});
  CHECK(run("%a: f32[7]", "convert %a", "i64[7]", {x}).i == std::vector<i64>{1, -1, 300, -5, 0, INT64_MAX, INT64_MIN});
  CHECK(run("%a: f32[7]", "convert %a", "bool[7]", {x}).i == std::vector<i64>{1, 1, 1, 1, 1, 1, 1});
  CHECK(run("%a: i32[2]", "convert %a", "u8[2]", {ints({2}, {300, -1})}).i == std::vector<i64>{44, 255});
  CHECK(run("%a: i32[2]", "convert %a", "bool[2]", {ints({2}, {300, 0})}).i == std::vector<i64>{1, 0});
  CHECK(run("%a: i64[1]", "convert %a", "f32[1]", {ints({1}, {16777217}, DType::i64)}).f[0] == 16777216);
}

TEST_CASE("each float node rounds once; exact mode does not") {
  auto x = floats({1}, {1});
  CHECK(run("%a: f32[1]", "div %a, 3", "f32[1]", {x}).f[0] == f64{1.0F / 3.0F});
  CHECK(run("%a: f32[1]", "div %a, 3", "f32[1]", {x}, {.exact = true}).f[0] == 1.0 / 3.0);
  CHECK(round_to(DType::bf16, 1.00390625) == 1); // halfway, to even
  CHECK(round_to(DType::bf16, 3.4e38) == inf);
  CHECK(round_to(DType::f16, 65519) == 65504);
  CHECK(round_to(DType::f16, 65520) == inf);
  CHECK(round_to(DType::f16, std::ldexp(1.0, -24)) == std::ldexp(1.0, -24));
  CHECK(round_to(DType::f16, std::ldexp(1.0, -26)) == 0);
}

TEST_CASE("subnormals are flushed unless they are asked for") {
  auto x = floats({2}, {1e-30, -1e-30});
  check_same(run("%a: f32[2]", "mul %a, 1e-10", "f32[2]", {x}).f, {0.0, -0.0});
  CHECK(run("%a: f32[2]", "mul %a, 1e-10", "f32[2]", {x}, {.subnormals = true}).f[0] > 0);
}

TEST_CASE("reductions over nothing, and the first of equals") {
  auto none = floats({2, 0}, {});
  check_same(run("%a: f32[2,0]", "reduce_sum %a {axes=[1]}", "f32[2]", {none}).f, {0, 0});
  check_same(run("%a: f32[2,0]", "reduce_prod %a {axes=[1]}", "f32[2]", {none}).f, {1, 1});
  check_same(run("%a: f32[2,0]", "reduce_max %a {axes=[1]}", "f32[2]", {none}).f, {-inf, -inf});
  CHECK(run("%a: u8[1,0]", "reduce_max %a {axes=[1]}", "u8[1]", {ints({1, 0}, {}, DType::u8)}).i[0] == 0);
  CHECK(run("%a: i32[1,0]", "reduce_min %a {axes=[1]}", "i32[1]", {ints({1, 0}, {})}).i[0] == INT32_MAX);
  auto x = floats({3, 4}, {1, 3, 3, 2, 0, no_number, 5, no_number, -1, -2, -2, -1});
  CHECK(run("%a: f32[3,4]", "argmax %a {axis=1}", "i32[3]", {x}).i == std::vector<i64>{1, 1, 0});
  CHECK(run("%a: f32[3,4]", "argmin %a {axis=1}", "i32[3]", {x}).i == std::vector<i64>{0, 1, 1});
  check_same(run("%a: f32[3,4]", "reduce_max %a {axes=[1]}", "f32[3]", {x}).f, {3, no_number, -1});
}

TEST_CASE("indices are clamped, and the clamped ones counted") {
  i64 clamped = 0;
  Evaluation how{.clamped = &clamped};
  auto table = floats({3}, {10, 20, 30});
  auto at = ints({5}, {0, 2, 3, -1, 1});
  check_same(run("%t: f32[3], %i: i32[5]", "gather %t, %i {axis=0}", "f32[5]", {table, at}, how).f,
             {10, 30, 30, 10, 20});
  CHECK(clamped == 2);
  auto ones = floats({5}, {1, 1, 1, 1, 1});
  check_same(
      run("%t: f32[3], %i: i32[5], %u: f32[5]", "scatter_add %t, %i, %u {axis=0}", "f32[3]", {table, at, ones}, how).f,
      {12, 21, 32});
  CHECK(clamped == 4);
}

TEST_CASE("random bits are a function of seed, step, path and element") {
  auto seed = ints({}, {7}, DType::i64), step = ints({}, {3}, DType::i64);
  std::string head = "%s: i64[] seed, %t: i64[] step";
  auto bits = [&](std::string const& path, std::string const& type, Tensor const& t) {
    return run(head, "random_bits %s, %t {path=\"" + path + "\"}", type, {seed, t}).i;
  };
  auto all = bits("a", "i32[200]", step);
  CHECK(bits("a", "i32[200]", step) == all);
  CHECK(bits("a", "i32[2,100]", step) == all);
  CHECK(bits("b", "i32[200]", step) != all);
  CHECK(bits("a", "i32[200]", ints({}, {4}, DType::i64)) != all);
  auto fewer = bits("a", "i32[70]", step); // a smaller last batch draws the same for the rows that it has
  CHECK(std::equal(fewer.begin(), fewer.end(), all.begin()));
}

TEST_CASE("symbols follow from the inputs, and inputs that do not fit are refused") {
  Module m = parsed("func @f(%x: f32[batch,2], %r: i32[batch] rows) -> (y: f32[2*batch]) {\n"
                    "  %y = reshape %x : f32[2*batch]\n  return %y\n}\n");
  auto const& f = m.functions[0];
  CHECK(evaluate(m, f, {floats({3, 2}, {1, 2, 3, 4, 5, 6}), ints({3}, {0, 0, 0})})[0].shape == std::vector<i64>{6});
  CHECK_THROWS_AS((void)evaluate(m, f, {floats({3, 2}, {1, 2, 3, 4, 5, 6}), ints({4}, {0, 0, 0, 0})}), Error);
  CHECK_THROWS_AS((void)evaluate(m, f, {floats({3, 2}, {1, 2, 3, 4, 5, 6})}), Error);
  CHECK_THROWS_AS((void)evaluate(m, f, {floats({6}, {1, 2, 3, 4, 5, 6}), ints({3}, {0, 0, 0})}), Error);
}

TEST_CASE("calls and kernels run what they hold") {
  Module m = parsed(R"(func @twice(%p: f32[2]) -> (p: f32[2]) {
  %q = add %p, %p : f32[2]
  return %q
}

func @kernel(%a: f32[2]) -> (b: f32[2]) {
  %b = kernel %a {kind="pointwise"} {
    %c = mul %a, 3 : f32[2]
    %b = add %c, 1 : f32[2]
  }
  return %b
}

func @f(%x: f32[2]) -> (y: f32[2]) {
  %a = call %x {callee="twice"} : f32[2]
  %b = call %a {callee="kernel"} : f32[2]
  return %b
}
)");
  check_same(evaluate(m, m.functions[2], {floats({2}, {1, 2})})[0].f, {7, 13});
}

// ---- planned slots
// -----------------------------------------------------------------------------------------------------

namespace {
std::string planned(std::string const& place_of_b) {
  return R"(func @f(%x: f32[2], %p: f32[2] param) -> (y: f32[2], p: f32[2] param) {slots=[8, 8]} {
  %a = kernel %x {kind="pointwise", parallel=false, places=[slot(0)]} {
    %a = add %x, 1 : f32[2]
  }
  %b = kernel %a {kind="pointwise", parallel=false, places=[)" +
         place_of_b + R"(]} {
    %b = mul %a, 2 : f32[2]
  }
  %c = kernel %a, %b, %p {kind="pointwise", parallel=false, places=[result(0)]} {
    %s = add %a, %b : f32[2]
    %c = add %s, %p : f32[2]
  }
  %q = kernel %p {kind="pointwise", parallel=false, places=[argument(1)]} {
    %q = neg %p : f32[2]
  }
  return %c, %q
}
)";
}
std::vector<f64> result_of_plan(std::string const& text, bool right = false) {
  Module m = read(text);
  CHECK(verify(m).empty() == right);
  return evaluate(m, m.functions[0], {floats({2}, {1, 2}), floats({2}, {10, 20})}, {.in_slots = true})[0].f;
}
} // namespace

TEST_CASE("a right plan changes nothing, a wrong one shows") {
  check_same(result_of_plan(planned("slot(1)"), true), {16, 29});
  check_same(result_of_plan(planned("slot(0)")), {no_number, no_number});     // %a is still read later
  check_same(result_of_plan(planned("argument(1)")), {no_number, no_number}); // so is %p
  Module small = parsed(planned("slot(1)"));
  small.functions[0].slots[1] = 4;
  CHECK_THROWS_AS(
      (void)evaluate(small, small.functions[0], {floats({2}, {1, 2}), floats({2}, {10, 20})}, {.in_slots = true}),
      CompilerBug);
}

TEST_CASE("a contraction must not overwrite what it packs") {
  std::string text = R"(func @f(%x: f32[2,2], %w: f32[2,2] param) -> (w: f32[2,2] param) {
  %v = kernel %x, %w {kind="contract", places=[argument(1)]} {
    %d = dot %x, WHICH {contract_lhs=[1], contract_rhs=[0]} : f32[2,2]
    %v = sub %w, %d : f32[2,2]
  }
  return %v
}
)";
  auto with = [&](std::string const& which) {
    std::string t = text;
    t.replace(t.find("WHICH"), 5, which);
    Module m = read(t);
    CHECK(verify(m).empty() == (which == "%x"));
    auto x = floats({2, 2}, {1, 0, 0, 1});
    return evaluate(m, m.functions[0], {x, floats({2, 2}, {1, 2, 3, 4})}, {.in_slots = true})[0].f;
  };
  check_same(with("%x"), {0, 2, 3, 3});
  check_same(with("%w"), {no_number, no_number, no_number, no_number});
}

// ---- grad
// --------------------------------------------------------------------------------------------------------------

namespace {
void near(std::vector<f64> const& a, std::vector<f64> const& b, f64 tolerance) {
  REQUIRE(a.size() == b.size());
  for (size_t i = 0; i < a.size(); ++i) CHECK(std::abs(a[i] - b[i]) <= tolerance);
}
} // namespace

TEST_CASE("grad is measured by differences, by any value, and may be nested") {
  Module m = parsed(R"(func @f(%x: f32[3]) -> (d: f32[3], e: f32[3], dd: f32[3]) {
  %c = mul %x, %x : f32[3]
  %t = mul %c, %x : f32[3]
  %y = reduce_sum %t {axes=[0]} : f32[]
  %d, %e = grad %y, %x, %c : f32[3], f32[3]
  %s = reduce_sum %d {axes=[0]} : f32[]
  %dd = grad %s, %x : f32[3]
  return %d, %e, %dd
}
)");
  auto r = evaluate(m, m.functions[0], {floats({3}, {1, 2, -3})});
  near(r[0].f, {3, 12, 27}, 1e-5);  // 3 x^2
  near(r[1].f, {1, 2, -3}, 1e-5);   // c x by c
  near(r[2].f, {6, 12, -18}, 1e-3); // 6 x; a difference of differences
}

TEST_CASE("what has no derivative stays fixed while x moves") {
  Module m = parsed(R"(func @f(%x: f32[2]) -> (d: f32[2]) {
  %a = stop_gradient %x : f32[2]
  %b = mul %a, %x : f32[2]
  %r = round %x : f32[2]
  %c = add %b, %r : f32[2]
  %y = reduce_sum %c {axes=[0]} : f32[]
  %d = grad %y, %x : f32[2]
  return %d
}
)");
  near(evaluate(m, m.functions[0], {floats({2}, {0.5, 3})})[0].f, {0.5, 3}, 1e-5);
}

TEST_CASE("a long gradient is measured along one direction") {
  Module m = parsed(R"(func @f(%x: f32[400]) -> (d: f32[400]) {
  %c = mul %x, %x : f32[400]
  %y = reduce_sum %c {axes=[0]} : f32[]
  %d = grad %y, %x : f32[400]
  return %d
}
)");
  Tensor x = Tensor::zeros(DType::f32, {400});
  for (size_t i = 0; i < 400; ++i) x.f[i] = f64{0.25} * static_cast<f64>(i % 7);
  auto d = evaluate(m, m.functions[0], {x}, {.seed = 5})[0].f;
  auto direction = gradient_direction(5, 400);
  f64 slope = 0, length = 0;
  for (size_t i = 0; i < 400; ++i) {
    slope += 2 * x.f[i] * direction[i];
    length += direction[i] * direction[i];
  }
  CHECK(std::abs(length - 1) < 1e-12);
  for (size_t i = 0; i < 400; ++i) CHECK(std::abs(d[i] - slope * direction[i]) < 1e-5);
}

TEST_CASE("of a cond the side that is chosen is computed, and nothing else") {
  Module const m = parsed(R"(
func @f(%p: bool[], %a: i32[2], %b: i32[2]) -> (y: i32[2], n: i32[]) {
  %y, %n = cond %p, %a, %b : i32[2], i32[] {
    %0 = floor_div %a, %b : i32[2]
    %1 = reduce_sum %0 {axes=[0]} : i32[]
    -> %0, %1
  } {
    -> %b, 7:i32
  }
  return %y, %n
})");
  i64 zeros = 0;
  Evaluation const how{.zero_divided = &zeros};
  auto run_with = [&](bool p) {
    return evaluate(m, m.functions[0], {ints({}, {p}, DType::bool_), ints({2}, {8, 9}), ints({2}, {0, 2})}, how);
  };
  auto const second = run_with(false);
  CHECK(second[0].i == std::vector<i64>{0, 2});
  CHECK(second[1].i == std::vector<i64>{7});
  CHECK(zeros == 0);
  auto const first = run_with(true);
  CHECK(first[0].i == std::vector<i64>{0, 4});
  CHECK(first[1].i == std::vector<i64>{4});
  CHECK(zeros == 1);
}

TEST_CASE("a scan takes elements in its direction and stacks at their places") {
  auto text = [](std::string const& more) {
    return R"(
func @f(%x: i32[3,2], %w: i32[2]) -> (h: i32[2], n: i32[], y: i32[3,2]) {
  %h, %n, %y = scan %x, %w, 0:i32, %w {carries=2, length=3)" +
           more + R"(} : i32[2], i32[], i32[3,2] (%e: i32[2], %c: i32[2], %k: i32[]) {
    %0 = add %c, %c : i32[2]
    %1 = add %0, %e : i32[2]
    %2 = add %1, %w : i32[2]
    %3 = add %k, 1 : i32[]
    -> %2, %3, %c
  }
  return %h, %n, %y
})";
  };
  Module const forwards = parsed(text("")), backwards = parsed(text(", reverse=true"));
  auto run = [&](Module const& m) {
    return evaluate(m, m.functions[0], {ints({3, 2}, {1, 2, 3, 4, 5, 6}), ints({2}, {10, 20})});
  };
  auto const there = run(forwards), back = run(backwards);
  CHECK(there[2].i == std::vector<i64>{10, 20, 31, 62, 75, 148});
  CHECK(there[0].i == std::vector<i64>{165, 322});
  CHECK(there[1].i == std::vector<i64>{3});
  CHECK(back[2].i == std::vector<i64>{83, 156, 35, 66, 10, 20});
  CHECK(back[0].i == std::vector<i64>{177, 334});
}
