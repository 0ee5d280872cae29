// Runs passes: which ones, with which checks, and what the outside learns about them.
#include "ir/node_limit.h"
#include "ir/verify.h"
#include "ir/walk.h"
#include "passes/check.h"
#include "passes/pass.h"

#include <algorithm>
#include <chrono>
#include <fmt/core.h>

namespace nnc {
namespace {

std::vector<std::string> known_names() {
  std::vector<std::string> names;
  for (auto const* p : distinct_passes()) names.emplace_back(p->name);
  return names;
}

Pass const& known(std::string const& name) {
  if (auto* p = pass_named(name)) return *p;
  Diagnostic d{.at = {}, .message = fmt::format("there is no pass '{}'", name)};
  if (auto near = nearest(name, known_names()); !near.empty()) d.help = fmt::format("did you mean '{}'?", near);
  throw Error(d);
}

std::vector<Pass const*> chosen(PassOptions const& options) {
  std::vector<Pass const*> list;
  for (auto const& name : options.without) known(name);
  if (!options.only.empty())
    for (auto const& name : options.only) list.push_back(&known(name));
  else
    for (auto const& p : pipeline()) list.push_back(&p);
  std::erase_if(list, [&](Pass const* p) {
    return std::find(options.without.begin(), options.without.end(), p->name) != options.without.end();
  });
  return list;
}

constexpr u64 check_seed = 1;

void check_after(Pass const& p, Module const& after, Check& check) {
  verify_or_bug(after, fmt::format("after {}", p.name));
  if (auto const what = check.difference(after, p.tolerance))
    throw CompilerBug(fmt::format("the pass {} changed a value: {}", p.name, *what));
}

// @require is no code: it is evaluated when a number is set, never compiled, and stays as it was made.
PassResult run_on_code(Pass const& p, Module m, PassContext& context) {
  auto const ranges = std::find_if(m.functions.begin(), m.functions.end(), [](auto& f) { return f.name == "require"; });
  if (ranges == m.functions.end()) return p.run(std::move(m), context);
  Function aside = std::move(*ranges);
  m.functions.erase(ranges);
  auto result = p.run(std::move(m), context);
  result.module.functions.push_back(std::move(aside));
  return result;
}

// Counted anew before each pass.
void give_limit(Module& m, std::shared_ptr<NodeLimit> const& limit) {
  for (auto& f : m.functions) f.limit = limit;
  if (limit) limit->check(m);
}

} // namespace

Module run_passes(Module m, PassOptions const& options, PassContext& context) {
  auto const list = chosen(options);
  if (!m.target && options.only.empty()) m.target = context.target;
  std::optional<Check> check;
  if (options.check_each) {
    verify_or_bug(m, "before the passes");
    check.emplace(m, check_seed);
  }
  if (options.dump) options.dump("elaborate", m, true);
  auto const limit = options.max_nodes > 0 ? std::make_shared<NodeLimit>(options.max_nodes) : nullptr;
  for (auto* p : list) {
    give_limit(m, limit);
    auto start = std::chrono::steady_clock::now();
    auto result = run_on_code(*p, std::move(m), context);
    std::chrono::duration<double, std::milli> took = std::chrono::steady_clock::now() - start;
    m = std::move(result.module);
    if (check) check_after(*p, m, *check);
    if (options.time) options.time(p->name, took.count(), node_count(m));
    if (options.dump) options.dump(p->name, m, result.changed);
  }
  give_limit(m, nullptr);
  return m;
}

} // namespace nnc
