#include "runtime/program.h"

#include "ir/op.h"
#include "ir/text.h"
#include "ir/verify.h"
#include "ir/walk.h"
#include "passes/pass.h"
#include "runtime/data_set.h"
#include "runtime/failure.h"
#include "runtime/files.h"
#include "runtime/identity.h"
#include "runtime/walk.h"

#include <fmt/core.h>

#include <algorithm>
#include <chrono>

namespace nnc {
namespace {

using Clock = std::chrono::steady_clock;

double milliseconds_since(Clock::time_point start) {
  return std::chrono::duration<double, std::milli>(Clock::now() - start).count();
}

std::string read_text(std::filesystem::path const& path) {
  auto const file = MappedFile::open(path);
  auto const bytes = file->bytes();
  return {reinterpret_cast<char const*>(bytes.data()), bytes.size()};
}

bool is_below(std::filesystem::path const& file, std::filesystem::path const& folder) {
  auto const way = std::filesystem::canonical(file).lexically_relative(std::filesystem::canonical(folder));
  return !way.empty() && *way.begin() != "..";
}

// Imports lie below the folder of the main file, as it was named, or that of the file that a link names. The frontend
// has refused paths that lead out; links may lead out, too.
std::optional<std::string> read_import(Options const& options, std::filesystem::path const& main,
                                       std::string const& path) {
  namespace fs = std::filesystem;
  std::error_code error;
  for (auto const& from : {main, fs::weakly_canonical(main, error)}) {
    auto const folder = from.has_parent_path() ? from.parent_path() : fs::path(".");
    auto const file = from.parent_path() / path;
    if (!fs::is_regular_file(file, error)) continue;
    if (!is_below(file, folder))
      throw Error(fmt::format("the import \"{}\" is a link that leads out of the folder of the model", path));
    if (options.on_import) options.on_import(file.string());
    return read_text(file);
  }
  return std::nullopt;
}

Settings settings_of(Options const& options, std::filesystem::path const& main) {
  Settings settings;
  settings.train_name = options.train_name;
  settings.set = options.set;
  if (options.batch && *options.batch < 1)
    throw Error(fmt::format("a batch of {} examples: expected at least 1", *options.batch));
  if (options.batch) settings.batch = *options.batch;
  settings.max_nodes = options.max_nodes;
  settings.read_import = [&options, main](std::string const& path) { return read_import(options, main, path); };
  if (options.data) {
    auto const& set = options.data->contents().set;
    settings.columns = columns_of(set.train.examples > 0 ? set.train : set.test);
    settings.properties = set.properties;
  }
  return settings;
}

// The inputs of a module that comes as text: those of its functions, inputs before targets.
std::vector<BoundInput> inputs_of(Module const& module) {
  std::vector<BoundInput> inputs;
  auto const add = [&](Function const& function, Argument const& argument) {
    auto const& value = function.values[argument.value];
    BoundInput input{value.name, value.type, argument.role == Role::target, ""};
    // After assemble_step the argument is the whole column: one example for each row.
    if (argument.role == Role::data && !input.type.shape.empty()) input.type.shape[0] = Dim(Symbol::batch);
    for (auto const& known : inputs) {
      if (known.name != input.name) continue;
      if (known.type == input.type) return;
      throw Error(Diagnostic{.at = value.at,
                             .message = fmt::format("the input '{}' is {} here and {} in another function", input.name,
                                                    input.type.text(), known.type.text())});
    }
    inputs.push_back(input);
  };
  for (auto const role : {Role::input, Role::data, Role::target})
    for (auto const& function : module.functions)
      for (auto const& argument : function.arguments)
        if (argument.role == role) add(function, argument);
  return inputs;
}

// A module with one function alone and whatever else codegen reads.
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

std::string joined(std::vector<std::string> const& words, char const* between = ", ") {
  std::string text;
  for (auto const& word : words) text += (text.empty() ? "" : between) + word;
  return text;
}

// The module of a bug in codegen is finished; that of a bug in a pass goes through the same passes again.
constexpr char const* no_passes = "--passes '' --emit asm";

std::string switches_for(Options const& options) {
  std::string text = "--emit asm";
  if (options.passes) text += " --passes " + joined(*options.passes, ",");
  if (!options.without.empty()) text += " --without " + joined(options.without, ",");
  return options.check_each ? text + " --check each" : text;
}

// Machine code is made of what the whole pipeline gives; a choice of passes, or a text, may give something else.
void check_finished(Module const& module, bool chosen) {
  auto problems = verify_finished(module);
  if (problems.empty()) return;
  if (!chosen) throw CompilerBug("before code is made: " + problems.front().message);
  if (problems.front().message.ends_with("are missing"))
    problems.front().help =
        "--dump shows a module between passes; code needs differentiate, assemble_step and plan_memory";
  throw Error(std::move(problems));
}

std::string missing_text(Module const& module, std::string_view function) {
  if (function == "train_step" && module.training) return "the pass assemble_step, which makes @train_step, is missing";
  if (function == "train_step") return "the program has no train block";
  if (function == "run") return "the program has no output";
  if (function == "evaluate") return "the program has no loss and no metric";
  return fmt::format("the program has no function @{}", function);
}

} // namespace

TensorInfo info_of(std::string const& name, Type const& type) {
  TensorInfo info{name, std::string(nnc::name(type.dtype)), {}, type.text()};
  for (auto const& dim : type.shape) info.shape.push_back(dim.constant().value_or(-1));
  return info;
}

inline namespace v1 {

Program::Compiled::Compiled(std::shared_ptr<Sources> sources, u32 file, Options options)
    : sources_(std::move(sources)), file_(file), options_(std::move(options)) {
  auto const start = Clock::now();
  auto module = elaborate_program(file);
  if (options_.on_time) options_.on_time("elaborate", milliseconds_since(start), node_count(module));
  if (!module.target || !options_.cpu.empty())
    module.target = options_.cpu.empty() ? host_target() : target_for(options_.cpu);
  target_ = *module.target;
  limits_ = index_limits(module);
  if (module.training) elaborated_ = module;
  finished_ = is_module(file) ? finish_module(std::move(module)) : finish(std::move(module));
}

// They cost printing and a digest, so only a training that is saved asks.
std::map<std::string, std::string> const& Program::Compiled::facts() const {
  std::call_once(facts_asked_, [&] { facts_ = program_facts(elaborated_, optimizers_); });
  return facts_;
}

Module Program::Compiled::finish_module(Module module) {
  try {
    return finish(std::move(module));
  } catch (Error const&) {
    (void)with_own_places();
    throw;
  }
}

// The nodes of a module may come from lines of a program that is not at hand. What is refused has its place in the text
// of the module, too: the same work, done once more, says which.
Module Program::Compiled::with_own_places() const {
  Module module = parse_ir(sources_, file_, true).module;
  module.target = target_;
  PassContext context;
  context.target = target_;
  if (options_.passes && options_.passes->empty()) return module;
  return run_passes(std::move(module), chosen_passes(), context);
}

void Program::Compiled::blame_own_places() const {
  if (!is_module(file_)) return;
  with_stack(stack_of_compiler, [&] {
    auto const module = with_own_places();
    check_finished(module, true);
    (void)compile(module);
  });
}

PassOptions Program::Compiled::chosen_passes() const {
  PassOptions how;
  if (options_.passes) how.only = *options_.passes;
  how.without = options_.without;
  how.max_nodes = options_.max_nodes;
  return how;
}

// To unload code takes stack as well; where no other thread can be had it is done here.
Program::Compiled::~Compiled() {
  try {
    with_stack(stack_of_calls, [&] { loaded_.clear(); });
  } catch (NoThread const&) {
    loaded_.clear();
  }
}

Module Program::Compiled::elaborate_program(u32 file) {
  return is_module(file) ? read_module(file) : elaborate_text(file);
}

Module Program::Compiled::elaborate_text(u32 file) {
  auto elaborated = elaborate(sources_, file, settings_of(options_, sources_->name(file)));
  accept(std::move(elaborated.diagnostics));
  inputs_ = std::move(elaborated.inputs);
  optimizers_ = std::move(elaborated.optimizers);
  summary_ = std::move(elaborated.summary);
  at_ = elaborated.at;
  return std::move(elaborated.module);
}

Module Program::Compiled::read_module(u32 file) {
  if (!options_.set.empty()) {
    auto const& [name, value] = options_.set.front();
    throw Error(Diagnostic{.at = {sources_->add("--set", name + "=" + value), 1, 1, static_cast<u32>(name.size())},
                           .message = "a module takes no values: they are in its text"});
  }
  auto parsed = parse_ir(sources_, file);
  accept(std::move(parsed.diagnostics));
  if (parsed.module.functions.empty())
    throw Error(Diagnostic{.at = {file, 1, 1, 0}, .message = "the module holds no function"});
  if (!verify(parsed.module).empty()) throw Error(verify(parse_ir(sources_, file, true).module));
  inputs_ = inputs_of(parsed.module);
  summary_ = "module " + sources_->name(file);
  at_ = {file, 1, 1, 0};
  return std::move(parsed.module);
}

void Program::Compiled::accept(std::vector<Diagnostic> diagnostics) {
  if (options_.werror)
    for (auto& diagnostic : diagnostics) diagnostic.severity = Severity::error;
  if (has_errors(diagnostics)) throw Error(std::move(diagnostics));
  for (auto& warning : problems_of(diagnostics, Severity::warning, *sources_)) warnings_.push_back(std::move(warning));
}

Module Program::Compiled::finish(Module module) {
  PassContext context;
  context.target = target_;
  PassOptions how = chosen_passes();
  how.check_each = options_.check_each;
  auto const last = std::make_shared<Module>(module); // a copy costs microseconds, and is what a bug report needs
  if (options_.on_stage) {
    how.dump = [this](std::string_view stage, Module const& m, bool changed) {
      options_.on_stage(std::string(stage), changed, [&m] { return print(m); });
    };
  }
  if (options_.on_time)
    how.time = [this](std::string_view pass, double ms, size_t nodes) {
      options_.on_time(std::string(pass), ms, nodes);
    };
  try {
    // No pass at all is a choice as well: `only` is then empty, which would mean the whole pipeline.
    if (options_.passes && options_.passes->empty()) {
      if (how.dump) how.dump("elaborate", module, true);
      return module;
    }
    module = run_passes(std::move(module), how, context);
  } catch (CompilerBug const& bug) {
    throw failure_of(bug, print(*last), switches_for(options_));
  }
  accept(std::move(context.diagnostics));
  return module;
}

Function const& Program::Compiled::function(std::string_view name) const {
  auto const* function = finished_.function(name);
  bool const gives_nothing = function && function->results.empty() && (name == "run" || name == "evaluate");
  if (!function || gives_nothing) throw Error(Diagnostic{.at = at_, .message = missing_text(finished_, name)});
  return *function;
}

nnc_entry Program::Compiled::entry(std::string_view name) const {
  prepare({std::string(name)});
  std::lock_guard const lock(mutex_);
  auto const found = entries_.find(name);
  if (found == entries_.end()) throw CompilerBug(fmt::format("there is no @{} to be called", name));
  return found->second;
}

void Program::Compiled::prepare(std::vector<std::string> const& functions) const {
  std::lock_guard const lock(mutex_);
  std::vector<std::string> missing;
  for (auto const& name : functions)
    if (entries_.find(name) == entries_.end() && finished_.function(name)) missing.push_back(name);
  if (!missing.empty()) compile_missing(missing);
}

void Program::Compiled::compile_missing(std::vector<std::string> const& functions) const {
  auto const start = Clock::now();
  if (auto const lacking = features_lacking_here(target_); !lacking.empty())
    throw Error(fmt::format("code for {} cannot run on this machine, which lacks {}", target_.cpu, joined(lacking)));
  auto const part = part_of(finished_, functions);
  try {
    check_finished(part, chose_passes() || is_module(file_));
    with_stack(stack_of_compiler, [&] {
      auto const object = compile(part);
      loaded_.push_back(load(object));
    });
  } catch (Error const&) {
    blame_own_places();
    throw;
  } catch (CompilerBug const& bug) {
    throw failure_of(bug, print(part), no_passes);
  }
  for (auto const& name : functions) {
    auto const entry = loaded_.back()->entry(name);
    if (!entry) throw CompilerBug("compiled code has no entry for @" + name);
    entries_[name] = entry;
  }
  if (options_.on_time) options_.on_time("code of " + joined(functions), milliseconds_since(start), node_count(part));
}

std::string Program::Compiled::emit(std::string const& kind) const {
  if (kind == "ir") return print(finished_);
  try {
    check_finished(finished_, chose_passes() || is_module(file_));
    if (kind == "loops") return nnc::emit(finished_, Emit::loops);
    if (kind == "llvm") return nnc::emit(finished_, Emit::llvm);
    if (kind == "asm") return nnc::emit(finished_, Emit::assembly);
    if (kind == "object") {
      auto const bytes = compile(finished_, {.parts = 1}).parts.front();
      return {reinterpret_cast<char const*>(bytes.data()), bytes.size()};
    }
  } catch (Error const&) {
    blame_own_places();
    throw;
  } catch (CompilerBug const& bug) {
    throw failure_of(bug, print(finished_), no_passes);
  }
  throw Error(fmt::format("'{}' cannot be emitted, only {}", kind, joined(emit_kinds())));
}

// ---- The public face ----

Program Program::from_file(std::string const& path, Options const& options) {
  auto text = guarded(Sources{}, [&] { return read_text(path); });
  return from_text(text, options, path);
}

Program Program::from_text(std::string const& text, Options const& options, std::string const& name) {
  auto sources = std::make_shared<Sources>();
  auto const file = sources->add(name, text);
  auto const compiled = [&] {
    Program program;
    program.compiled_ =
        with_stack(stack_of_compiler, [&] { return std::make_shared<Compiled const>(sources, file, options); });
    return program;
  };
  return guarded(*sources, compiled, Location{file, 1, 1, 0},
                 static_cast<size_t>(std::max<std::int64_t>(options.max_errors, 0)));
}

std::vector<Problem> const& Program::warnings() const { return compiled_->warnings(); }

std::string const& Program::summary() const { return compiled_->summary(); }

std::vector<TensorInfo> Program::inputs() const {
  std::vector<TensorInfo> infos;
  for (auto const& input : compiled_->inputs()) {
    infos.push_back(info_of(input.name, input.type));
    infos.back().is_target = input.is_target;
  }
  return infos;
}

std::vector<TensorInfo> Program::outputs() const {
  std::vector<TensorInfo> infos;
  if (auto const* run = compiled_->module().function("run"))
    for (auto const& result : run->results)
      if (result.role == Role::output) infos.push_back(info_of(result.name, run->type(result.value)));
  return infos;
}

std::vector<TensorInfo> Program::parameters() const {
  std::vector<TensorInfo> infos;
  if (auto const* initialize = compiled_->module().function("initialize"))
    for (auto const& result : initialize->results)
      if (result.role == Role::param) infos.push_back(info_of(result.name, initialize->type(result.value)));
  return infos;
}

std::vector<Number> Program::scalars() const {
  std::vector<Number> numbers;
  if (auto const& training = compiled_->module().training)
    for (auto const& scalar : training->scalars) numbers.push_back({scalar.name, scalar.value});
  return numbers;
}

std::vector<std::string> Program::reports() const {
  std::vector<std::string> names;
  auto const* function = compiled_->module().function("evaluate");
  if (!function) function = compiled_->module().function("train_step");
  if (function)
    for (auto const& result : function->results)
      if (result.role == Role::loss || result.role == Role::metric) names.push_back(result.name);
  return names;
}

bool Program::can_train() const {
  return compiled_->module().training && compiled_->module().function("train_step") != nullptr;
}
bool Program::can_run() const { return !outputs().empty(); }

std::int64_t Program::batch() const {
  auto const& training = compiled_->module().training;
  return training ? training->batch : Training{}.batch;
}

std::int64_t Program::validation() const {
  auto const& training = compiled_->module().training;
  return training ? training->validation : 0;
}

std::int64_t Program::validation(Data const& data) const { return held_back(*compiled_, data.contents().set); }

std::string Program::text() const {
  return guarded(*compiled_, [&] { return print(compiled_->module()); });
}

std::string Program::emit(std::string const& kind) const {
  return guarded(*compiled_, [&] { return with_stack(stack_of_compiler, [&] { return compiled_->emit(kind); }); });
}

std::vector<std::string> Program::emit_kinds() { return {"ir", "loops", "llvm", "asm", "object"}; }

std::vector<std::string> Program::stages() {
  std::vector<std::string> names{"elaborate"};
  for (auto const* pass : distinct_passes()) names.emplace_back(pass->name);
  return names;
}

} // namespace v1
} // namespace nnc
