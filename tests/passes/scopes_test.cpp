// Derivatives through scopes: what `differentiate` makes of them against the differences that the evaluator takes, in
// f64 without rounding, whichever side is chosen.
#include "ir/bind.h"
#include "ir/evaluate.h"
#include "ir/text.h"
#include "ir/verify.h"
#include "ir/walk.h"
#include "passes/pass.h"

#include <algorithm>
#include <cmath>
#include <doctest/doctest.h>

using namespace nnc;

namespace {

struct Program {
  char const* what;
  char const* text; // @f(%p, %q, %x, %w)
  char const* y = "%y";
  bool twice = true; // differences can say what the second derivative is
};

constexpr Program programs[] = {
    {"a side that gives what is around it", R"(
  %y = cond %p, %x, %w : f32[3] {
    %0 = tanh %x : f32[3]
    %1 = mul %0, %w : f32[3]
    -> %1
  } {
    -> %x
  })"},
    {"several results, one of them a literal", R"(
  %a, %b = cond %p, %x, %w : f32[3], f32[] {
    %0 = exp %x : f32[3]
    %1 = mul %0, %0 : f32[3]
    %2 = reduce_sum %w {axes=[0]} : f32[]
    -> %1, %2
  } {
    %3 = mul %x, %w : f32[3]
    -> %3, 2:f32
  }
  %y = mul %a, %b : f32[3])"},
    {"a result that two values follow from", R"(
  %a = cond %p, %x : f32[3] {
    %0 = sin %x : f32[3]
    -> %0
  } {
    -> %x
  }
  %b = mul %a, %a : f32[3]
  %y = add %b, %w : f32[3])"},
    {"a cond in a cond, of what is computed around it", R"(
  %h = mul %x, %w : f32[3]
  %y = cond %p, %h, %q, %x : f32[3] {
    %0 = tanh %h : f32[3]
    %1 = cond %q, %0, %x : f32[3] {
      %2 = mul %0, %x : f32[3]
      -> %2
    } {
      %3 = exp %0 : f32[3]
      -> %3
    }
    %4 = mul %1, %1 : f32[3]
    -> %4
  } {
    %5 = cos %x : f32[3]
    -> %5
  })"},
    {"what is held fixed in a side", R"(
  %y = cond %p, %x, %w : f32[3] {
    %0 = stop_gradient %x : f32[3]
    %1 = round %w : f32[3]
    %2 = mul %0, %x : f32[3]
    %3 = mul %2, %1 : f32[3]
    -> %3
  } {
    %4 = stop_gradient %x : f32[3]
    -> %4
  })"},
    {"a derivative of its own in a side", R"(
  %y = cond %p, %x, %w : f32[3] {
    %0 = exp %x : f32[3]
    %1 = with_gradient %0, %x, %0 {derivative="gradient.own", variables=1} : f32[3]
    %2 = mul %1, %w : f32[3]
    -> %2
  } {
    -> %w
  })",
     "%y", false},
    {"a scan of a sequence, a carry and a value from outside", R"(
  %xs = broadcast %x {axes=[1]} : f32[4,3]
  %i = iota {axis=0} : f32[4,3]
  %seq = mul %xs, %i : f32[4,3]
  %y, %ys = scan %seq, %x, %w {carries=1, length=4} : f32[3], f32[4,3] (%e: f32[3], %c: f32[3]) {
    %0 = mul %c, %w : f32[3]
    %1 = add %0, %e : f32[3]
    %2 = tanh %1 : f32[3]
    %3 = mul %2, %e : f32[3]
    -> %2, %3
  }
  %r = reduce_sum %ys {axes=[0]} : f32[3]
  %y2 = add %y, %r : f32[3])",
     "%y2"},
    {"a scan in reverse, with products and broadcasts of what is outside", R"(
  %xs = broadcast %x {axes=[1]} : f32[2,3]
  %ws = broadcast %w {axes=[0]} : f32[3,2]
  %i = iota {axis=0} : f32[4,2,3]
  %xx = broadcast %xs {axes=[1, 2]} : f32[4,2,3]
  %seq = mul %xx, %i : f32[4,2,3]
  %h0 = broadcast 0 {axes=[]} : f32[2,3]
  %h, %n = scan %seq, %h0, 0:i32, %ws, %x {carries=2, length=4, reverse=true} : f32[2,3], i32[] (%e: f32[2,3], %c: f32[2,3], %k: i32[]) {
    %0 = dot %e, %ws {contract_lhs=[1], contract_rhs=[0]} : f32[2,2]
    %1 = dot %0, %c {contract_lhs=[1], contract_rhs=[0]} : f32[2,3]
    %2 = broadcast %x {axes=[1]} : f32[2,3]
    %3 = add %1, %2 : f32[2,3]
    %4 = mul %3, 0.125 : f32[2,3]
    %5 = sin %4 : f32[2,3]
    %6 = add %k, 1 : i32[]
    -> %5, %6
  }
  %y2 = reduce_sum %h {axes=[0]} : f32[3])",
     "%y2"},
    {"carries that change places, given as they are", R"(
  %a, %b, %as, %ws = scan %x, %w, %w {carries=2, length=3} : f32[3], f32[3], f32[3,3], f32[3,3] (%c: f32[3], %d: f32[3]) {
    %0 = mul %c, %d : f32[3]
    -> %d, %0, %c, %w
  }
  %p0 = mul %as, %ws : f32[3,3]
  %p1 = reduce_sum %p0 {axes=[0]} : f32[3]
  %p2 = mul %a, %b : f32[3]
  %y2 = add %p1, %p2 : f32[3])",
     "%y2"},
    {"a scan in a scan, a cond in it, and a derivative", R"(
  %y2, %z = scan %x, %w, %w, %p {carries=2, length=3} : f32[3], f32[3] (%c: f32[3], %d: f32[3]) {
    %e, %es = scan %c, %d, %w {carries=1, length=2} : f32[3], f32[2,3] (%f: f32[3]) {
      %0 = mul %f, %d : f32[3]
      %1 = add %0, %w : f32[3]
      %2 = tanh %1 : f32[3]
      -> %2, %1
    }
    %3 = reduce_sum %es {axes=[0]} : f32[3]
    %4 = cond %p, %3, %c : f32[3] {
      %5 = mul %3, %3 : f32[3]
      -> %5
    } {
      -> %c
    }
    %6 = mul %4, %4 : f32[3]
    %7 = reduce_sum %6 {axes=[0]} : f32[]
    %8 = grad %7, %c : f32[3]
    %9 = mul %8, 0.0009765625 : f32[3]
    %10 = sin %9 : f32[3]
    -> %e, %10
  })",
     "%y2", false},
    {"a derivative that is taken in a side", R"(
  %h = mul %x, %w : f32[3]
  %y = cond %p, %h, %x : f32[3] {
    %0 = mul %h, %h : f32[3]
    %1 = reduce_sum %0 {axes=[0]} : f32[]
    %2 = grad %1, %x : f32[3]
    -> %2
  } {
    -> %h
  })"},
};

