// Random programs through the whole pipeline: the values stay after every pass, and what comes out verifies and is
// finished. A failure prints the seed and the program, which can be pasted into a file below tests/passes.
#include "ir/text.h"
#include "ir/verify.h"
#include "passes/pass.h"
#include "tests/passes/step_generator.h"

#include <doctest/doctest.h>

using namespace nnc;

namespace {

void check_seed(u32 seed) {
  auto program = step_test::Generator(seed, true).finish(static_cast<int>(4 + seed % 24));
  auto const text = print(program);
  INFO("seed " << seed << "\n" << text);
  PassContext context;
  // From `differentiate` on, so that finite differences decide nothing.
  auto module = run_passes(std::move(program), {.only = {"differentiate"}}, context);
  std::vector<std::string> rest;
  for (auto const& p : pipeline())
    if (p.name != "differentiate") rest.emplace_back(p.name);
  try {
    auto const finished = run_passes(std::move(module), {.only = rest, .check_each = true}, context);
    for (auto const& d : verify_finished(finished)) FAIL_CHECK(d.message);
  } catch (std::exception const& e) {
    FAIL_CHECK(std::string(e.what()));
  }
}

} // namespace

TEST_CASE("random programs keep their values through every pass") {
  for (u32 seed = 1; seed <= 400; ++seed) check_seed(seed);
}
