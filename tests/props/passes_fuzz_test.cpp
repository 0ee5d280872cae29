// Random graphs through every pass of the pipeline: after each the module is well formed, prints and parses back, and
// the evaluator gives the same bits as before; a pass that says it changed nothing has changed nothing.
// NNC_FUZZ=N in the environment runs N graphs instead of a few.
#include "ir/text.h"
#include "passes/pass.h"
#include "tests/props/fuzz.h"
#include "tests/props/generator.h"
#include "tests/props/shrink.h"
#include "tests/text_test.h"

#include <cstdlib>
#include <doctest/doctest.h>
#include <fmt/core.h>
#include <set>

using namespace nnc;
using namespace nnc::props;

namespace {

std::string differs(std::vector<Tensor> const& a, std::vector<Tensor> const& b) {
  if (a.size() != b.size()) return "the number of results";
  for (size_t i = 0; i < a.size(); ++i) {
    if (a[i].shape != b[i].shape || a[i].dtype != b[i].dtype) return fmt::format("the type of result {}", i);
    for (size_t k = 0; k < a[i].f.size(); ++k)
      if (!(a[i].f[k] == b[i].f[k]) && !(std::isnan(a[i].f[k]) && std::isnan(b[i].f[k])))
        return fmt::format("result {}, element {}: {} became {}", i, k, a[i].f[k], b[i].f[k]);
    if (a[i].i != b[i].i) return fmt::format("result {}", i);
  }
  return "";
}

std::vector<Tensor> outcome(Module const& m, u64 seed) {
  Function const& f = m.functions.front();
  Evaluation how;
  how.in_slots = !f.slots.empty();
  return evaluate(m, f, inputs_for(f, seed), how);
}

// What is wrong with this pass on this module; empty: nothing.
std::string complaint(Pass const& pass, Module const& before, Module& after, u64 seed) {
  PassContext context;
  PassResult result;
  try {
    result = pass.run(before, context);
  } catch (std::exception const& e) {
    return fmt::format("{} throws: {}", pass.name, e.what());
  }
  after = std::move(result.module);
  auto problems = verify(after);
  if (!problems.empty()) return fmt::format("after {}: {}", pass.name, problems.front().message);
  std::string text = print(after);
  if (!result.changed && text != print(before)) return fmt::format("{} says it changed nothing", pass.name);
  auto again = parse_ir("fuzz.ir", text);
  if (!again.diagnostics.empty())
    return fmt::format("after {}: {}", pass.name, render(again.diagnostics, *again.module.sources));
  if (print(again.module) != text)
    return fmt::format("after {}: prints in another way when it is read back", pass.name);
  try {
    auto what = differs(outcome(before, seed), outcome(after, seed));
    if (!what.empty() && !pass.rounds) return fmt::format("{} changes {}", pass.name, what);
  } catch (std::exception const& e) {
    return fmt::format("evaluation after {}: {}", pass.name, e.what());
  }
  return "";
}

std::string first_complaint(Module m, u64 seed) {
  for (auto const& pass : pipeline()) {
    Module after;
    auto what = complaint(pass, m, after, seed);
    if (!what.empty()) return what;
    m = std::move(after);
  }
  return "";
}

std::string name_of_pass(std::string const& complaint) { return complaint.substr(0, complaint.find(' ')); }

} // namespace

TEST_CASE("random graphs keep their bits through every pass") {
  Coverage coverage;
  int failures = 0;
  for (u64 seed = props::first_seed(), n = 0; n < props::cases(60) && failures < 3; ++seed, ++n) {
    Module m = Generator(seed, coverage, seed % 3 == 0).run(static_cast<int>(4 + seed % 30), seed % 2 == 0);
    REQUIRE_MESSAGE(verify(m).empty(), "seed " << seed << ": " << verify(m).front().message << "\n" << print(m));
    auto what = first_complaint(m, seed);
    if (what.empty()) continue;
    ++failures;
    Module small =
        shrink(m, [&](Module const& c) { return name_of_pass(first_complaint(c, seed)) == name_of_pass(what); });
    FAIL_CHECK("seed " << seed << ": " << what << "\nshrunk: " << first_complaint(small, seed) << "\n" << print(small));
  }
  MESSAGE("covered " << coverage.operators.size() << " operator x dtype, " << coverage.ranks.size()
                     << " operator x rank, " << coverage.edges.size() << " edges; dropped " << coverage.dropped);
}

TEST_CASE("what the fuzzer has found stays mended") {
  for (auto const& path : text_test::files_below("tests/props/found", ".ir")) {
    INFO(path.string());
    auto p = parse_ir(path.filename().string(), text_test::read_file(path));
    REQUIRE(p.diagnostics.empty());
    CHECK(first_complaint(p.module, 1) == "");
  }
}

// ... of those that its entry has samples of, and that they can be drawn in: special cases of indices and seeds aside.
TEST_CASE("the generator uses every operator in every dtype") {
  Coverage coverage;
  for (u64 seed = 1; seed <= 1500; ++seed) (void)Generator(seed, coverage).run(20, false);
  for (auto code : all_ops()) {
    if (info(code).has(structural) || !info(code).samples) continue;
    std::set<std::string> dtypes;
    for (auto const& s : samples_of(code))
      dtypes.insert(std::string(name(s.operands.empty() ? s.stated->dtype : s.operands.front().dtype)));
    for (auto const& d : dtypes)
      CHECK_MESSAGE(coverage.operators.count(std::string(info(code).name) + " " + d), info(code).name << " of " << d);
  }
}

TEST_CASE("a failing graph shrinks to the node that fails") {
  Coverage coverage;
  int shrunk = 0;
  for (u64 seed = 1; seed < 40; ++seed) {
    Module m = Generator(seed, coverage).run(20, false);
    auto has_dot = [](Module const& c) {
      auto const& nodes = c.functions.front().body.nodes;
      return std::any_of(nodes.begin(), nodes.end(), [](Node const& n) { return n.op == OpCode::dot; });
    };
    if (!has_dot(m)) continue;
    Module small = shrink(m, has_dot);
    CHECK(small.functions.front().body.nodes.size() == 1);
    CHECK(verify(small).empty());
    ++shrunk;
  }
  CHECK(shrunk > 3);
}
