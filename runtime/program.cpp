#include "runtime/program.h"

#include "ir/host.h"
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

#include <fmt/ranges.h>

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
    if (options.on_import) call_host(options.on_import, file.string());
    return read_text(file);
  }
  return std::nullopt;
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

std::string switches_for(Options const& options) {
  std::string text = "--emit asm";
  if (options.passes) text += fmt::format(" --passes {}", fmt::join(*options.passes, ","));
  if (!options.without.empty()) text += fmt::format(" --without {}", fmt::join(options.without, ","));
  return options.check_each ? text + " --check each" : text;
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

CompiledProgram::CompiledProgram(std::shared_ptr<Sources> sources, u32 file, Options options)
    : sources_(std::move(sources)), file_(file), options_(std::move(options)) {
  auto const start = Clock::now();
  auto module = elaborate_program(file);
  if (options_.on_time) call_host(options_.on_time, "elaborate", milliseconds_since(start), node_count(module));
  bool const chosen = !options_.cpu.empty() || !options_.target.empty();
  if (chosen) module.target = target_for(options_.cpu, options_.target);
  else if (!module.target) module.target = host_target();
  target_ = *module.target;
  limits_ = index_limits(module);
  elaborated_ = module;
  main_ = coded(Code::unsupported, [&] {
    return variant_of(is_module(file) ? finish_module(std::move(module)) : finish(std::move(module)), "");
  });
}

std::optional<std::string> CompiledProgram::read_import_once(std::string const& path) const {
  auto const known = imports_.find(path);
  if (known != imports_.end()) return known->second;
  return imports_[path] = read_import(options_, sources_->name(file_), path);
}

Settings CompiledProgram::settings() const {
  Settings settings;
  settings.train_name = options_.train_name;
  settings.set = options_.set;
  if (options_.batch && *options_.batch < 1)
    throw Error(fmt::format("a batch of {} examples: expected at least 1", *options_.batch));
  if (options_.batch) settings.batch = *options_.batch;
  settings.max_nodes = options_.max_nodes;
  settings.read_import = [this](std::string const& path) { return read_import_once(path); };
  if (options_.data) {
    auto const& set = Inside::of(*options_.data).set;
    settings.columns = columns_of(set.train.columns.empty() ? set.test : set.train);
    settings.properties = set.properties;
    settings.are_examples = set.are_examples;
  }
  return settings;
}

// They cost printing and a digest, so only a training that is saved asks.
std::map<std::string, std::string> const& CompiledProgram::facts() const {
  std::call_once(facts_asked_, [&] { facts_ = program_facts(elaborated_, optimizers_); });
  return facts_;
}

Module CompiledProgram::finish_module(Module module) {
  try {
    return finish(std::move(module));
  } catch (Error const&) {
    (void)with_own_places();
    throw;
  }
}

// The nodes of a module may come from lines of a program that is not at hand. What is refused has its place in the text
// of the module, too: the same work, done once more, says which.
Module CompiledProgram::with_own_places() const {
  Module module = parse_ir(sources_, file_, true).module;
  module.target = target_;
  PassContext context;
  context.target = target_;
  if (options_.passes && options_.passes->empty()) return module;
  return run_passes(std::move(module), chosen_passes(), context);
}

void CompiledProgram::blame_own_places() const {
  if (!is_module(file_)) return;
  with_stack(stack_of_compiler, [&] {
    auto const module = with_own_places();
    check_finished(module, true);
    (void)compile(module);
  });
}

PassOptions CompiledProgram::chosen_passes() const {
  PassOptions how;
  if (options_.passes) how.only = *options_.passes;
  how.without = options_.without;
  how.max_nodes = options_.max_nodes;
  return how;
}

Module CompiledProgram::elaborate_program(u32 file) {
  return is_module(file) ? read_module(file) : elaborate_text(file);
}

Module CompiledProgram::elaborate_text(u32 file) {
  auto const how = settings();
  auto elaborated = coded(Code::type, [&] { return elaborate(sources_, file, how); });
  accept(std::move(elaborated.diagnostics));
  list_constants(elaborated);
  inputs_ = std::move(elaborated.inputs);
  optimizers_ = std::move(elaborated.optimizers);
  calls_ = std::move(elaborated.calls);
  flops_ = elaborated.flops;
  summary_ = std::move(elaborated.summary);
  at_ = elaborated.at;
  return std::move(elaborated.module);
}

Module CompiledProgram::read_module(u32 file) {
  if (!options_.set.empty()) {
    auto const& [name, value] = options_.set.front();
    throw Error(
        Diagnostic{.at = {sources_->add("Options::set", name + "=" + value), 1, 1, static_cast<u32>(name.size())},
                   .message = "a module takes no values: they are in its text"});
  }
  auto parsed = parse_ir(sources_, file);
  accept(std::move(parsed.diagnostics), Code::syntax);
  if (parsed.module.functions.empty())
    throw Error(Diagnostic{.at = {file, 1, 1, 0}, .message = "the module holds no function"});
  if (!verify(parsed.module).empty()) throw Error(verify(parse_ir(sources_, file, true).module));
  inputs_ = inputs_of(parsed.module);
  if (auto const batch = parsed.module.bindings[static_cast<size_t>(Symbol::batch)])
    constants_.push_back({"batch", static_cast<double>(*batch), {}, "the module is made for it"});
  summary_ = "module " + sources_->name(file);
  at_ = {file, 1, 1, 0};
  return std::move(parsed.module);
}

void CompiledProgram::accept(std::vector<Diagnostic> diagnostics, Code code) {
  if (options_.werror)
    for (auto& diagnostic : diagnostics) diagnostic.severity = Severity::error;
  if (has_errors(diagnostics)) throw coded(code, Error(std::move(diagnostics)));
  for (auto& warning : problems_of(diagnostics, Severity::warning, *sources_)) warnings_.push_back(std::move(warning));
}

Module CompiledProgram::finish(Module module) {
  PassContext context;
  PassOptions how = chosen_passes();
  how.check_each = options_.check_each;
  if (options_.on_trace) context.trace = [this](std::string const& line) { options_.on_trace(line); };
  if (options_.on_stage) {
    how.dump = [this](std::string_view stage, Module const& m, bool changed) {
      call_host(options_.on_stage, std::string(stage), changed, [&m] { return print(m); });
    };
  }
  if (options_.on_time)
    how.time = [this](std::string_view pass, double ms, size_t nodes) {
      call_host(options_.on_time, std::string(pass), ms, nodes);
    };
  module = run(how, std::move(module), context);
  accept(std::move(context.diagnostics));
  return module;
}

Module CompiledProgram::run(PassOptions const& how, Module module, PassContext& context) const {
  context.target = target_;
  auto const last = std::make_shared<Module>(module); // a copy costs microseconds, and is what a bug report needs
  try {
    // No pass at all is a choice as well: `only` is then empty, which would mean the whole pipeline.
    if (!options_.passes || !options_.passes->empty()) return run_passes(std::move(module), how, context);
    if (how.dump) how.dump("elaborate", module, true);
    return module;
  } catch (CompilerBug const& bug) {
    throw failure_of(bug, print(*last), switches_for(options_));
  }
}

void CompiledProgram::expect_training() const {
  if (module().training) return;
  throw Error(Diagnostic{.at = at_,
                         .message = "the program has no train block",
                         .help = "`train name { minimize loss with adam() }` says how to train"});
}

Function const& CompiledProgram::function(std::string_view name) const {
  auto const* function = module().function(name);
  bool const gives_nothing = function && function->results.empty() && (name == "run" || name == "evaluate");
  if (!function || gives_nothing) throw Error(Diagnostic{.at = at_, .message = missing_text(module(), name)});
  return *function;
}

std::vector<std::string> CompiledProgram::train_steps() const {
  std::vector<std::string> names{"train_step"};
  while (module().function(of_phase("train_step", names.size()))) names.push_back(of_phase("train_step", names.size()));
  return names;
}

namespace {

struct Turn {
  size_t phase = 0;
  std::optional<i64> left; // steps; nothing: there is one phase
};

Turn turn_behind(Training const& training, i64 made) {
  if (training.phases.size() < 2) return {};
  i64 cycle = 0;
  for (auto const& phase : training.phases) cycle += phase.steps;
  i64 at = made % cycle;
  size_t phase = 0;
  for (; at >= training.phases[phase].steps; ++phase) at -= training.phases[phase].steps;
  return {phase, training.phases[phase].steps - at};
}

} // namespace

bool CompiledProgram::reads_steps() const {
  return std::ranges::any_of(train_steps(), [&](auto const& name) {
    auto const* steps = function(name).argument("steps");
    return steps && steps->role == Role::scalar;
  });
}

Function const& CompiledProgram::train_step(i64 made) const {
  auto const& training = module().training;
  return function(of_phase("train_step", training ? turn_behind(*training, made).phase : 0));
}

std::optional<i64> CompiledProgram::left_of_phase(i64 made) const {
  auto const& training = module().training;
  return training ? turn_behind(*training, made).left : std::nullopt;
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
    return Inside::program(
        with_stack(stack_of_compiler, [&] { return std::make_shared<CompiledProgram const>(sources, file, options); }));
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

std::vector<Constant> const& Program::constants() const { return compiled_->constants(); }

std::vector<std::string> Program::reports() const {
  std::vector<std::string> names;
  auto const* function = compiled_->module().function("evaluate");
  if (!function) function = compiled_->module().function("train_step");
  if (function)
    for (auto const& result : function->results)
      if (is_report(result.role)) names.push_back(result.name);
  return names;
}

bool Program::can_train() const {
  return compiled_->module().training && compiled_->module().function("train_step") != nullptr;
}
bool Program::can_run() const { return !outputs().empty(); }

std::int64_t Program::batch() const {
  auto const& training = compiled_->module().training;
  return (training ? *training : Training{}).rows();
}

std::int64_t Program::validation() const {
  auto const& training = compiled_->module().training;
  return training ? training->validation : 0;
}

std::int64_t Program::validation(Data const& data) const { return held_back(*compiled_, Inside::of(data).set); }

std::string Program::text() const {
  return guarded(*compiled_, [&] { return print(compiled_->module()); });
}

std::string Program::emit(std::string const& kind) const {
  if (kind == "object") return emit_object().object;
  return guarded(*compiled_,
                 [&] { return with_stack(stack_of_compiler, [&] { return compiled_->main().emit(kind); }); });
}

std::vector<std::string> Program::emit_kinds() { return {"ir", "loops", "llvm", "asm", "object"}; }

std::vector<std::string> Program::stages() {
  std::vector<std::string> names{"elaborate"};
  for (auto const* pass : distinct_passes()) names.emplace_back(pass->name);
  return names;
}

} // namespace nnc
