// Scans and conds compiled, against the evaluator: values and derivatives, with and without each optional pass, for
// teams of one to three, which give the same bits.
#include "ir/evaluate.h"
#include "ir/text.h"
#include "ir/verify.h"
#include "ir/walk.h"
#include "passes/pass.h"
#include "tests/props/compiled.h"
#include "tests/props/samples.h"

#include <cmath>
#include <doctest/doctest.h>

using namespace nnc;

namespace {

struct Program {
  char const* what;
  char const* text;
};

constexpr Program programs[] = {
    {"a recurrent net, in both directions", R"(
func @f(%x: f32[5,batch,4], %w: f32[4,4], %b: f32[4], %h0: f32[batch,4]) -> (y: f32[], h: f32[batch,4], hs: f32[5,batch,4], n: i32[], dx: f32[5,batch,4], dw: f32[4,4], db: f32[4], dh: f32[batch,4]) {
  %h, %n, %hs = scan %x, %h0, 0:i32, %w, %b {carries=2, length=5} : f32[batch,4], i32[], f32[5,batch,4] (%xt: f32[batch,4], %hp: f32[batch,4], %np: i32[]) {
    %0 = dot %hp, %w {contract_lhs=[1], contract_rhs=[0]} : f32[batch,4]
    %1 = add %0, %xt : f32[batch,4]
    %2 = broadcast %b {axes=[1]} : f32[batch,4]
    %3 = add %1, %2 : f32[batch,4]
    %4 = tanh %3 : f32[batch,4]
    %5 = add %np, 1 : i32[]
    -> %4, %5, %4
  }
  %k, %ks = scan %hs, %h, %w {carries=1, length=5, reverse=true} : f32[batch,4], f32[5,batch,4] (%xt2: f32[batch,4], %hp2: f32[batch,4]) {
    %6 = dot %xt2, %w {contract_lhs=[1], contract_rhs=[0]} : f32[batch,4]
    %7 = mul %6, %hp2 : f32[batch,4]
    %8 = sin %7 : f32[batch,4]
    -> %8, %7
  }
  %9 = mul %ks, %hs : f32[5,batch,4]
  %10 = reduce_sum %9 {axes=[0, 1, 2]} : f32[]
  %11 = reduce_sum %k {axes=[0, 1]} : f32[]
  %y = add %10, %11 : f32[]
  %dx, %dw, %db, %dh = grad %y, %x, %w, %b, %h0 : f32[5,batch,4], f32[4,4], f32[4], f32[batch,4]
  return %y, %h, %hs, %n, %dx, %dw, %db, %dh
})"},
    {"carries that change places, and a second derivative", R"(
func @f(%x: f32[batch,3], %w: f32[batch,3]) -> (y: f32[], as: f32[4,batch,3], dx: f32[batch,3], ddw: f32[batch,3]) {
  %a, %b, %as, %ws = scan %x, %w, %w {carries=2, length=4} : f32[batch,3], f32[batch,3], f32[4,batch,3], f32[4,batch,3] (%c: f32[batch,3], %d: f32[batch,3]) {
    %0 = mul %c, %d : f32[batch,3]
    %1 = sin %0 : f32[batch,3]
    -> %d, %1, %c, %w
  }
  %2 = mul %as, %ws : f32[4,batch,3]
  %3 = reduce_sum %2 {axes=[0, 1, 2]} : f32[]
  %4 = mul %a, %b : f32[batch,3]
  %5 = reduce_sum %4 {axes=[0, 1]} : f32[]
  %y = add %3, %5 : f32[]
  %dx = grad %y, %x : f32[batch,3]
  %6 = mul %dx, %x : f32[batch,3]
  %7 = reduce_sum %6 {axes=[0, 1]} : f32[]
  %ddw = grad %7, %w : f32[batch,3]
  return %y, %as, %dx, %ddw
})"},
    {"a scan in a scan, and a cond in it that chooses by the round", R"(
func @f(%x: f32[6,batch,2], %w: f32[batch,2], %lr: f64[] scalar) -> (y: f32[], c: f32[batch,2], s: f32[6,batch], dx: f32[6,batch,2], dw: f32[batch,2]) {
  %rate = convert %lr : f32[]
  %i = iota {axis=0} : i32[6]
  %c, %s = scan %x, %i, %w, %w, %rate {carries=1, length=6} : f32[batch,2], f32[6,batch] (%e: f32[batch,2], %k: i32[], %d: f32[batch,2]) {
    %f = scan %d, %w, %e {carries=1, length=3} : f32[batch,2] (%g: f32[batch,2]) {
      %0 = mul %g, %w : f32[batch,2]
      %1 = add %0, %e : f32[batch,2]
      %2 = tanh %1 : f32[batch,2]
      -> %2
    }
    %3 = mod %k, 2 : i32[]
    %p = eq %3, 0 : bool[]
    %4, %q = cond %p, %f, %rate, %d : f32[batch,2], f32[batch] {
      %5 = mul %f, %rate : f32[batch,2]
      %6 = reduce_sum %5 {axes=[1]} : f32[batch]
      -> %5, %6
    } {
      %7 = add %f, %d : f32[batch,2]
      %8 = reduce_max %f {axes=[1]} : f32[batch]
      -> %7, %8
    }
    -> %4, %q
  }
  %9 = reduce_sum %c {axes=[0, 1]} : f32[]
  %10 = reduce_sum %s {axes=[0, 1]} : f32[]
  %y = add %9, %10 : f32[]
  %dx, %dw = grad %y, %x, %w : f32[6,batch,2], f32[batch,2]
  return %y, %c, %s, %dx, %dw
})"},
    {"of no rounds, of one, of literals and of what is around", R"(
func @f(%x: f32[0,batch,2], %w: f32[batch,2], %p: bool[]) -> (h: f32[batch,2], s: f32[0,batch,2], a: f32[3], b: f32[3,batch,2], t: f32[1,2], q: f32[batch,2], r: f32[]) {
  %h, %s = scan %x, %w {carries=1, length=0} : f32[batch,2], f32[0,batch,2] (%e: f32[batch,2], %c: f32[batch,2]) {
    %0 = add %e, %c : f32[batch,2]
    -> %0, %c
  }
  %a, %b = scan %w {length=3} : f32[3], f32[3,batch,2] {
    -> 1.5:f32, %w
  }
  %z = broadcast 2 {axes=[]} : f32[2]
  %t = scan %z {length=1} : f32[1,2] {
    %1 = neg %z : f32[2]
    -> %1
  }
  %q, %r = cond %p, %w : f32[batch,2], f32[] {
    -> %w, 0.5:f32
  } {
    %2 = neg %w : f32[batch,2]
    -> %2, 0.25:f32
  }
  return %h, %s, %a, %b, %t, %q, %r
})"},
    {"random draws, another one in each round", R"(
func @f(%seed: i64[] seed, %step: i64[] step, %w: f32[batch,70]) -> (s: i32[4,batch,70], h: f32[batch,70]) {
  %i = iota {axis=0} : i64[4]
  %h, %s = scan %i, %w, %step, %seed {carries=1, length=4} : f32[batch,70], i32[4,batch,70] (%k: i64[], %c: f32[batch,70]) {
    %0 = mul %k, 4294967296 : i64[]
    %1 = add %step, %0 : i64[]
    %2 = random_bits %seed, %1 {path="draw"} : i32[batch,70]
    %3 = convert %2 : f32[batch,70]
    %4 = mul %3, 0.0000000001 : f32[batch,70]
    %5 = add %4, %c : f32[batch,70]
    -> %5, %2
  }
  return %s, %h
})"},
};

Module module_of(Program const& program) {
  auto p = parse_ir("t.ir", program.text);
  REQUIRE_MESSAGE(p.diagnostics.empty(), render(p.diagnostics, *p.module.sources));
  auto const wrong = verify(p.module);
  REQUIRE_MESSAGE(wrong.empty(), render(wrong, *p.module.sources));
  return std::move(p.module);
}

// Every pass, and all but one of those that may be left out.
std::vector<std::vector<std::string>> choices() {
  std::vector<std::vector<std::string>> all{{}};
  for (auto const* p : distinct_passes())
    if (p->optional) all.push_back({std::string(p->name)});
  return all;
}

std::vector<Tensor> inputs_of(Function const& f, i64 batch, bool chosen) {
  std::vector<Tensor> all;
  props::Draw draw(7);
  for (auto const& a : f.arguments) {
    Type t = f.type(a.value);
    for (auto& d : t.shape) d = d.bind({batch, batch});
    Tensor x = props::draw_tensor(draw, t, -0.7, 0.7, 0, 5);
    if (t.dtype == DType::bool_) x.i[0] = chosen;
    all.push_back(std::move(x));
  }
  return all;
}

void check_close(std::vector<Tensor> const& expected, std::vector<Tensor> const& found) {
  REQUIRE(expected.size() == found.size());
  for (size_t r = 0; r < expected.size(); ++r) {
    INFO("result " << r);
    CHECK(expected[r].i == found[r].i);
    REQUIRE(expected[r].f.size() == found[r].f.size());
    for (size_t i = 0; i < expected[r].f.size(); ++i)
      CHECK(std::abs(expected[r].f[i] - found[r].f[i]) <= 1e-5 * (1 + std::abs(expected[r].f[i])));
  }
}
void check_equal(std::vector<Tensor> const& expected, std::vector<Tensor> const& found) {
  for (size_t r = 0; r < expected.size(); ++r) {
    CHECK(expected[r].f == found[r].f);
    CHECK(expected[r].i == found[r].i);
  }
}

} // namespace

