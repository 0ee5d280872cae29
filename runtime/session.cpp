// The public face of a Session: single steps and runs on the caller's buffers, parameters, scalars, files.
#include "runtime/session.h"

#include "runtime/bytes.h"
#include "runtime/data_set.h"
#include "runtime/failure.h"
#include "runtime/files.h"
#include "runtime/data/vocabulary.h"
#include "runtime/meaning.h"
#include "runtime/random.h"
#include "runtime/walk.h"
#include "runtime/weights_file.h"

#include <fmt/core.h>

#include <algorithm>
#include <cstring>
#include <limits>

namespace nnc {
namespace {

std::vector<i64> shape_for(Type const& type, i64 batch) {
  Bindings bindings;
  bindings[static_cast<size_t>(Symbol::batch)] = batch;
  std::vector<i64> shape;
  for (auto const& dim : type.shape) shape.push_back(dim.value(bindings));
  return shape;
}

template <class Buffer>
Buffer const* given(std::vector<Buffer> const& buffers, std::string const& name) {
  for (auto const& buffer : buffers)
    if (buffer.name == name) return &buffer;
  return nullptr;
}

// `what`: "input". Each of the buffers is one of the program, and each once.
template <class Buffer>
void check_names(std::vector<Buffer> const& buffers, std::vector<std::string> const& names, char const* what) {
  for (auto const& buffer : buffers) {
    if (std::ranges::find(names, buffer.name) == names.end()) refuse_name(what, buffer.name, names);
    if (given(buffers, buffer.name) != &buffer)
      throw Error(fmt::format("the {} '{}' is given twice", what, buffer.name));
  }
}

template <class Buffer>
void expect_memory(Buffer const& buffer) {
  if (!buffer.data && buffer.bytes > 0) throw Error(fmt::format("'{}' is a null pointer", buffer.name));
}

// Throws Error unless the buffer holds a tensor of this type.
template <class Buffer>
void check_buffer(Buffer const& buffer, Type const& type, i64 batch) {
  auto const bytes = bytes_of(shape_for(type, batch), type.dtype);
  if (buffer.dtype != name(type.dtype) || bytes != static_cast<i64>(buffer.bytes))
    throw Error(fmt::format("'{}' expects {} with batch = {}, got {} bytes of {}", buffer.name, type.text(), batch,
                            buffer.bytes, buffer.dtype));
  expect_memory(buffer);
  auto const width = static_cast<std::uintptr_t>(nnc::bytes(type.dtype));
  if (reinterpret_cast<std::uintptr_t>(buffer.data) % width != 0)
    throw Error(fmt::format("'{}' is not aligned to the {} bytes of its elements", buffer.name, width));
}

// The caller's buffers as columns of `batch` rows, in the order of the program's inputs.
std::vector<void const*> columns_from(CompiledProgram const& program, std::vector<Input> const& inputs, i64 batch) {
  std::vector<std::string> names;
  for (auto const& input : program.inputs()) names.push_back(input.name);
  check_names(inputs, names, "input");
  std::vector<void const*> columns;
  for (auto const& wanted : program.inputs()) {
    auto const* input = given(inputs, wanted.name);
    columns.push_back(input ? input->data : nullptr);
    if (input) check_buffer(*input, wanted.type, batch);
  }
  return columns;
}

// Finds the index that was out of range in the caller's buffers.
void explain_clamped(CompiledProgram const& program, std::vector<Input> const& inputs, i64 batch) {
  for (auto const& limit : program.limits())
    for (auto const& wanted : program.inputs()) {
      auto const* input = given(inputs, limit.input);
      if (wanted.name != limit.input || !input) continue;
      auto const column = HostTensor::view(wanted.type.dtype, shape_for(wanted.type, batch),
                                           {static_cast<u8 const*>(input->data), input->bytes}, nullptr);
      check_indices(limit, column, 0, batch, limit.input);
    }
}

std::vector<i32> rows_of(i64 batch) {
  if (batch < 1) throw Error(fmt::format("a batch of {} examples: expected at least 1", batch));
  constexpr i64 most = std::numeric_limits<i32>::max(); // rows have 32 bits
  if (batch > most) throw Error(fmt::format("a batch of {} examples: expected at most {}", batch, most));
  return rows_in_order(batch);
}

// A call on the caller's buffers, whose rows are taken in order.
class Call {
public:
  Call(SessionState& state, std::vector<Input> const& inputs, i64 batch)
      : state_(state), inputs_(inputs), rows_(rows_of(batch)) {
    work.columns = columns_from(state.program(), inputs, batch);
    work.rows = rows_.data();
    work.batch = batch;
    work.examples = batch;
  }
  Outcome of(Function const& function) {
    outcome_ = state_.call(function, work);
    return outcome_;
  }
  // An index that was out of range is an error, where a column explains it.
  void explain() const {
    if (outcome_.clamped > 0) explain_clamped(state_.program(), inputs_, work.batch);
  }
  Work work;

private:
  SessionState& state_;
  std::vector<Input> const& inputs_;
  std::vector<i32> rows_;
  Outcome outcome_;
};

Reports reports_of(Function const& function, Outcome const& outcome) {
  Tally tally;
  tally.add(function, outcome);
  return tally.reports();
}

Array empty_output(Function const& run, Result const& result, i64 batch) {
  auto const& type = run.type(result.value);
  Array array{result.name, std::string(name(type.dtype)), shape_for(type, batch), {}};
  auto const size = size_or_error(type.dtype, array.shape, result.name);
  try {
    array.bytes.resize(size);
  } catch (std::exception const&) { // more than there is, or than a vector can have
    throw Error(Code::memory, fmt::format("out of memory: {} bytes for the output '{}'", size, result.name));
  }
  return array;
}

bool has_batch_in_front(Type const& type) { return type.rank() > 0 && type.shape[0] == Dim(Symbol::batch); }

// How many of the examples a run takes at a time. An output without `batch` in front speaks of all of them.
i64 batch_of_run(CompiledProgram const& program, i64 examples) {
  constexpr i64 usual = 256;
  auto const& run = program.function("run");
  for (auto const& result : run.results)
    if (result.role == Role::output && !has_batch_in_front(run.type(result.value))) return examples;
  return std::min(program.options().batch.value_or(usual), examples);
}

std::vector<Array> empty_outputs(Function const& run, i64 batch) {
  std::vector<Array> outputs;
  for (auto const& result : run.results)
    if (result.role == Role::output) outputs.push_back(empty_output(run, result, batch));
  return outputs;
}

// Over the names of which columns of the data are they?
void say_columns(SessionState const& state, Section const& section, std::vector<Array>& outputs) {
  std::map<std::string, std::string> column_of_input;
  auto const& inputs = state.program().inputs();
  for (size_t i = 0; i < inputs.size(); ++i)
    if (section.columns[i]) column_of_input[inputs[i].name] = section.columns[i]->name;
  auto known = state.run_encodings;
  for (auto const& [column, encoding] : state.encodings) known.insert_or_assign(column, encoding);
  auto const* run = state.program().elaborated().function("run");
  auto const columns = columns_of_outputs(*run, known, column_of_input);
  for (size_t i = 0; i < outputs.size(); ++i) outputs[i].column = columns[i];
}

// Pointers to row `row` of the outputs with `batch` in front, to the start of the others.
std::vector<void*> output_pointers(Function const& run, std::vector<Array>& outputs, i64 row) {
  std::vector<void*> pointers;
  size_t i = 0;
  for (auto const& result : run.results) {
    if (result.role != Role::output) continue;
    auto& output = outputs[i++];
    auto const& type = run.type(result.value);
    size_t const skip = has_batch_in_front(type) && output.shape[0] > 0
                            ? output.bytes.size() / static_cast<size_t>(output.shape[0]) * static_cast<size_t>(row)
                            : 0;
    pointers.push_back(output.bytes.data() + skip);
  }
  return pointers;
}

// Where the outputs go, in the order of the program: memory of the caller, or for those that nobody named the spare.
std::vector<void*> targets_of(Function const& run, std::vector<Output> const& outputs, i64 batch,
                              std::vector<HostTensor>& spare) {
  std::vector<std::string> names;
  for (auto const& result : run.results)
    if (result.role == Role::output) names.push_back(result.name);
  check_names(outputs, names, "output");
  std::vector<void*> targets;
  for (auto const& result : run.results) {
    if (result.role != Role::output) continue;
    auto const& type = run.type(result.value);
    if (auto const* output = given(outputs, result.name)) {
      check_buffer(*output, type, batch);
      targets.push_back(output->data);
    } else {
      spare.emplace_back(type.dtype, shape_for(type, batch));
      targets.push_back(spare.back().writable().data());
    }
  }
  return targets;
}

void made_a_step(SessionState& state, i64 steps) {
  state.is_fresh = false;
  state.bad_at = 0;
  state.bad.reset();
  state.place.step += steps;
  state.place.offset = 0; // whose steps they were nobody knows
  state.training_facts.clear();
  state.trained_on.reset();
}

// Into as many as there are.
void copy_numbers(HostTensor const& from, std::vector<double>& into) {
  if (from.dtype() == DType::f64) std::ranges::copy(from.as<f64>(), into.begin());
  else if (from.dtype() == DType::f32) std::ranges::copy(from.as<f32>(), into.begin());
}

} // namespace

class BoundCall {
public:
  BoundCall(std::shared_ptr<SessionState> state, std::vector<Function const*> const& functions,
            std::vector<Input> inputs, i64 batch, std::vector<Output> const& outputs)
      : state_(std::move(state)), inputs_(std::move(inputs)), batch_(batch), rows_(rows_of(batch)),
        trains_(functions.front()->name != "run") {
    Work work;
    work.columns = columns_from(state_->program(), inputs_, batch);
    work.batch = work.examples = batch;
    if (!trains_) work.outputs = targets_of(state_->program().function("run", batch, state_->cancel_flag()), outputs, batch, spare_);
    for (auto const* function : functions) {
      auto call = std::make_unique<NativeCall>(*state_, *function, work);
      auto reports = reports_of(
          *function, {.sums = call->sums(), .last = call->last(), .tables = call->tables(), .steps = 1});
      parts_.push_back({function, std::move(call), std::move(reports)});
    }
  }

