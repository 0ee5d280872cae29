// The state of a session and the one place that calls compiled code.
#include "runtime/session.h"

#include "ir/host.h"
#include "ir/memory.h"
#include "runtime/cores.h"
#include "runtime/failure.h"
#include "runtime/finite.h"
#include "runtime/identity.h"
#include "runtime/ranges.h"
#include "runtime/weights_file.h"

#include <fmt/core.h>
#include <sys/mman.h>

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstring>
#include <iterator>

namespace nnc {
namespace {

constexpr size_t page = 4096, huge_page = size_t{2} << 20;

bool lasts(Role role) { return is_kept(role) && role != Role::carried; }

std::vector<i64> constant_shape(Type const& type, std::string const& name) {
  std::vector<i64> shape;
  for (auto const& dim : type.shape) {
    auto const extent = dim.constant();
    if (!extent) throw Error(fmt::format("'{}' lives from step to step and depends on the batch", name));
    shape.push_back(*extent);
  }
  return shape;
}

// What a session calls. A module whose passes did not all run holds more (@loss, @update.*).
std::vector<Function const*> callable(CompiledProgram const& program) {
  std::vector<std::string> names{"initialize", "begin_pass"};
  for (auto const& step : program.train_steps()) names.push_back(step);
  names.insert(names.end(), {"evaluate", "run"});
  std::vector<Function const*> functions;
  for (auto const& name : names)
    if (auto const* function = program.module().function(name)) functions.push_back(function);
  return functions;
}

std::vector<std::string> functions_for(CompiledProgram const& program, std::vector<Use> const& uses, bool initialize) {
  std::vector<std::string> functions;
  if (initialize) functions.emplace_back("initialize");
  for (auto const use : uses)
    if (use == Use::train) std::ranges::copy(program.train_steps(), std::back_inserter(functions));
    else functions.emplace_back(use == Use::evaluate ? "evaluate" : "run");
  return functions;
}

i64 reports_in(Function const& function) { return std::ranges::count_if(function.results, is_report, &Result::role); }

} // namespace

void refuse_name(char const* what, std::string const& name, std::vector<std::string> const& known) {
  Diagnostic problem;
  problem.message = fmt::format("the program has no {} '{}'", what, name);
  if (auto const near = nearest(name, known); !near.empty()) problem.help = fmt::format("did you mean '{}'?", near);
  throw Error(problem);
}

Arena::~Arena() {
  if (data_) ::munmap(data_, size_);
}

// Pages of the system, so that what a plan reserves and never touches costs nothing; large ones where they fit. Where
// there are none, the old ones stay: bound calls need them.
void* Arena::at_least(size_t bytes) {
  if (bytes <= size_) return data_;
  size_t const unit = bytes >= 2 * huge_page ? huge_page : page;
  size_t const size = (bytes + unit - 1) / unit * unit;
  void* const memory = ::mmap(nullptr, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (memory == MAP_FAILED)
    throw Error(Code::memory, fmt::format("no memory for intermediate values: {} MiB", size >> 20));
  if (size >= 2 * huge_page) ::madvise(memory, size, MADV_HUGEPAGE);
  if (data_) ::munmap(data_, size_);
  size_ = size;
  return data_ = memory;
}

namespace {

size_t arena_for(Function const& function, i64 batch, int members) {
  auto const bytes = arena_bytes(function, batch, members);
  if (!bytes) throw Error(Code::memory, fmt::format("a batch of {} needs too much memory", batch));
  return static_cast<size_t>(*bytes);
}

} // namespace

SessionState::SessionState(std::shared_ptr<CompiledProgram const> program, SessionOptions const& options)
    : SessionState(std::move(program), options, nullptr) {}

SessionState::SessionState(SessionState const& owner, SessionOptions const& options)
    : SessionState(owner.program_, options, &owner) {}

SessionState::SessionState(std::shared_ptr<CompiledProgram const> program, SessionOptions const& options,
                           SessionState const* owner)
    : program_(std::move(program)), kept_(owner ? owner->kept_ : std::vector<Kept>{}),
      shares_weights_(owner != nullptr), asked_threads_(std::min(options.threads, most_threads())),
      max_memory_(options.max_memory) {
  auto const& module = program_->module();
  auto const functions = callable(*program_);
  check_inputs();
  for (auto const* function : functions) check_roles(*function);
  for (auto const* function : functions) keep(*function);
  collect_scalars();
  check_ranges(module, scalars_);
  seed_was_asked = options.seed.has_value();
  seed = options.seed.value_or(module.training ? static_cast<u64>(module.training->seed) : 0);
  if (owner) scalars_ = owner->scalars_;
  if (options.threads < 0) throw Error(fmt::format("{} threads: expected at least 1", options.threads));
  i64 const batch = module.training ? module.training->batch : 1;
  for (auto const* function : functions) check_memory(arena_for(*function, batch, threads_for(*function)));
  int members = 1;
  for (auto const* function : functions) members = std::max(members, threads_for(*function));
  gather_team(members);
  may_train = options.uses.empty() || std::ranges::count(options.uses, Use::train) > 0;
  auto prepared = functions_for(*program_, options.uses, !owner);
  if (program_->is_for_one_batch()) std::erase(prepared, "run"); // whose batches are others than those of the training
  program_->main().prepare(prepared);
  if (owner) return;
  if (auto const* initialize = module.function("initialize")) call(*initialize, Work{.batch = 1});
  is_fresh = true;
}

// As many members as were asked for; who asked for none gets along with one where the system has no more.
void SessionState::gather_team(int members) {
  try {
    team_ = std::make_unique<Team>(members);
  } catch (NoThread const& error) {
    if (asked_threads_ > 0)
      throw Error(Code::memory,
                  fmt::format("the system does not start {} threads: {}", members, error.code().message()));
    asked_threads_ = 1;
    team_ = std::make_unique<Team>(1);
  }
}

// Rows are taken from inputs, so they start with the batch; in a module that comes as text they need not.
void SessionState::check_inputs() const {
  auto const bound = program_->module().bindings[static_cast<size_t>(Symbol::batch)];
  for (auto const& input : program_->inputs()) {
    auto const& shape = input.type.shape;
    if (!shape.empty() && (shape[0] == Dim(Symbol::batch) || (bound && shape[0] == Dim(*bound)))) continue;
    throw Error(Diagnostic{.at = place_of(input.name, program_->at()),
                           .message = fmt::format("the input '{}' is {}, expected one that starts with the batch",
                                                  input.name, input.type.text())});
  }
}

// A session fills arguments and takes results by their roles; a function of a module that comes as text may have
// others.
void SessionState::check_roles(Function const& function) const {
  auto const refuse = [&](ValueId value, char const* what, std::string const& name, Role role) {
    throw Error(Diagnostic{.at = function.values[value].at ? function.values[value].at : program_->at(),
                           .message = fmt::format("the {} '{}' of @{} has the role {}, which means nothing there", what,
                                                  name, function.name, nnc::name(role))});
  };
  bool const sees_rows = function.name != "initialize";
  for (auto const& argument : function.arguments) {
    bool const row = argument.role == Role::rows || argument.role == Role::data;
    if (argument.role == Role::none || argument.role >= Role::gradient || (row && !sees_rows))
      refuse(argument.value, "argument", function.values[argument.value].name, argument.role);
  }
  for (auto const& result : function.results) {
    bool const taken = is_taken_by_hosts(function, result) || result.role == Role::table;
    if (!taken) refuse(result.value, "result", result.name, result.role);
  }
}

// Whatever a function is given or gives back under one of the roles that last.
void SessionState::keep(Function const& function) {
  auto const add = [&](Role role, std::string const& name, Type const& type) {
    auto shape = constant_shape(type, name);
    if (auto const* known = tensor(name)) {
      if (known->dtype() == type.dtype && known->shape() == shape) return;
      throw Error(fmt::format("'{}' is {} in @{} and {} in another function", name, type.text(), function.name,
                              known->type_text()));
    }
    check_memory(size_or_error(type.dtype, shape, name));
    kept_.push_back({role, {name, HostTensor(type.dtype, std::move(shape))}});
  };
  auto const add_placed = [&](Role role, std::string const& name, ValueId value) {
    if (lasts(role)) placed(place_of(name, function.values[value].at), [&] { add(role, name, function.type(value)); });
  };
  for (auto const& result : function.results) add_placed(result.role, result.name, result.value);
  for (auto const& argument : function.arguments)
    add_placed(argument.role, function.values[argument.value].name, argument.value);
}

// Where the user declared what has this name; `other` when no function takes it.
Location SessionState::place_of(std::string const& name, Location other) const {
  for (auto const& function : program_->module().functions)
    for (auto const& argument : function.arguments)
      if (auto const& value = function.values[argument.value]; value.name == name && value.at) return value.at;
  return other;
}

void SessionState::collect_scalars() {
  scalars_ = {{"steps", 0}, {"epoch", 1}};
  if (auto const& training = program_->module().training) {
    scalars_["steps"] = static_cast<f64>(training->steps);
    for (auto const& scalar : training->scalars) scalars_[scalar.name] = scalar.value;
  }
}

void SessionState::check_memory(size_t more) const {
  size_t total = more;
  for (auto const& kept : kept_) total += kept.named.tensor.bytes().size();
  if (max_memory_ > 0 && total > static_cast<size_t>(max_memory_))
    throw Error(
        Code::memory,
        fmt::format("the program needs at least {} bytes for weights, states and intermediate values; {} are allowed",
                    total, max_memory_));
}

int SessionState::threads_for(Function const& function) const {
  if (asked_threads_ > 0) return asked_threads_;
  return static_cast<int>(std::clamp<i64>(function.threads, 1, core_count()));
}

HostTensor* SessionState::tensor(std::string_view name) {
  for (auto& kept : kept_)
    if (kept.named.name == name) return &kept.named.tensor;
  return nullptr;
}

HostTensor& SessionState::parameter(std::string const& name) {
  if (auto* found = tensor(name)) return *found;
  std::vector<std::string> names;
  for (auto const& kept : kept_) names.push_back(kept.named.name);
  refuse_name("parameter", name, names);
}

std::vector<NamedTensor> SessionState::tensors(Role role) const {
  std::vector<NamedTensor> found;
  for (auto const& kept : kept_)
    if (kept.role == role) found.push_back(kept.named);
  return found;
}

std::vector<NamedTensor> SessionState::among(Role role, std::vector<NamedTensor> const& given) const {
  std::vector<NamedTensor> found;
  for (auto const& named : given)
    for (auto const& kept : kept_)
      if (kept.role == role && kept.named.name == named.name) found.push_back(named);
  return found;
}

Checkpoint SessionState::checkpoint() const {
  Checkpoint checkpoint;
  checkpoint.parameters = tensors(Role::param);
  checkpoint.states = tensors(Role::state);
  if (training_pass.open) checkpoint.carried = training_pass.tensors.at(*training_pass.open);
  checkpoint.optimizer = tensors(Role::optimizer);
  checkpoint.step = place.step;
  checkpoint.epoch = place.epoch;
  checkpoint.offset = place.offset;
  checkpoint.seed = seed;
  checkpoint.notes = training_facts;
  checkpoint.encodings = encodings;
  checkpoint.notes.insert(program_->facts().begin(), program_->facts().end());
  checkpoint.notes["summary"] = program_->summary();
  checkpoint.notes["numbers"] = numbers_text(numbers());
  return checkpoint;
}

std::string SessionState::not_finite() const {
  for (auto const& kept : kept_)
    if (!is_finite(kept.named.tensor))
      return fmt::format("{}'{}'", kept.role == Role::optimizer ? "the optimizer's " : "", kept.named.name);
  return "";
}

void SessionState::expect_all(Role role, std::vector<NamedTensor> const& source, std::string const& from) const {
  for (auto const& kept : kept_) {
    if (kept.role != role) continue;
    auto const& name = kept.named.name;
    auto const* found = named(source, name);
    if (!found) throw Error(fmt::format("{} has no '{}', which the program needs", from, name));
    auto const& target = kept.named.tensor;
    if (found->tensor.dtype() != target.dtype() || found->tensor.shape() != target.shape())
      throw Error(
          fmt::format("{}: '{}' is {}, the program has {}", from, name, found->tensor.type_text(), target.type_text()));
  }
}

void SessionState::expect_same(Role role, std::vector<NamedTensor> const& source, std::string const& from) const {
  expect_all(role, source, from);
  auto const own = tensors(role);
  for (auto const& given : source)
    if (!named(own, given.name)) throw Error(fmt::format("{} has '{}', which the program has not", from, given.name));
}

void SessionState::replace(Role role, std::vector<NamedTensor> const& source, std::string const& from) {
  expect_all(role, source, from);
  for (auto& kept : kept_) {
    if (kept.role != role) continue;
    auto const bytes = named(source, kept.named.name)->tensor.bytes();
    if (!bytes.empty()) std::memcpy(kept.named.tensor.writable().data(), bytes.data(), bytes.size());
  }
}

void SessionState::take(Checkpoint const& checkpoint, std::string const& from) {
  auto pass = pass_in(checkpoint, from);
  is_fresh = false;
  replace(Role::param, checkpoint.parameters, from);
  replace(Role::state, checkpoint.states, from);
  replace(Role::optimizer, checkpoint.optimizer, from);
  training_pass.take(pass);
  place = {checkpoint.step, checkpoint.epoch, checkpoint.offset.value_or(0)};
  seed = checkpoint.seed;
  training_facts = checkpoint.notes;
  encodings = checkpoint.encodings;
  knows_data = true;
  trained_on.reset();
}

// A file from elsewhere does not say which of its tensors are states, and one that another training wrote has no
// averages, or others: where they are missing they begin with the weights.
void SessionState::load(Checkpoint const& checkpoint, std::string const& from) {
  std::vector<NamedTensor> surplus, given = checkpoint.parameters;
  for (auto const& one : checkpoint.parameters)
    if (!tensor(one.name)) surplus.push_back(one);
  auto const& training = program_->module().training;
  // What is fresh in a training is trained in its own file; and who only asks the weights wants all of them.
  bool own = checkpoint.can_resume;
  for (auto const* key : {"model_text", "fresh"}) {
    auto const then = checkpoint.notes.find(key), now = program_->facts().find(key);
    own = own && then != checkpoint.notes.end() && now != program_->facts().end() && then->second == now->second;
  }
  auto spared = training && !own && may_train ? training->fresh : std::vector<std::string>{};
  auto const states = checkpoint.can_resume ? checkpoint.states : among(Role::state, checkpoint.parameters);
  std::vector<std::string> begun;
  for (auto const& name : training ? training->averaged : std::vector<std::string>{})
    if (!named(states, average_of(name)) || std::ranges::count(spared, name) > 0) begun.push_back(name);
  for (auto const& name : begun) spared.push_back(average_of(name));
  std::vector<Wanted> wanted;
  for (auto const& kept : kept_) {
    bool const taken = kept.role == Role::param || (kept.role == Role::state && !states.empty());
    auto const& [name, own] = kept.named;
    if (taken && std::ranges::count(spared, name) == 0) wanted.push_back({name, own.dtype(), own.shape()});
  }
  if (checkpoint.can_resume) given.insert(given.end(), states.begin(), states.end());
  auto const tensors = fitted(wanted, given, surplus, from);
  is_fresh = false;
  if (checkpoint.can_resume) encodings = checkpoint.encodings;
  knows_data = knows_data || !states.empty();
  for (auto const& one : tensors)
    std::ranges::copy(one.tensor.bytes(), tensor(one.name)->writable().begin());
  for (auto const& name : begun) begin_average(name);
}

void SessionState::begin_average(std::string const& parameter) {
  auto* const average = tensor(average_of(parameter));
  auto const* const weights = average ? tensor(parameter) : nullptr;
  if (!weights) return;
  if (weights->dtype() == average->dtype()) std::ranges::copy(weights->bytes(), average->writable().begin());
  else if (weights->dtype() == DType::bf16)
    std::ranges::transform(weights->as<u16>(), average->writable_as<f32>().begin(),
                           [](u16 bits) { return std::bit_cast<f32>(static_cast<u32>(bits) << 16); });
  else
    std::ranges::transform(weights->as<u16>(), average->writable_as<f32>().begin(),
                           [](u16 bits) { return static_cast<f32>(std::bit_cast<_Float16>(bits)); });
}

void SessionState::restore(Checkpoint const& checkpoint, std::string const& from) {
  if (!checkpoint.can_resume)
    throw Error(fmt::format("{} holds weights alone; a training can start from them, but not go on", from));
  Comparison const comparison(from, checkpoint.notes, program_->facts());
  comparison.check_names();
  expect_same(Role::param, checkpoint.parameters, from);
  expect_same(Role::state, checkpoint.states, from);
  expect_same(Role::optimizer, checkpoint.optimizer, from);
  comparison.check_rest();
  auto numbers = scalars_;
  if (auto const text = checkpoint.notes.find("numbers"); text != checkpoint.notes.end())
    for (auto const& number : numbers_of(text->second))
      if (auto const own = numbers.find(number.name); own != numbers.end()) own->second = number.value;
  check_ranges(program_->module(), numbers);
  take(checkpoint, from);
  for (auto const& [name, value] : numbers) scalar(name) = value; // bound calls know where they stand
}

Encoding const* SessionState::encoding_of(std::string const& column) const {
  for (auto const* known : {&encodings, &run_encodings})
    if (auto const found = known->find(column); found != known->end()) return &found->second;
  return nullptr;
}

void SessionState::expect_own_weights(char const* call) const {
  if (training_) throw Error(fmt::format("{} while a training of this session runs", call));
  if (shares_weights_)
    throw Error(fmt::format("{} of a session that shares the weights of another: it can only run and evaluate", call));
}

void SessionState::expect_planned_steps() const {
  if (scalars_.at("steps") > 0 || !program_->reads_steps()) return;
  throw Error(Diagnostic{.at = program_->at(),
                         .message = "a schedule reads `steps`, and nobody says how many will be made",
                         .help = "Session::set_scalar says it: \"steps\", and their number"});
}

void SessionState::expect_not_cancelled() const {
  if (is_cancelled()) throw Error(Code::cancelled, "cancelled");
}

std::vector<Number> SessionState::numbers() const {
  std::vector<Number> numbers;
  for (auto const& [name, value] : scalars_) numbers.push_back({name, value});
  return numbers;
}

void SessionState::check_steps_and_epochs(std::string const& name, f64 value) const {
  if (!std::isfinite(value)) throw Error(fmt::format("'{}' is set to {}, expected a finite number", name, value));
  f64 const least = name == "epoch" ? 1 : 0;
  if ((name == "steps" || name == "epoch") && !(value >= least && value <= 0x1p53 && value == std::floor(value)))
    throw Error(fmt::format("'{}' is set to {}, expected a whole number from {} on", name, value, least));
}

void SessionState::set_scalar(std::string const& name, f64 value) {
  f64 const before = std::exchange(scalar(name), value);
  try {
    check_ranges(program_->module(), scalars_);
    check_steps_and_epochs(name, value);
  } catch (...) {
    scalar(name) = before;
    throw;
  }
}

f64& SessionState::scalar(std::string const& name) {
  auto const found = scalars_.find(name);
  if (found != scalars_.end()) return found->second;
  std::vector<std::string> names;
  for (auto const& [known, value] : scalars_) names.push_back(known);
  refuse_name("number", name, names);
}

// Scalars, rows, step and seed have fields of their own in the context.
void* SessionState::argument_pointer(Function const& function, Argument const& argument, Work const& work) {
  auto const& name = function.values[argument.value].name;
  if (argument.role == Role::carried) return carried(function, name, work).writable().data();
  if (is_kept(argument.role)) return tensor(name)->writable().data();
  if (argument.role != Role::data && argument.role != Role::input && argument.role != Role::target) return nullptr;
  if (argument.role != Role::data && work.examples != work.batch)
    throw Error(
        fmt::format("the pass assemble_step, by which @{} takes rows of a data set, is missing", function.name));
  auto const& inputs = program_->inputs();
  for (size_t i = 0; i < inputs.size(); ++i)
    if (inputs[i].name == name && i < work.columns.size() && work.columns[i]) return const_cast<void*>(work.columns[i]);
  bool const is_target = std::ranges::any_of(inputs, [&](auto const& i) { return i.name == name && i.is_target; });
  Diagnostic problem{.at = function.values[argument.value].at,
                     .message = fmt::format("the {} '{}' is missing", is_target ? "target" : "input", name)};
  if (is_target && function.name == "run") problem.help = "an output is computed from it";
  throw Error(problem);
}

void* SessionState::result_pointer(Function const& function, Result const& result, Work const& work, size_t& output) {
  if (result.role == Role::carried) return carried(function, result.name, work).writable().data();
  if (is_kept(result.role)) return tensor(result.name)->writable().data();
  return result.role == Role::output ? work.outputs.at(output++) : nullptr;
}

NativeCall::NativeCall(SessionState& state, Function const& called, Work const& work) {
  auto const& program = *state.program_;
  bool const initializes = called.name == "initialize";
  auto const* cancelled = &state.cancelled_;
  if (work.batch % called.parts != 0)
    throw Error(
        fmt::format("a step of {} rows, expected a multiple of {}: `accumulate` cuts it into so many equal parts",
                    work.batch, called.parts));
  auto const& variant = initializes ? program.main() : program.variant(work.batch / called.parts, cancelled);
  Function const& function = *variant.module().function(called.name);
  if (!work.pass) pass_ = state.pass_of(function, work);
  if (pass_) state.open(*pass_, work.batch);
  for (auto const& argument : function.arguments) {
    arguments_.push_back(state.argument_pointer(function, argument, work));
    if (argument.role == Role::scalar) numbers_.push_back(&state.scalar(function.values[argument.value].name));
  }
  scalars_.resize(numbers_.size());
  size_t output = 0;
  for (auto const& result : function.results) {
    if (result.role == Role::table) {
      auto const& type = function.type(result.value);
      tables_.push_back({result.name, HostTensor(type.dtype, constant_shape(type, result.name))});
      results_.push_back(tables_.back().tensor.writable().data());
    } else results_.push_back(state.result_pointer(function, result, work, output));
  }
  // There is room for all members, also where fewer run.
  int const members = std::min(state.threads_for(function), state.team_->members());
  placed(program.at(), [&] {
    auto const arena = arena_for(function, work.batch, members);
    state.check_memory(arena);
    state.arena_.at_least(arena);
  });
  sums_.assign(static_cast<size_t>(reports_in(function)), 0);
  last_.assign(sums_.size(), 0);
  report_.sums = sums_.data();
  report_.last = last_.data();
  context_.version = NNC_ABI_VERSION;
  context_.threads = work.threads > 0 ? std::min(work.threads, members) : members;
  context_.arguments = arguments_.data();
  context_.results = results_.data();
  context_.scalars = scalars_.data();
  context_.batch = work.batch;
  context_.examples = work.examples;
  context_.stop_on_bad = work.stop_on_bad;
  context_.report = &report_;
  entry_ = variant.entry(function.name, cancelled);
}

void NativeCall::run(SessionState& state, i64 first_step, i64 steps, i32 const* rows) {
  if (pass_) state.open(*pass_, context_.batch);
  for (size_t i = 0; i < scalars_.size(); ++i) scalars_[i] = *numbers_[i];
  report_ = {.sums = report_.sums, .last = report_.last};
  context_.arena = state.arena_.data();
  context_.seed = static_cast<i64>(state.seed);
  context_.rows = rows;
  state.team_->run(entry_, context_, first_step, steps);
}

Outcome SessionState::call(Function const& function, Work const& work) {
  NativeCall call(*this, function, work);
  if (!work.sums.empty()) std::ranges::copy(work.sums, call.sums().begin());
  call.run(*this, work.first_step, work.steps, work.rows);
  auto const& report = call.report();
  return {.sums = call.sums(),
          .last = call.last(),
          .tables = call.tables(),
          .steps = report.steps,
          .examples = report.examples,
          .first_bad_step = report.first_bad_step,
          .clamped = report.clamped,
          .zero_divided = report.zero_divided};
}

} // namespace nnc