TEST_CASE("compiled scans and conds give what the evaluator gives") {
  for (auto const& program : programs)
    for (auto const& without : choices()) {
      INFO(program.what << (without.empty() ? "" : ", without " + without.front()));
      Module const m = module_of(program);
      PassContext context;
      Module const slopes = pass_named("differentiate")->run(m, context).module;
      REQUIRE(verify(slopes).empty());
      props::Compiled compiled(m, "", {.without = without});
      for (bool chosen : {false, true})
        for (i64 batch : {1, 3, 17}) {
          INFO("batch " << batch);
          auto const inputs = inputs_of(m.functions[0], batch, chosen);
          auto const expected = evaluate(slopes, slopes.functions[0], inputs);
          auto const one = compiled.call(inputs);
          check_close(expected, one.results);
          for (int threads : {2, 3}) check_equal(one.results, compiled.call(inputs, threads).results);
          Evaluation const how{.in_slots = true};
          check_close(expected, evaluate(compiled.finished, compiled.finished.functions[0], inputs, how));
        }
    }
}

TEST_CASE("a plan with scans and conds is a text that is read back") {
  for (auto const& program : programs) {
    INFO(program.what);
    props::Compiled const compiled(module_of(program));
    auto const text = print(compiled.finished);
    auto const again = parse_ir("t.ir", text);
    REQUIRE_MESSAGE(again.diagnostics.empty(), render(again.diagnostics, *again.module.sources));
    CHECK(print(again.module) == text);
    CHECK(verify_finished(again.module).empty());
  }
}

