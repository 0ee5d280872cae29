#include "runtime/variant.h"

#include "ir/text.h"
#include "ir/thread.h"
#include "ir/verify.h"
#include "ir/walk.h"
#include "runtime/failure.h"

#include <fmt/ranges.h>

#include <algorithm>
#include <chrono>

namespace nnc {
namespace {

// The module of a bug in codegen is finished.
constexpr char const* no_passes = "--passes '' --emit asm";

// A module with some functions alone and whatever else codegen reads.
Module part_of(Module const& module, std::vector<std::string> const& functions) {
  Module part;
  part.sources = module.sources;
  part.bindings = module.bindings;
  part.target = module.target;
  for (auto const& function : module.functions)
    if (std::find(functions.begin(), functions.end(), function.name) != functions.end())
      part.functions.push_back(function);
  return part;
}

} // namespace

void check_finished(Module const& module, bool chosen) {
  auto problems = verify_finished(module);
  if (problems.empty()) return;
  if (!chosen) throw CompilerBug("before code is made: " + problems.front().message);
  if (problems.front().message.ends_with("are missing"))
    problems.front().help =
        "Options::on_stage shows a module between passes; code needs differentiate, assemble_step and plan_memory";
  throw Error(std::move(problems));
}

// To unload code takes stack as well; where no other thread can be had it is done here.
Variant::~Variant() {
  try {
    with_stack(stack_of_calls, [&] { loaded_.clear(); });
  } catch (NoThread const&) {
    loaded_.clear();
  }
}

nnc_entry Variant::entry(std::string_view name, std::atomic<bool> const* cancelled) const {
  std::lock_guard const lock(mutex_);
  if (entries_.find(name) == entries_.end() && module_.function(name)) compile_missing({std::string(name)}, cancelled);
  auto const found = entries_.find(name);
  if (found == entries_.end()) throw CompilerBug(fmt::format("there is no @{} to be called", name));
  return found->second;
}

void Variant::prepare(std::vector<std::string> const& functions, std::atomic<bool> const* cancelled) const {
  std::lock_guard const lock(mutex_);
  std::vector<std::string> missing;
  for (auto const& name : functions)
    if (entries_.find(name) == entries_.end() && module_.function(name)) missing.push_back(name);
  if (!missing.empty()) compile_missing(missing, cancelled);
}

void Variant::load_code(Module const& part, std::atomic<bool> const* cancelled) const {
  check_finished(part, how_.chosen);
  with_stack(stack_of_compiler, [&] {
    auto const object = compile(part, {.cancelled = cancelled});
    loaded_.push_back(load(object));
  });
}

void Variant::compile_missing(std::vector<std::string> const& functions, std::atomic<bool> const* cancelled) const {
  auto const start = std::chrono::steady_clock::now();
  if (auto const& triple = module_.target->triple; triple != Target{}.triple)
    throw Error(Code::unsupported, fmt::format("code for {} cannot run on this machine", triple));
  if (auto const lacking = features_lacking_here(*module_.target); !lacking.empty())
    throw Error(Code::unsupported, fmt::format("code for {} cannot run on this machine, which lacks {}",
                                               module_.target->cpu, fmt::join(lacking, ", ")));
  auto const part = part_of(module_, functions);
  try {
    coded(Code::unsupported, [&] { load_code(part, cancelled); });
  } catch (Error const& error) {
    if (!is_cancelled(error)) how_.blame();
    throw;
  } catch (CompilerBug const& bug) {
    throw failure_of(bug, print(part), no_passes);
  }
  for (auto const& name : functions) {
    auto const entry = loaded_.back()->entry(name);
    if (!entry) throw CompilerBug("compiled code has no entry for @" + name);
    entries_[name] = entry;
  }
  std::chrono::duration<double, std::milli> const took = std::chrono::steady_clock::now() - start;
  if (how_.on_time)
    call_host(how_.on_time, fmt::format("code of {}{}", fmt::join(functions, ", "), how_.name), took.count(),
              node_count(part));
}

std::string Variant::emit(std::string const& kind) const {
  if (kind == "ir") return print(module_);
  if (kind == "loops") return made([&] { return nnc::emit(module_, Emit::loops); });
  if (kind == "llvm") return made([&] { return nnc::emit(module_, Emit::llvm); });
  if (kind == "asm") return made([&] { return nnc::emit(module_, Emit::assembly); });
  throw Error(fmt::format("'{}' cannot be emitted, only {}", kind, fmt::join(Program::emit_kinds(), ", ")));
}

std::string Variant::object(CompileOptions const& options) const {
  return made([&]() -> std::string {
    auto const bytes = compile(module_, options).parts.front();
    return {reinterpret_cast<char const*>(bytes.data()), bytes.size()};
  });
}

std::string Variant::made(std::function<std::string()> const& make) const {
  try {
    check_finished(module_, how_.chosen);
    return make();
  } catch (Error const&) {
    how_.blame();
    throw;
  } catch (CompilerBug const& bug) {
    throw failure_of(bug, print(module_), no_passes);
  }
}

} // namespace nnc
