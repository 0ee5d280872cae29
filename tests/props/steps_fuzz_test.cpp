// Random training steps, compiled: the bits are the same with and without each pass that only makes programs better, on
// any team, and with narrower vectors; and the values are the evaluator's. Parameters are updated in place.
// NNC_FUZZ=N in the environment compiles N steps instead of a few.
#include "ir/evaluate.h"
#include "ir/text.h"
#include "passes/check.h"
#include "tests/passes/step_generator.h"
#include "tests/props/compiled.h"
#include "tests/props/fuzz.h"

#include <cmath>
#include <cstdlib>
#include <doctest/doctest.h>

using namespace nnc;
using namespace nnc::props;

namespace {

struct Step {
  Module module;
  std::vector<Tensor> inputs;
  std::vector<Tensor> bits(PassOptions const& options = {}, int threads = 1, std::string const& cpu = "") const {
    Compiled compiled(module, cpu, options);
    auto const& f = compiled.finished.functions.front();
    auto out = compiled.call(inputs, threads).results;
    out.erase(std::remove_if(out.begin(), out.end(),
                             [&](Tensor const& t) { // losses are added to the report instead
                               auto role = f.results[static_cast<size_t>(&t - out.data())].role;
                               return role == Role::loss || role == Role::metric;
                             }),
              out.end());
    return out;
  }
};

Step draw_step(u32 seed) {
  PassContext context;
  auto m = run_passes(step_test::Generator(seed, false).finish(static_cast<int>(4 + seed % 20)),
                      {.only = {"differentiate"}}, context);
  auto inputs = random_inputs(m, m.functions.front(), seed);
  return {std::move(m), std::move(inputs)};
}

bool same_element(f64 a, f64 b) {
  return (std::isnan(a) && std::isnan(b)) || (a == b && std::signbit(a) == std::signbit(b));
}

bool same(std::vector<Tensor> const& a, std::vector<Tensor> const& b) {
  for (size_t r = 0; r < a.size(); ++r)
    for (size_t i = 0; i < a[r].f.size(); ++i)
      if (!same_element(a[r].f[i], b[r].f[i])) return false;
  return a.size() == b.size();
}

void check_step(u32 seed) {
  auto step = draw_step(seed);
  auto const text = print(step.module);
  INFO("seed " << seed << "\n" << text);
  try {
    auto const bits = step.bits();
    for (auto const* pass : distinct_passes())
      if (pass->optional && !pass->rounds)
        CHECK_MESSAGE(same(bits, step.bits({.without = {std::string(pass->name)}})),
                      "other bits without " << pass->name);
    CHECK_MESSAGE(same(bits, step.bits({}, 3)), "other bits with 3 threads");
    CHECK_MESSAGE(same(bits, step.bits({}, 1, "x86-64-v3")), "other bits on x86-64-v3");
    auto expected = evaluate(step.module, step.module.functions.front(), step.inputs);
    expected.erase(expected.begin()); // the loss
    for (size_t r = 0; r < bits.size(); ++r)
      for (size_t i = 0; i < bits[r].f.size(); ++i) {
        f64 const e = expected[r].f[i];
        if (!std::isfinite(e) || std::fabs(e) > 1e3)
          continue; // a chain that grows so far multiplies its roundings as much
        // Some twenty nodes of bounded slope, each rounded once: 2^-24 each, and a few hundred times that along a
        // chain.
        CHECK(bits[r].f[i] == doctest::Approx(e).epsilon(2e-4).scale(1));
      }
  } catch (std::exception const& e) {
    FAIL_CHECK(std::string(e.what()));
  }
}

} // namespace

TEST_CASE("random steps have the same bits with and without each pass, on any team, on any vectors") {
  for (u64 seed = 1; seed <= props::cases(12); ++seed) check_step(static_cast<u32>(seed));
}