TEST_CASE("neither code nor plan depends on the length of a scan, memory grows with it") {
  auto program = [](i64 length) {
    std::string text = R"(
func @f(%x: f32[N,batch,4], %w: f32[4,4], %h0: f32[batch,4]) -> (y: f32[], dw: f32[4,4]) {
  %h = scan %x, %h0, %w {carries=1, length=N} : f32[batch,4] (%xt: f32[batch,4], %hp: f32[batch,4]) {
    %0 = dot %hp, %w {contract_lhs=[1], contract_rhs=[0]} : f32[batch,4]
    %1 = add %0, %xt : f32[batch,4]
    %2 = tanh %1 : f32[batch,4]
    -> %2
  }
  %y = reduce_sum %h {axes=[0, 1]} : f32[]
  %dw = grad %y, %w : f32[4,4]
  return %y, %dw
})";
    for (size_t at; (at = text.find('N')) != std::string::npos;) text.replace(at, 1, std::to_string(length));
    return props::Compiled(module_of({"", text.c_str()})).finished;
  };
  auto code = [](Module const& m) {
    size_t size = 0;
    for (auto const& part : compile(m, {.threads = 1}).parts) size += part.size();
    return static_cast<f64>(size);
  };
  auto arena = [](Module const& m) {
    i64 size = 0;
    for (auto const& slot : m.functions[0].slots) size += slot.value({i64{16}, {}});
    return static_cast<f64>(size);
  };
  Module const some = program(28), many = program(2800);
  CHECK(node_count(some) == node_count(many));
  CHECK(code(many) <= 1.1 * code(some));
  CHECK(arena(many) <= 101 * arena(some));
}
