// Random graphs, compiled through the whole pipeline, against the evaluator; and the same bits with 1, 2 and 3 threads,
// with narrower vectors, and without a pass. NNC_FUZZ=N in the environment compiles N graphs instead of a few;
// NNC_FUZZ_SEED says where to begin.
//
// Tolerance of a float result: compiled sums, of up to 3,000 elements here, round in f32 after every step, and a graph
// may blow a rounding up. How much this graph does is measured, by evaluating it with and without one rounding between
// nodes: 512 times that difference, and 2^-14 of the largest element, is more than sums of this length make of it.
#include "ir/bind.h"
#include "ir/text.h"
#include "ir/verify.h"
#include "tests/codegen/schedules.h"
#include "tests/props/compiled.h"
#include "tests/props/fuzz.h"
#include "tests/props/generator.h"
#include "tests/props/shrink.h"
#include "tests/text_test.h"

#include <cstdlib>
#include <doctest/doctest.h>
#include <fmt/core.h>

using namespace nnc;
using namespace nnc::props;

namespace {

f64 largest(Tensor const& t) {
  f64 m = 0;
  for (f64 x : t.f) m = std::isfinite(x) ? std::max(m, std::abs(x)) : HUGE_VAL;
  return m;
}

f64 tolerance(Tensor const& rounded, Tensor const& exact) {
  f64 moved = 0;
  for (size_t i = 0; i < exact.f.size(); ++i) moved = std::max(moved, std::abs(rounded.f[i] - exact.f[i]));
  return 512 * moved + std::ldexp(std::max(largest(rounded), 1e-3), -14);
}

std::string compare(std::vector<Tensor> const& got, std::vector<Tensor> const& rounded,
                    std::vector<Tensor> const& exact, int& skipped) {
  for (size_t r = 0; r < got.size(); ++r) {
    if (largest(rounded[r]) > 1e6 ||
        largest(exact[r]) > 1e6) { // derivatives may leave the range that forward values keep to
      ++skipped;
      continue;
    }
    f64 t = tolerance(rounded[r], exact[r]);
    for (size_t k = 0; k < got[r].f.size(); ++k)
      if (!(std::abs(got[r].f[k] - rounded[r].f[k]) <= t))
        return fmt::format("result {}, element {}: got {}, expected {} within {}", r, k, got[r].f[k], rounded[r].f[k],
                           t);
    for (size_t k = 0; k < got[r].i.size(); ++k)
      if (got[r].i[k] != rounded[r].i[k])
        return fmt::format("result {}, element {}: got {}, expected {}", r, k, got[r].i[k], rounded[r].i[k]);
  }
  return "";
}

std::string same_bits(std::vector<Tensor> const& a, std::vector<Tensor> const& b, std::string const& how) {
  for (size_t r = 0; r < a.size(); ++r)
    for (size_t k = 0; k < static_cast<size_t>(a[r].size()); ++k) {
      bool same = is_float(a[r].dtype) ? a[r].f[k] == b[r].f[k] || (std::isnan(a[r].f[k]) && std::isnan(b[r].f[k]))
                                       : a[r].i[k] == b[r].i[k];
      if (!same) return fmt::format("other bits with {}: result {}, element {}", how, r, k);
    }
  return "";
}

// Passes that change no bit, and that code can be made without.
std::vector<std::string> dispensable() {
  std::vector<std::string> names;
  for (auto const* p : distinct_passes())
    if (p->optional && !p->rounds) names.emplace_back(p->name);
  return names;
}

// What is wrong with the compiled code of this module; empty: nothing.
std::string complaint(Module m, u64 seed, int& skipped) {
  try {
    if (!only_outermost(m.functions.front(), Symbol::batch)) m = bind(m, Symbol::batch, batch_of(seed));
    Function const& f = m.functions.front();
    auto inputs = inputs_for(f, seed);
    auto rounded = evaluate(m, f, inputs), exact = evaluate(m, f, inputs, {.exact = true});
    Compiled compiled(m);
    auto one = compiled.call(inputs, 1).results;
    auto what = compare(one, rounded, exact, skipped);
    if (int threads = 1 + static_cast<int>(seed % 3); what.empty() && threads > 1)
      what = same_bits(one, compiled.call(inputs, threads).results, fmt::format("{} threads", threads));
    if (what.empty() && seed % 4 == 0)
      what = same_bits(one, Compiled(m, "x86-64-v3").call(inputs).results, "x86-64-v3");
    auto const passes = dispensable();
    if (auto const& pass = passes[seed / 4 % passes.size()]; what.empty() && seed % 4 == 1)
      what = same_bits(one, Compiled(m, "", {.without = {pass}}).call(inputs).results, "--without " + pass);
    if (what.empty() && seed % 4 == 2) {
      Module drawn = compiled.finished;
      (void)schedules::Draw(drawn, static_cast<u32>(seed)).run();
      what = same_bits(one, Compiled(drawn, Compiled::Finished{}).call(inputs, 2).results,
                       "another schedule:\n" + print(drawn));
    }
    return what;
  } catch (std::exception const& e) {
    return e.what();
  }
}

} // namespace

