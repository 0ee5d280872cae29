// Rank 0, extents of 0 and 1, many axes, extents beyond any memory: defined, and the same in the evaluator and in
// compiled code.
#include "ir/evaluate.h"
#include "ir/text.h"
#include "ir/verify.h"
#include "tests/props/compiled.h"
#include "tests/props/samples.h"

#include <doctest/doctest.h>

using namespace nnc;

namespace {

Module parsed(std::string const& text) {
  auto p = parse_ir("t.ir", text);
  INFO(render(p.diagnostics, *p.module.sources));
  REQUIRE(p.diagnostics.empty());
  REQUIRE(verify(p.module).empty());
  return p.module;
}

// Compiled and evaluated on drawn inputs: equal elements, for programs whose every node is exact.
void agrees(std::string const& text) {
  INFO(text);
  Module m = parsed(text);
  Function const& f = m.functions.front();
  props::Draw draw(3);
  std::vector<Tensor> inputs;
  for (auto const& a : f.arguments) inputs.push_back(props::draw_tensor(draw, f.type(a.value), -2, 2, 0, 3));
  auto want = evaluate(m, f, inputs);
  auto got = props::Compiled(m).call(inputs).results;
  for (size_t r = 0; r < want.size(); ++r) {
    CHECK(got[r].shape == want[r].shape);
    CHECK(got[r].f == want[r].f);
    CHECK(got[r].i == want[r].i);
  }
}

std::string first_error(std::string const& text) {
  auto p = parse_ir("t.ir", text);
  return p.diagnostics.empty() ? "" : p.diagnostics.front().message;
}

} // namespace

TEST_CASE("scalars alone") {
  agrees("func @f(%x: f32[], %i: i32[]) -> (y: f32[], j: i32[], k: f32[]) {\n  %0 = mul %x, %x : f32[]\n  %1 = add %i, "
         "1 : i32[]\n"
         "  %2 = convert %1 : f32[]\n  %3 = sub %2, %0 : f32[]\n  return %0, %1, %3\n}\n");
}

TEST_CASE("a result that is an argument, a literal, or another result") {
  agrees("func @f(%x: f32[3], %s: f32[]) -> (a: f32[3], b: f32[3], c: f32[], d: f32[]) {\n  return %x, %x, %s, "
         "2.5:f32\n}\n");
}

TEST_CASE("nothing to compute with") {
  agrees("func @f(%x: f32[0]) -> (y: f32[0], s: f32[], m: f32[]) {\n  %0 = add %x, 1 : f32[0]\n  %1 = reduce_sum %x "
         "{axes=[0]} : f32[]\n"
         "  %2 = reduce_max %x {axes=[0]} : f32[]\n  return %0, %1, %2\n}\n");
  agrees("func @f(%x: f32[3,0], %w: f32[0,2]) -> (y: f32[3,2]) {\n  %0 = dot %x, %w {contract_lhs=[1], "
         "contract_rhs=[0]} : f32[3,2]\n"
         "  %1 = add %0, 1 : f32[3,2]\n  return %1\n}\n");
  agrees("func @f(%x: f32[0,4], %w: f32[4,2]) -> (y: f32[0,2]) {\n  %0 = dot %x, %w {contract_lhs=[1], "
         "contract_rhs=[0]} : f32[0,2]\n"
         "  return %0\n}\n");
  agrees("func @f() -> (y: f32[2,2]) {\n  %0 = broadcast 3 {axes=[]} : f32[2,2]\n  return %0\n}\n");
}

TEST_CASE("extents of one") {
  agrees("func @f(%x: f32[1,1], %w: f32[1,1]) -> (y: f32[1,1], s: f32[1], t: f32[]) {\n"
         "  %0 = dot %x, %w {contract_lhs=[1], contract_rhs=[0]} : f32[1,1]\n  %1 = reduce_sum %0 {axes=[1]} : f32[1]\n"
         "  %2 = reshape %1 : f32[]\n  return %0, %1, %2\n}\n");
}

TEST_CASE("many axes") {
  agrees("func @f(%x: f32[2,1,3,1,2,2,1,2]) -> (y: f32[2,1,2,2,1,3,1,2], s: f32[1,1,2,2]) {\n"
         "  %0 = transpose %x {permutation=[7, 6, 5, 4, 3, 2, 1, 0]} : f32[2,1,2,2,1,3,1,2]\n"
         "  %1 = reduce_max %x {axes=[0, 2, 4, 6]} : f32[1,1,2,2]\n  return %0, %1\n}\n");
}

TEST_CASE("extents beyond any memory are types like others, and overflow is an error with its place") {
  Module m = parsed("func @f(%x: f32[1099511627776]) -> (y: f32[1099511627776]) {\n  %0 = add %x, 1 : "
                    "f32[1099511627776]\n  return %0\n}\n");
  CHECK_FALSE(print(m).empty());
  CHECK(first_error(
            "func @f(%x: f32[4611686018427387904,4]) -> (y: f32[1]) {\n  %0 = reshape %x : f32[1]\n  return %0\n}\n") ==
        "f32[4611686018427387904,4] is too large: its bytes are more than 63 bits can count");
  CHECK(first_error("func @f(%x: f32[99999999999999999999]) -> (x: f32[1]) {\n  return %x\n}\n") != "");
}

TEST_CASE("a negative extent is refused") {
  CHECK(first_error("func @f(%x: f32[-3]) -> (x: f32[-3]) {\n  return %x\n}\n") != "");
}

TEST_CASE("a name of ten thousand characters, and a line of a million") {
  std::string name(10000, 'n');
  Module m = parsed("func @f(%" + name + ": f32[2]) -> (y: f32[2]) {\n  return %" + name + "\n}\n");
  CHECK(print(parse_ir("n.ir", print(m)).module) == print(m));
  CHECK(first_error("func @f(" + std::string(1000000, '(') + "\n") != "");
}