  Reports const& run() {
    if (trains_ && state_->is_training()) guarded(state_->program(), [&] { state_->expect_own_weights("step"); });
    auto& [function, call, reports] = due();
    std::ranges::fill(call->sums(), 0);
    call->run(*state_, state_->place.step + 1, 1, rows_.data());
    auto const& report = call->report();
    reports.examples = report.examples;
    reports.bad_step = report.first_bad_step;
    reports.clamped = report.clamped;
    reports.zero_divided = report.zero_divided;
    // The value itself, not a mean of one step: no arithmetic, whatever the host's floating-point environment is.
    for (size_t i = 0; i < reports.values.size(); ++i) reports.values[i].value = call->last()[i];
    for (size_t i = 0; i < reports.tables.size(); ++i) copy_numbers(call->tables()[i].tensor, reports.tables[i].values);
    if (trains_) made_a_step(*state_, report.steps);
    else state_->clamped = report.clamped;
    if (report.clamped > 0) guarded(state_->program(), [&] { explain_clamped(state_->program(), inputs_, batch_); });
    return reports;
  }

private:
  struct Part { // of a training in phases one for each
    Function const* function;
    std::unique_ptr<NativeCall> call;
    Reports reports;
  };
  Part& due() {
    if (parts_.size() == 1) return parts_.front();
    auto const* step = &state_->train_step();
    return *std::ranges::find(parts_, step, &Part::function);
  }

