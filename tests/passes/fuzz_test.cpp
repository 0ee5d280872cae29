// Random programs through the whole pipeline: the values stay after every pass, and every kernel is of a form that code
// generation knows. A failure prints the seed and the program, which can be pasted into a file below tests/passes.
#include "ir/text.h"
#include "passes/pass.h"
#include "tests/passes/step_generator.h"

#include <algorithm>
#include <doctest/doctest.h>

using namespace nnc;

namespace {

using Axes = std::vector<i64>;

bool is_reduction(Node const& n) { return info(n.op).has(reduces); }

std::string problem_of_rows(Function const& f, Node const& k) {
  auto rows = static_cast<size_t>(k.attributes.get<i64>("row_axes"));
  Shape const* space = nullptr;
  for (auto const& n : k.regions.front().nodes) {
    if (info(n.op).has(contracts)) return "a dot among rows";
    if (!is_reduction(n)) continue;
    auto const& s = f.type(n.operands[0]).shape;
    if (space && s != *space) return "reductions of two spaces";
    space = &s;
    auto axes = n.attributes.has("axis") ? Axes{n.attributes.get<i64>("axis")} : n.attributes.get<Axes>("axes");
    if (axes.size() != rows || axes.front() != static_cast<i64>(s.size() - rows))
      return "a reduction of something else than a row";
  }
  if (!space) return "rows without a reduction";
  Shape const outer(space->begin(), space->end() - static_cast<std::ptrdiff_t>(rows));
  for (auto v : k.results)
    if (f.type(v).shape != *space && f.type(v).shape != outer) return "a result that is neither space nor outer part";
  return "";
}

std::string problem_of_contract(Function const& f, Node const& k) {
  auto const& nodes = k.regions.front().nodes;
  auto dot = std::find_if(nodes.begin(), nodes.end(), [](Node const& n) { return info(n.op).has(contracts); });
  if (dot == nodes.end() ||
      std::count_if(nodes.begin(), nodes.end(), [](Node const& n) { return info(n.op).has(contracts); }) != 1)
    return "not exactly one dot";
  if (std::any_of(nodes.begin(), nodes.end(), is_reduction)) return "a reduction";
  for (auto v : k.results)
    if (f.type(v).shape != f.type(dot->result()).shape) return "a result of another shape than the dot's";
  return "";
}

std::string problem(Function const& f, Node const& k) {
  auto const kind = k.attributes.get<std::string>("kind");
  if (kind == "contract") return problem_of_contract(f, k);
  if (k.attributes.has("row_axes")) return problem_of_rows(f, k);
  for (auto v : k.results)
    if (f.type(v).shape != f.type(k.results.front()).shape) return "results of several shapes";
  return "";
}

void check_kernels(Module const& m) {
  for (auto const& f : m.functions)
    for (auto const& n : f.body.nodes) {
      if (n.op == OpCode::kernel) CHECK_MESSAGE(problem(f, n).empty(), problem(f, n));
      else CHECK(n.op == OpCode::reshape);
    }
}

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
    check_kernels(run_passes(std::move(module), {.only = rest, .check_each = true}, context));
  } catch (std::exception const& e) {
    FAIL_CHECK(std::string(e.what()));
  }
}

} // namespace

TEST_CASE("random programs keep their values through every pass") {
  for (u32 seed = 1; seed <= 400; ++seed) check_seed(seed);
}
