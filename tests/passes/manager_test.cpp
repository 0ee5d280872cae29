// Which passes run, what is reported about them, and whether a pass that changes a value would be found.
#include "ir/text.h"
#include "passes/check.h"
#include "passes/pass.h"

#include <algorithm>
#include <doctest/doctest.h>
#include <fmt/core.h>

using namespace nnc;

namespace {

Module parsed(std::string const& text) {
  auto p = parse_ir("test.ir", text);
  REQUIRE(p.diagnostics.empty());
  return std::move(p.module);
}

std::string const small = R"(func @f(%x: f32[batch,4] input) -> (y: f32[batch,4] output) {
  %0 = exp %x : f32[batch,4]
  %1 = exp %x : f32[batch,4]
  %y = mul %0, %1 : f32[batch,4]
  return %y
}
)";

std::vector<std::string> stages(PassOptions options) {
  std::vector<std::string> seen;
  options.dump = [&](std::string_view stage, Module const&, bool) { seen.emplace_back(stage); };
  PassContext context;
  run_passes(parsed(small), options, context);
  return seen;
}

std::optional<std::string> changes(std::string const& before, std::string const& after) {
  return Check(parsed(before), 1).difference(parsed(after), 0);
}

} // namespace

TEST_CASE("the pipeline runs in its order, after the stage elaborate") {
  auto seen = stages({});
  REQUIRE(seen.size() == pipeline().size() + 1);
  CHECK(seen.front() == "elaborate");
  for (size_t i = 0; i < pipeline().size(); ++i) CHECK(seen[i + 1] == pipeline()[i].name);
}

TEST_CASE("exactly the passes that are asked for, in that order") {
  CHECK(stages({.only = {"dce", "cse"}}) == std::vector<std::string>{"elaborate", "dce", "cse"});
}

TEST_CASE("without a pass, every time that it stands in the pipeline") {
  auto seen = stages({.without = {"simplify", "cse"}});
  CHECK(std::count(seen.begin(), seen.end(), "simplify") == 0);
  CHECK(std::count(seen.begin(), seen.end(), "cse") == 0);
  CHECK(std::count(seen.begin(), seen.end(), "fuse") == 1);
}

TEST_CASE("an unknown pass is an error that names the nearest") {
  PassContext context;
  try {
    run_passes(parsed(small), {.only = {"simplyfy"}}, context);
    FAIL("no error");
  } catch (Error const& e) {
    CHECK(e.diagnostics.front().message == "there is no pass 'simplyfy'");
    CHECK(e.diagnostics.front().help == "did you mean 'simplify'?");
  }
}

TEST_CASE("every pass says why it stands where it stands, and rows of one pass say the same about it") {
  for (auto const& p : pipeline()) {
    INFO(p.name);
    CHECK(!p.why.empty());
    auto const& first = *pass_named(p.name);
    CHECK((p.run == first.run));
    CHECK(p.optional == first.optional);
    CHECK(p.idempotent == first.idempotent);
    CHECK(p.rounds == first.rounds);
    CHECK(p.tolerance == first.tolerance);
  }
}

TEST_CASE("times are reported for every pass, with the nodes that are left") {
  std::vector<size_t> nodes;
  PassContext context;
  run_passes(parsed(small),
             {.only = {"cse", "dce"}, .time = [&](std::string_view, f64, size_t n) { nodes.push_back(n); }}, context);
  CHECK(nodes == std::vector<size_t>{2, 2});
}

TEST_CASE("the trace says which rule fired") {
  PassContext context;
  std::vector<std::string> lines;
  context.trace = [&](std::string const& s) { lines.push_back(s); };
  run_passes(parsed("func @f(%x: f32[4]) -> (y: f32[4] output) {\n  %y = mul %x, 1 : f32[4]\n  return %y\n}\n"),
             {.only = {"simplify"}}, context);
  CHECK(lines == std::vector<std::string>{"simplify: times_one at %y in @f"});
}

