// A program that needs the size of its batch as a number is elaborated and compiled for each size that is met, and once
// only. All of these are one program: they have the same inputs, parameters, results and numbers.
#include "runtime/program.h"

#include "ir/walk.h"
#include "runtime/failure.h"

#include <fmt/core.h>

#include <algorithm>
#include <chrono>

namespace nnc {
namespace {

Position position_of(Location at, Sources const& sources) {
  return at ? Position{sources.name(at.file), at.line, at.column} : Position{};
}

// What a caller sees of a function.
bool same_face(Function const& a, Function const& b) {
  return std::equal(a.results.begin(), a.results.end(), b.results.begin(), b.results.end(),
                    [&](Result const& x, Result const& y) {
                      auto const &p = a.type(x.value), &q = b.type(y.value);
                      return x.name == y.name && x.role == y.role && p.dtype == q.dtype && p.rank() == q.rank();
                    });
}

Location place_of(Module const& module, std::string const& name, Location other) {
  for (auto const& function : module.functions)
    for (auto const& argument : function.arguments)
      if (auto const& value = function.values[argument.value]; value.name == name && value.at) return value.at;
  return other;
}

bool same_inputs(std::vector<BoundInput> const& a, std::vector<BoundInput> const& b) {
  return std::equal(a.begin(), a.end(), b.begin(), b.end(), [](auto const& x, auto const& y) {
    return x.name == y.name && x.type == y.type && x.is_target == y.is_target;
  });
}

} // namespace

void CompiledProgram::list_constants(Elaborated const& elaborated) {
  if (auto const batch = elaborated.module.bindings[static_cast<size_t>(Symbol::batch)])
    for (auto const& needed : elaborated.batch_needed)
      constants_.push_back({"batch", static_cast<double>(*batch), position_of(needed.at, *sources_), needed.what});
  for (auto const& [name, constant] : elaborated.constants)
    constants_.push_back({name, constant.value, position_of(constant.by.at, *sources_), constant.by.what});
}

std::unique_ptr<Variant> CompiledProgram::variant_of(Module finished, std::string name) const {
  return std::make_unique<Variant>(std::move(finished), Variant::Making{.name = std::move(name),
                                                                        .chosen = chose_passes() || is_module(file_),
                                                                        .blame = [this] { blame_own_places(); },
                                                                        .on_time = options_.on_time});
}

Variant const& CompiledProgram::variant(i64 batch, std::atomic<bool> const* cancelled) const {
  auto const bound = module().bindings[static_cast<size_t>(Symbol::batch)];
  if (!bound || *bound == batch) return *main_;
  if (is_module(file_)) throw Error(fmt::format("the program is made for a batch of {}, got {}", *bound, batch));
  std::lock_guard const lock(mutex_);
  auto const known = variants_.find(batch);
  if (known != variants_.end()) return *known->second;
  auto made = with_stack(stack_of_compiler, [&] { return make_variant(batch, cancelled); });
  return *(variants_[batch] = std::move(made));
}

Function const& CompiledProgram::function(std::string_view name, i64 batch, std::atomic<bool> const* cancelled) const {
  (void)function(name);
  return *variant(batch, cancelled).module().function(name);
}

// Sources of its own, for other threads may read those of the program; their files have the same numbers.
std::unique_ptr<Variant> CompiledProgram::make_variant(i64 batch, std::atomic<bool> const* cancelled) const {
  auto const start = std::chrono::steady_clock::now();
  auto const sources = std::make_shared<Sources>();
  u32 const file = sources->add(sources_->name(file_), sources_->text(file_));
  auto const name = fmt::format("a batch of {}", batch);
  try {
    auto how = settings();
    how.batch_number = batch;
    auto elaborated = elaborate(sources, file, how);
    std::erase_if(elaborated.diagnostics, [](auto const& d) { return d.severity != Severity::error; });
    if (has_errors(elaborated.diagnostics)) throw Error(std::move(elaborated.diagnostics));
    expect_same_program(elaborated, batch);
    auto module = std::move(elaborated.module);
    module.target = target_;
    PassContext context;
    PassOptions passes = chosen_passes();
    passes.check_each = options_.check_each;
    passes.time = [&](std::string_view, double, size_t) {
      if (cancelled && *cancelled) throw Error(Code::cancelled, "cancelled");
    };
    module = run(passes, std::move(module), context);
    if (has_errors(context.diagnostics)) throw Error(std::move(context.diagnostics));
    std::chrono::duration<double, std::milli> const took = std::chrono::steady_clock::now() - start;
    if (options_.on_time) call_host(options_.on_time, "program for " + name, took.count(), node_count(module));
    return variant_of(std::move(module), " for " + name);
  } catch (Error& error) {
    if (is_cancelled(error)) throw;
    for (auto& d : error.diagnostics) d.notes.push_back({{}, "this is the program for " + name});
    throw failure_of(coded(Code::type, std::move(error)).diagnostics, *sources,
                     static_cast<size_t>(std::max<std::int64_t>(options_.max_errors, 0)));
  }
}

// Extents that follow from the size of the batch may reach a parameter, or an `if`.
void CompiledProgram::expect_same_program(Elaborated const& other, i64 batch) const {
  i64 const own = *module().bindings[static_cast<size_t>(Symbol::batch)];
  auto const refuse = [&](Location at, std::string const& what) { throw Error(Diagnostic{.at = at, .message = what}); };
  auto const &ours = *module().function("initialize"), &theirs = *other.module.function("initialize");
  for (auto const& r : theirs.results)
    for (auto const& o : ours.results)
      if (auto const& have = theirs.type(r.value), &want = ours.type(o.value); r.name == o.name && have != want)
        refuse(place_of(other.module, r.name, at_),
               fmt::format("`{}` is {} in a batch of {}, and {} in one of {}: what is kept has one type", r.name,
                           want.text(), own, have.text(), batch));
  auto const differ = [&](char const* what) {
    refuse(at_, fmt::format("{} are others in a batch of {} than in one of {}", what, own, batch));
  };
  if (!same_face(ours, theirs)) differ("the parameters and states");
  if (!same_inputs(inputs_, other.inputs)) differ("the inputs");
  if (module().training != other.module.training) differ("the numbers of the training");
  for (auto const* name : {"run", "evaluate"})
    if (auto const* a = module().function(name), *b = other.module.function(name); a && b && !same_face(*a, *b))
      differ("the results");
}

} // namespace nnc
