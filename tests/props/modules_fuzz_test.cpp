// Texts of modules of every late stage, changed at random. What the parser or the verifier refuses has a place. Of what
// they accept code is made, which gives on any team the bits that the same nodes give with a kernel for each.
// NNC_FUZZ=N in the environment changes N texts instead of some; NNC_FUZZ_SEED says where to begin.
#include "ir/text.h"
#include "ir/verify.h"
#include "ir/walk.h"
#include "passes/check.h"
#include "tests/passes/step_generator.h"
#include "tests/props/compiled.h"
#include "tests/props/fuzz.h"
#include "tests/props/generator.h"
#include "tests/props/mutate.h"

#include <cstdlib>
#include <doctest/doctest.h>
#include <fmt/core.h>

using namespace nnc;
using namespace nnc::props;

namespace {

// The rows of the pipeline from `order` on: what code is made of, more and more of it decided.
std::span<Pass const> late_passes() {
  auto const all = pipeline();
  auto const first = std::find_if(all.begin(), all.end(), [](Pass const& p) { return p.name == "order"; });
  return all.subspan(static_cast<size_t>(first - all.begin()));
}

Module run_only(Module m, std::vector<std::string> passes) {
  PassContext context;
  context.target = host_target();
  return run_passes(std::move(m), {.only = std::move(passes)}, context);
}

Module program(u64 seed) {
  int const size = static_cast<int>(5 + seed % 23);
  if (seed % 2) return step_test::Generator(static_cast<u32>(seed), false).finish(size);
  Coverage coverage;
  return Generator(seed, coverage, seed % 4 == 0).run(size, false);
}

std::string text_of_stage(u64 seed) {
  auto const late = late_passes();
  auto const& last = late[std::min(seed / 2 % (late.size() + 1), late.size() - 1)]; // the last stage twice as often
  std::vector<std::string> passes;
  for (auto const& p : pipeline()) {
    passes.emplace_back(p.name);
    if (&p == &last) break;
  }
  return print(run_only(program(seed), passes));
}

// The passes that are missing, none of which changes a bit.
std::vector<std::string> rest(Module const& m) {
  auto const& f = m.functions.front();
  if (is_planned(f)) return {};
  std::vector<std::string> names;
  for (auto const& p : late_passes().subspan(1))
    if (!(has_kernels(f) && p.name == "fuse")) names.emplace_back(p.name);
  return names;
}

// The same nodes without kernels.
void take_apart(Function const& f, std::vector<Node>& nodes) {
  auto old = std::move(nodes);
  nodes.clear();
  for (auto& n : old) {
    if (is_kernel(n)) {
      std::move(n.regions.front().nodes.begin(), n.regions.front().nodes.end(), std::back_inserter(nodes));
      continue;
    }
    for (auto& r : n.regions) take_apart(f, r.nodes);
    for (auto const* name : {"places", "barrier"}) n.attributes.erase(name);
    if (holds_scopes(n)) list_captures(f, n);
    nodes.push_back(std::move(n));
  }
}
Module apart(Module m) {
  for (auto& f : m.functions) {
    take_apart(f, f.body.nodes);
    f.slots.clear();
    f.locals = 0;
  }
  return m;
}

// Small enough to be computed.
bool is_small(Module const& m) {
  constexpr i64 most = 1 << 20;
  i64 work = 0;
  Bindings b;
  b.fill(32);
  auto const elements = [&](Function const& f, ValueId v) { return element_count(f.type(v).shape).value(b); };
  auto const add = [&](i64 n) { return n <= most && (work += n) <= most; };
  Module const plain = apart(m);
  for (auto const& f : plain.functions) {
    for (ValueId v = 0; v < f.values.size(); ++v)
      if (!add(elements(f, v))) return false;
    for (auto const& n : f.body.nodes)
      if (info(n.op).has(contracts) && !add(elements(f, n.operands[0]) * std::max<i64>(1, elements(f, n.operands[1]))))
        return false;
  }
  return true;
}

struct Answers {
  int parser = 0, verifier = 0, code = 0, built = 0, run = 0;
};

std::string differs(std::vector<Tensor> const& a, std::vector<Tensor> const& b) {
  if (a.size() != b.size()) return "other results";
  for (size_t r = 0; r < a.size(); ++r) {
    if (a[r].shape != b[r].shape) return "another shape";
    for (size_t k = 0; k < a[r].f.size(); ++k) {
      f64 const x = a[r].f[k], y = b[r].f[k];
      bool const same = (std::isnan(x) && std::isnan(y)) || (x == y && std::signbit(x) == std::signbit(y));
      if (!same) return fmt::format("result {}, element {}: {} and {}", r, k, x, y);
    }
    for (size_t k = 0; k < a[r].i.size(); ++k)
      if (a[r].i[k] != b[r].i[k]) return fmt::format("result {}, element {}: {} and {}", r, k, a[r].i[k], b[r].i[k]);
  }
  return "";
}

std::string without_place(std::vector<Diagnostic> const& problems) {
  for (auto const& d : problems)
    if (!d.at) return "no place: " + d.message;
  return "";
}

// Code for this machine, whatever the text says about the processor.
void use_host(Module& m) {
  auto const host = host_target();
  if (!m.target) m.target = host;
  m.target->cpu = host.cpu;
  m.target->features = host.features;
  m.target->triple = host.triple;
}

std::string run(Module const& m, Compiled& compiled, u64 seed, Answers& answers) {
  if (!is_small(m)) return "";
  auto const inputs = random_inputs(m, m.functions.front(), seed);
  Compiled one_by_one(run_only(apart(m), {"schedule", "plan_memory"}), Compiled::Finished{});
  auto const expected = one_by_one.call(inputs);
  ++answers.run;
  for (int threads : {1, 3})
    if (auto what = differs(compiled.call(inputs, threads).results, expected.results); !what.empty())
      return fmt::format("with {} threads {}", threads, what);
  return "";
}

// What is wrong with the answer to a text; empty: nothing.
std::string complaint(std::string const& text, u64 seed, Answers& answers) {
  try {
    auto parsed = parse_ir("changed.ir", text);
    auto& m = parsed.module;
    if (!parsed.diagnostics.empty()) return ++answers.parser, without_place(parsed.diagnostics);
    if (auto problems = verify(m); !problems.empty()) return ++answers.verifier, without_place(problems);
    if (m.functions.empty()) return "";
    use_host(m);
    std::optional<Compiled> compiled;
    try {
      auto const passes = rest(m);
      auto finished = passes.empty() ? m : run_only(m, passes);
      if (auto problems = verify_finished(finished); !problems.empty())
        return passes.empty() || without_place(problems).empty() ? (++answers.code, without_place(problems))
                                                                 : problems.front().message;
      compiled.emplace(std::move(finished), Compiled::Finished{});
    } catch (Error const& e) {
      return ++answers.code, without_place(e.diagnostics);
    }
    ++answers.built;
    return run(m, *compiled, seed, answers);
  } catch (std::exception const& e) {
    return e.what();
  }
}

} // namespace

TEST_CASE("texts of modules with changes are refused at a place, or compute what they say") {
  Answers answers;
  int failures = 0;
  u64 const first = props::first_seed(), count = props::cases(400);
  std::string base;
  for (u64 seed = first; seed < first + count && failures < 5; ++seed) {
    constexpr u64 changes_of_each = 8;
    if (seed == first || seed % changes_of_each == 0) base = text_of_stage(seed / changes_of_each);
    auto const text = Mutator(seed)(base);
    INFO("seed " << seed);
    auto const what = complaint(text, seed, answers);
    if (what.empty()) continue;
    ++failures;
    FAIL_CHECK("seed " << seed << ": " << what << "\n" << text);
  }
  MESSAGE("refused: " << answers.parser << " by the parser, " << answers.verifier << " by the verifier, "
                      << answers.code << " by code generation; built " << answers.built << ", run " << answers.run);
  CHECK(answers.verifier > static_cast<int>(count / 50));
  CHECK(answers.run > static_cast<int>(count / 20));
}