TEST_CASE("the pipeline works without any one of the passes that only make programs better") {
  for (auto const* pass : distinct_passes()) {
    if (!pass->optional) continue;
    INFO(pass->name);
    PassContext context;
    PassOptions options{.without = {std::string(pass->name)}, .check_each = true};
    CHECK_NOTHROW(run_passes(parsed(small), options, context));
  }
}

TEST_CASE("a changed bit is found, and named by its result") {
  CHECK(!changes(small, small));
  std::string wrong = small;
  wrong.replace(wrong.find("mul"), 3, "add");
  auto what = changes(small, wrong);
  REQUIRE(what);
  CHECK(what->find("result y of @f, element 0: ") == 0);
}

TEST_CASE("a lost sign of zero is a change") {
  auto f = [](char const* value) {
    return fmt::format(
        "func @f(%x: f32[4]) -> (y: f32[4] output) {{\n  %y = broadcast {}:f32 {{axes=[]}} : f32[4]\n  return %y\n}}\n",
        value);
  };
  CHECK(changes(f("0"), f("-0")));
  CHECK(!changes(f("nan"), f("nan")));
}

TEST_CASE("a slot that two living values share is found") {
  std::string const good = R"(func @f(%x: f32[8] input) -> (y: f32[8] output) {slots=[32, 32]} {
  %a = kernel %x {kind="pointwise", places=[slot(0)]} {
    %a = exp %x : f32[8]
  }
  %b = kernel %x {kind="pointwise", places=[slot(1)]} {
    %b = tanh %x : f32[8]
  }
  %y = kernel %a, %b {kind="pointwise", places=[result(0)]} {
    %y = sub %a, %b : f32[8]
  }
  return %y
}
)";
  std::string bad = good;
  bad.replace(bad.find("slot(1)"), 7, "slot(0)");
  CHECK(!changes(good, good));
  CHECK(changes(good, bad));
}

TEST_CASE("five thousand nodes take some milliseconds") {
  std::string text = "func @f(%x0: f32[batch,64] input) -> (y: f32[batch,64] output) {\n";
  int const count = 5000;
  for (int i = 0; i < count; ++i)
    text += fmt::format("  %x{} = {} %x{} : f32[batch,64]\n", i + 1,
                        i % 3 == 0   ? "tanh"
                        : i % 3 == 1 ? "neg"
                                     : "floor",
                        i);
  text += fmt::format("  return %x{}\n}}\n", count);
  auto module = parsed(text);
  f64 total = 0;
  PassContext context;
  run_passes(std::move(module), {.time = [&](std::string_view, f64 ms, size_t) { total += ms; }}, context);
  MESSAGE("passes over 5,000 nodes: " << total << " ms");
  CHECK(total < 2000); // a bound on growth, not on speed: a quadratic pass takes longer than this
}

TEST_CASE("a check says nothing of what it cannot measure, and finds an extent where no input shows one") {
  // Beyond 256 elements a gradient is measured along one direction; its length follows from all of it.
  auto const module = parsed(R"(func @loss(%w: f32[300] param) -> (loss: f32[] loss, w: f32[300] gradient) {
  %0 = mul %w, %w : f32[300]
  %loss = reduce_sum %0 {axes=[0]} : f32[]
  %1 = grad %loss, %w : f32[300]
  %2 = mul %1, %1 : f32[300]
  %3 = reduce_sum %2 {axes=[0]} : f32[]
  %4 = sqrt %3 : f32[]
  %5 = broadcast %4 {axes=[]} : f32[300]
  %6 = div %1, %5 : f32[300]
  return %loss, %6
}
func @run() -> (z: f32[batch,2] output) {
  %z = broadcast 1 {axes=[]} : f32[batch,2]
  return %z
}
)");
  PassContext context;
  PassOptions options;
  options.check_each = true;
  CHECK_NOTHROW(run_passes(module, options, context));
}