Module module_of(Program const& program, bool second) {
  std::string text = "func @f(%p: bool[], %q: bool[], %x: f32[3], %w: f32[3]) -> (y: f32[3], dx: f32[3], dw: f32[3]) {";
  text += program.text;
  text += "\n  %s = reduce_sum " + std::string(program.y) +
          " {axes=[0]} : f32[]\n  %dx, %dw = grad %s, %x, %w : f32[3], f32[3]\n";
  if (!second) text += "  return " + std::string(program.y) + ", %dx, %dw\n}\n";
  else
    text += "  %sum = add %dx, %dw : f32[3]\n  %t = reduce_sum %sum {axes=[0]} : f32[]\n"
            "  %ddx, %ddw = grad %t, %x, %w : f32[3], f32[3]\n  return %dx, %ddx, %ddw\n}\n";
  text += R"(
func @gradient.own(%dy: f32[3], %y: f32[3]) -> (dx: f32[3]) {
  %0 = mul %dy, %y : f32[3]
  %1 = mul %0, 0.5 : f32[3]
  return %1
})";
  auto p = parse_ir("t.ir", text);
  INFO(render(p.diagnostics, *p.module.sources));
  REQUIRE(p.diagnostics.empty());
  return std::move(p.module);
}

std::vector<Tensor> inputs(bool p, bool q) {
  std::vector<Tensor> all{Tensor::zeros(DType::bool_, {}), Tensor::zeros(DType::bool_, {}),
                          Tensor::zeros(DType::f32, {3}), Tensor::zeros(DType::f32, {3})};
  all[0].i[0] = p;
  all[1].i[0] = q;
  all[2].f = {0.5, -0.75, 0.25};
  all[3].f = {1.25, 0.625, -1.375};
  return all;
}

void check_derivatives(Program const& program, bool second, f64 tolerance) {
  INFO(program.what << (second ? ", second derivative" : ""));
  Module const before = module_of(program, second);
  REQUIRE(verify(before).empty());
  PassContext context;
  Module const after = pass_named("differentiate")->run(before, context).module;
  REQUIRE(verify(after).empty());
  Evaluation const how{.exact = true};
  for (bool p : {false, true})
    for (bool q : {false, true}) {
      INFO("p is " << p << ", q is " << q);
      auto const expected = evaluate(before, before.functions[0], inputs(p, q), how);
      auto const found = evaluate(after, after.functions[0], inputs(p, q), how);
      for (size_t r = 0; r < expected.size(); ++r)
        for (size_t i = 0; i < expected[r].f.size(); ++i)
          CHECK(std::abs(expected[r].f[i] - found[r].f[i]) <= tolerance * (1 + std::abs(expected[r].f[i])));
    }
}

} // namespace

TEST_CASE("the derivative of a scope is that of the side that is chosen") {
  for (auto const& program : programs) {
    check_derivatives(program, false, 1e-6);
    if (program.twice) check_derivatives(program, true, 1e-4); // differences of differences
  }
}

TEST_CASE("nodes in scopes count, and a bound symbol is bound in them") {
  auto p = parse_ir("t.ir", R"(
func @f(%p: bool[], %x: f32[batch,4]) -> (y: f32[batch,2]) {
  %y = cond %p, %x : f32[batch,2] {
    %0 = slice %x {limit=[batch, 2], start=[0, 0]} : f32[batch,2]
    -> %0
  } {
    %1 = slice %x {limit=[batch, 4], start=[0, 2]} : f32[batch,2]
    -> %1
  }
  return %y
})");
  REQUIRE(p.diagnostics.empty());
  CHECK(node_count(p.module) == 3);
  PassOptions options{.only = {"simplify", "dce"}, .max_nodes = 3};
  PassContext context;
  CHECK(node_count(run_passes(p.module, options, context)) == 3);
  options.max_nodes = 2;
  CHECK_THROWS_AS((void)run_passes(p.module, options, context), Error);
  auto const bound = bind(p.module, Symbol::batch, 3);
  CHECK(verify(bound).empty());
  CHECK(print(bound).find("batch,") == std::string::npos);
}