TEST_CASE("random graphs compute what the evaluator computes") {
  Coverage coverage;
  int failures = 0, skipped = 0;
  u64 const first = props::first_seed(), count = props::cases(30);
  for (u64 seed = first; seed < first + count && failures < 3; ++seed) {
    Module m = Generator(seed, coverage, seed % 3 == 0).run(static_cast<int>(3 + seed % 20), seed % 2 == 0);
    if (count == 1) MESSAGE(print(m)); // a crash leaves nothing else behind
    auto what = complaint(m, seed, skipped);
    if (what.empty()) continue;
    ++failures;
    int unused = 0;
    Module small = shrink(m, [&](Module const& c) { return !complaint(c, seed, unused).empty(); });
    FAIL_CHECK("seed " << seed << ": " << what << "\nshrunk: " << complaint(small, seed, unused) << "\n"
                       << print(small));
  }
  MESSAGE("covered " << coverage.operators.size() << " operator x dtype, " << coverage.edges.size()
                     << " edges; skipped " << skipped << " results out of range");
}

TEST_CASE("what the fuzzers have found computes what the evaluator computes") {
  int skipped = 0;
  for (auto const& path : text_test::files_below("tests/props/found", ".ir")) {
    auto const p = parse_ir(path.filename().string(), text_test::read_file(path));
    for (u64 seed = 0; seed < 4; ++seed) CHECK_MESSAGE(complaint(p.module, seed, skipped) == "", path.string());
  }
}

TEST_CASE("powers have the same bits with simplify and without") {
  auto m = parse_ir("power.ir", "func @f(%x: f32[1000]) -> (a: f32[1000], b: f32[1000]) {\n"
                                "  %a = pow %x, 1 : f32[1000]\n  %b = pow %x, 2 : f32[1000]\n  return %a, %b\n}\n")
               .module;
  for (u64 seed = 1; seed <= 20; ++seed) {
    auto inputs = inputs_for(m.functions[0], seed);
    CHECK(same_bits(Compiled(m).call(inputs).results, Compiled(m, "", {.without = {"simplify"}}).call(inputs).results,
                    "--without simplify") == "");
  }
}

// Slots have room for a batch that is rounded up to 16, and one row: no more than that is written.
TEST_CASE("products of rows that are one more than a batch stay in their slots") {
  auto m = parse_ir("rows.ir", "func @f(%x: f32[batch,4], %one: f32[1,4], %w: f32[4,100]) -> (r: f32[batch+1,100]) {\n"
                               "  %c = concat %x, %one {axis=0} : f32[batch+1,4]\n  %e = exp %c : f32[batch+1,4]\n"
                               "  %y = dot %e, %w {contract_lhs=[1], contract_rhs=[0]} : f32[batch+1,100]\n"
                               "  %s = reduce_sum %y {axes=[0]} : f32[100]\n"
                               "  %b = broadcast %s {axes=[1]} : f32[batch+1,100]\n"
                               "  %r = sub %y, %b : f32[batch+1,100]\n  return %r\n}\n")
               .module;
  REQUIRE(m.functions.size() == 1);
  int skipped = 0;
  for (u64 seed = 0; seed < 10; ++seed) CHECK(complaint(m, seed, skipped) == "");
  CHECK(skipped == 0);
}

// One row is one thread's, and not the first one's, which reports.
TEST_CASE("a report waits for the thread that makes its number") {
  auto m = parse_ir("loss.ir",
                    "func @f(%x: f32[300000]) -> (loss: f32[] loss, e: f32[300000]) {slots=[4]} {\n"
                    "  %s, %e = kernel %x {kind=\"rows\", row_axes=1, parallel=true, places=[slot(0), result(1)]} {\n"
                    "    %e = exp %x : f32[300000]\n    %s = reduce_sum %e {axes=[0]} : f32[]\n  }\n"
                    "  return %s, %e\n}\n")
               .module;
  REQUIRE(verify_finished(m).empty());
  m.target = host_target();
  Compiled compiled(m, Compiled::Finished{});
  auto inputs = inputs_for(m.functions.front(), 1);
  auto one = compiled.call(inputs, 1).results;
  CHECK(std::isfinite(one[0].f[0]));
  CHECK(same_bits(one, compiled.call(inputs, 2).results, "2 threads") == "");
}

TEST_CASE("the comparison sees one wrong element") {
  Tensor y = Tensor::zeros(DType::f32, {3});
  y.f = {1, 2, 3};
  Tensor wrong = y;
  wrong.f[1] = 2.001;
  Tensor missing = y;
  missing.f[2] = std::nan("");
  int skipped = 0;
  CHECK(compare({y}, {y}, {y}, skipped) == "");
  CHECK(compare({wrong}, {y}, {y}, skipped) != "");
  CHECK(compare({missing}, {y}, {y}, skipped) != "");
  CHECK(same_bits({y}, {y}, "") == "");
  CHECK(same_bits({y}, {wrong}, "") != "");
  CHECK(skipped == 0);
}