  std::shared_ptr<SessionState> state_;
  std::vector<Input> inputs_;
  i64 batch_;
  std::vector<i32> rows_;
  bool trains_;
  std::vector<HostTensor> spare_;
  std::vector<Part> parts_;
};

Reports const& Bound::operator()() { return call_->run(); }

inline namespace v1 {

Session::Session(Program const& program, SessionOptions const& options) {
  auto const& compiled = *Inside::of(program);
  auto const begin = [&] { return std::make_shared<SessionState>(Inside::of(program), options); };
  state_ = guarded(compiled, [&] { return placed(compiled.at(), begin); });
}
Session::~Session() = default;
Session::Session(Session&&) noexcept = default;
Session& Session::operator=(Session&&) noexcept = default;

Session Session::sharing_weights(SessionOptions const& options) const {
  auto const& program = state_->program();
  return guarded(program, [&] {
    return Inside::session(placed(program.at(), [&] { return std::make_shared<SessionState>(*state_, options); }));
  });
}

Reports Session::step(std::vector<Input> const& inputs, std::int64_t batch) {
  return guarded(state_->program(), [&] {
    SessionState::Running const running(*state_);
    state_->expect_own_weights("step");
    state_->program().expect_training();
    state_->expect_planned_steps();
    auto const& train_step = state_->train_step();
    Call call(*state_, inputs, batch);
    call.work.first_step = state_->place.step + 1;
    auto const outcome = call.of(train_step);
    made_a_step(*state_, outcome.steps);
    call.explain();
    return reports_of(train_step, outcome);
  });
}

void Session::begin_epoch(std::int64_t epoch) {
  guarded(state_->program(), [&] {
    state_->expect_own_weights("begin_epoch");
    state_->program().expect_training();
    state_->set_scalar("epoch", static_cast<f64>(epoch));
    state_->training_pass.close();
    state_->place.epoch = epoch - 1;
    made_a_step(*state_, 0);
  });
}

Reports Session::evaluate(std::vector<Input> const& inputs, std::int64_t batch) {
  return guarded(state_->program(), [&] {
    SessionState::Running const running(*state_);
    auto const& evaluate = state_->program().function("evaluate");
    state_->evaluation_pass.close();
    Call call(*state_, inputs, batch);
    auto const outcome = call.of(evaluate);
    call.explain();
    return reports_of(evaluate, outcome);
  });
}

std::vector<Array> Session::run(std::vector<Input> const& inputs, std::int64_t batch) {
  return guarded(state_->program(), [&] {
    SessionState::Running const running(*state_);
    (void)state_->program().function("run"); // there is one
    Call call(*state_, inputs, batch);
    auto const& run = state_->program().function("run", batch, state_->cancel_flag());
    auto outputs = placed(state_->program().at(), [&] { return empty_outputs(run, batch); });
    call.work.outputs = output_pointers(run, outputs, 0);
    state_->clamped = call.of(run).clamped;
    call.explain();
    return outputs;
  });
}

void Session::run_into(std::vector<Input> const& inputs, std::vector<Output> const& outputs, std::int64_t batch) {
  guarded(state_->program(), [&] {
    SessionState::Running const running(*state_);
    (void)state_->program().function("run"); // there is one
    Call call(*state_, inputs, batch);
    auto const& run = state_->program().function("run", batch, state_->cancel_flag());
    std::vector<HostTensor> spare;
    call.work.outputs = targets_of(run, outputs, batch, spare);
    state_->clamped = call.of(run).clamped;
    call.explain();
  });
}

Bound Session::bind_step(std::vector<Input> const& inputs, std::int64_t batch) {
  return guarded(state_->program(), [&] {
    SessionState::Running const running(*state_);
    state_->expect_own_weights("step");
    state_->program().expect_training();
    state_->expect_planned_steps();
    std::vector<Function const*> steps; // of the phases
    for (auto const& name : state_->program().train_steps()) steps.push_back(&state_->program().function(name));
    return Inside::bound(std::make_shared<BoundCall>(state_, steps, inputs, batch, std::vector<Output>{}));
  });
}

Bound Session::bind_run(std::vector<Input> const& inputs, std::vector<Output> const& outputs, std::int64_t batch) {
  return guarded(state_->program(), [&] {
    SessionState::Running const running(*state_);
    return Inside::bound(
        std::make_shared<BoundCall>(state_, std::vector{&state_->program().function("run")}, inputs, batch, outputs));
  });
}

Reports Session::evaluate(Data const& data, Part part) {
  return guarded(state_->program(), [&] {
    SessionState::Running const running(*state_);
    auto const& contents = Inside::of(data);
    expect_same_names(state_->program(), state_->encodings, contents.set);
    if (contents.stream && part != Part::test && part != Part::validation) return evaluate_stream(*state_, contents);
    return evaluate_section(*state_, section_of(state_->program(), contents, part, true));
  });
}

void Session::prepare_evaluation(Data const& data, Part part) {
  guarded(state_->program(), [&] {
    SessionState::Running const running(*state_);
    prepare_evaluation_of(*state_, section_of(state_->program(), Inside::of(data), part, true));
  });
}

std::vector<Array> Session::run(Data const& data, Part part, std::int64_t limit) {
  return guarded(state_->program(), [&] {
    SessionState::Running const running(*state_);
    (void)state_->program().function("run"); // there is one
    if (limit < 0) throw Error(fmt::format("a limit of {} examples: expected at least 0", limit));
    expect_same_names(state_->program(), state_->encodings, Inside::of(data).set);
    auto section = section_of(state_->program(), Inside::of(data), part, false);
    if (limit > 0) section.examples = std::min(section.examples, limit);
    i64 const batch = batch_of_run(state_->program(), section.examples);
    auto const& run = state_->program().function("run", batch, state_->cancel_flag());
    auto const rows = rows_in_order(section.column_length);
    auto outputs = placed(state_->program().at(), [&] { return empty_outputs(run, section.examples); });
    Work work;
    work.columns = pointers_of(section.columns);
    work.examples = section.column_length;
    state_->clamped = 0;
    for (i64 done = 0; done < section.examples; done += work.batch) {
      state_->expect_not_cancelled();
      work.rows = rows.data() + section.first + done;
      work.batch = std::min(batch, section.examples - done);
      work.first_step = done / batch + 1;
      work.outputs = output_pointers(run, outputs, done);
      state_->clamped += state_->call(run, work).clamped;
    }
    state_->run_encodings = Inside::of(data).set.encodings;
    say_columns(*state_, section, outputs);
    return outputs;
  });
}

std::vector<std::string> Session::names_of(std::string const& column) const {
  auto const* encoding = state_->encoding_of(column);
  return encoding ? encoding->names : std::vector<std::string>{};
}

std::vector<std::string> Session::texts_of(Array const& array) const {
  return guarded(state_->program(), [&] {
    auto const* encoding = state_->encoding_of(array.column);
    if (array.column.empty() || !encoding || (array.dtype != "i32" && array.dtype != "i64"))
      throw Error(Code::argument, fmt::format("'{}' has no integers over the names of a column", array.name));
    std::vector<i32> numbers;
    auto const take = [&](auto elements) {
      for (auto const element : elements)
        numbers.push_back(static_cast<i32>(std::clamp<i64>(element, -1, std::ssize(encoding->names))));
    };
    if (array.dtype == "i32") take(array.as<std::int32_t>());
    else take(array.as<std::int64_t>());
    std::vector<std::string> texts;
    if (encoding->kind == Encoding::Kind::tokens) {
      auto const line = array.shape.size() > 1 ? static_cast<size_t>(array.shape.back()) : 1;
      for (size_t at = 0; line > 0 && at < numbers.size(); at += line)
        texts.push_back(text_of(*encoding, std::span(numbers).subspan(at, line)));
      return texts;
    }
    for (auto const number : numbers)
      texts.push_back(number >= 0 && number < std::ssize(encoding->names) ? encoding->names[static_cast<size_t>(number)]
                                                                          : std::string());
    return texts;
  });
}

Array Session::parameter(std::string const& name) const {
  return guarded(state_->program(), [&] {
    auto const& tensor = state_->parameter(name);
    Array array{name, std::string(nnc::name(tensor.dtype())), tensor.shape(), {}};
    auto const bytes = std::as_bytes(tensor.bytes());
    array.bytes.assign(bytes.begin(), bytes.end());
    return array;
  });
}

ParameterView Session::parameter_view(std::string const& name) {
  return guarded(state_->program(), [&] {
    auto& tensor = state_->parameter(name);
    auto const bytes = tensor.writable();
    return ParameterView{std::string(nnc::name(tensor.dtype())), tensor.shape(), bytes.data(), bytes.size()};
  });
}

// No form of a weight is kept between calls yet; its average begins anew.
void Session::changed(std::string const& name) {
  guarded(state_->program(), [&] {
    state_->expect_own_weights("changed");
    (void)state_->parameter(name); // there is one
    state_->is_fresh = false;
    state_->begin_average(name);
  });
}

void Session::set_parameter(Input const& input) {
  guarded(state_->program(), [&] {
    state_->expect_own_weights("set_parameter");
    auto& tensor = state_->parameter(input.name);
    if (input.dtype != nnc::name(tensor.dtype()) || input.bytes != tensor.bytes().size())
      throw Error(
          fmt::format("'{}' is {}, got {} bytes of {}", input.name, tensor.type_text(), input.bytes, input.dtype));
    expect_memory(input);
    state_->is_fresh = false;
    if (input.bytes > 0) std::memcpy(tensor.writable().data(), input.data, input.bytes);
    state_->begin_average(input.name);
    if (statistic_of(input.name)) state_->knows_data = true; // as the host knows them
  });
}

double Session::scalar(std::string const& name) const {
  return guarded(state_->program(), [&] { return state_->scalar(name); });
}

void Session::set_scalar(std::string const& name, double value) {
  guarded(state_->program(), [&] { state_->set_scalar(name, value); });
}

std::int64_t Session::clamped() const { return state_->clamped; }
std::int64_t Session::step_count() const { return state_->place.step; }
int Session::threads() const { return state_->team().members(); }

void Session::save(std::string const& path, Weights weights) const {
  guarded(state_->program(), [&] {
    if (auto const bad = state_->not_finite(); weights == Weights::finite && !bad.empty())
      throw Error(fmt::format("{} is not finite, so {} is not written", bad, path));
    save_checkpoint(path, state_->checkpoint());
  });
}

std::string Session::checkpoint() const {
  return guarded(state_->program(), [&] { return checkpoint_bytes(state_->checkpoint()); });
}

void Session::restore(std::string_view bytes) {
  guarded(state_->program(), [&] {
    state_->expect_own_weights("restore");
    constexpr char const* name = "the checkpoint";
    coded(Code::data, [&] { state_->restore(parse_checkpoint(bytes, name), name); });
  });
}

void Session::resume(std::string const& path) {
  guarded(state_->program(), [&] {
    state_->expect_own_weights("resume");
    coded(Code::data, [&] { state_->restore(load_checkpoint(path), path); });
  });
}

void Session::cancel() noexcept {
  if (state_) state_->cancel(); // of a session that was moved from nothing runs
}

void Session::load(std::string const& path) { load(path, {}); }

void Session::load(std::string const& path, LoadOptions const& options) {
  guarded(state_->program(), [&] {
    state_->expect_own_weights("load");
    coded(Code::data, [&] { state_->load(renamed(load_checkpoint(path), options.rename, path), path); });
  });
}

std::string Session::digest() const {
  return guarded(state_->program(), [&] { return nnc::digest(state_->tensors(Role::param)); });
}

void replace_file(std::string const& path, std::string_view content) {
  guarded(Sources{}, [&] { write_atomically(path, {as_bytes(content)}); });
}

void check_replaceable(std::string const& path) {
  guarded(Sources{}, [&] { check_writable(path); });
}

} // namespace v1
} // namespace nnc
