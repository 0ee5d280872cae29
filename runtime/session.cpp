// The public face of a Session: single steps and runs on the caller's buffers, parameters, scalars, files.
#include "runtime/session.h"

#include "runtime/bytes.h"
#include "runtime/data_set.h"
#include "runtime/failure.h"
#include "runtime/files.h"
#include "runtime/random.h"
#include "runtime/walk.h"

#include <fmt/core.h>

#include <algorithm>
#include <cstring>

namespace nnc {
namespace {

std::vector<i64> shape_for(Type const& type, i64 batch) {
  Bindings bindings;
  bindings[static_cast<size_t>(Symbol::batch)] = batch;
  std::vector<i64> shape;
  for (auto const& dim : type.shape) shape.push_back(dim.value(bindings));
  return shape;
}

Input const* given(std::vector<Input> const& inputs, std::string const& name) {
  for (auto const& input : inputs)
    if (input.name == name) return &input;
  return nullptr;
}

void check_names(CompiledProgram const& program, std::vector<Input> const& inputs) {
  std::vector<std::string> names;
  for (auto const& input : program.inputs()) names.push_back(input.name);
  for (auto const& input : inputs) {
    if (std::find(names.begin(), names.end(), input.name) != names.end()) continue;
    Diagnostic problem;
    problem.message = fmt::format("the program has no input '{}'", input.name);
    if (auto const near = nearest(input.name, names); !near.empty())
      problem.help = fmt::format("did you mean '{}'?", near);
    throw Error(problem);
  }
}

// The caller's buffers as columns of `batch` rows, in the order of the program's inputs.
std::vector<void const*> columns_from(CompiledProgram const& program, std::vector<Input> const& inputs, i64 batch) {
  check_names(program, inputs);
  std::vector<void const*> columns;
  for (auto const& wanted : program.inputs()) {
    auto const* input = given(inputs, wanted.name);
    columns.push_back(input ? input->data : nullptr);
    if (!input) continue;
    if (input->dtype != name(wanted.type.dtype) ||
        bytes_of(shape_for(wanted.type, batch), wanted.type.dtype) != static_cast<i64>(input->bytes))
      throw Error(fmt::format("'{}' expects {} with batch = {}, got {} bytes of {}", wanted.name, wanted.type.text(),
                              batch, input->bytes, input->dtype));
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
  static std::vector<i32> rows_of(i64 batch) {
    if (batch < 1) throw Error(fmt::format("a batch of {} examples: expected at least 1", batch));
    return rows_in_order(batch);
  }
  SessionState& state_;
  std::vector<Input> const& inputs_;
  std::vector<i32> rows_;
  Outcome outcome_;
};

Reports reports_of(Function const& function, Outcome const& outcome) {
  Tally tally;
  tally.add(outcome);
  return tally.reports(function);
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

} // namespace

inline namespace v1 {

Session::Session(Program const& program, SessionOptions const& options) {
  auto const& compiled = *Inside::of(program);
  auto const begin = [&] { return std::make_shared<SessionState>(Inside::of(program), options); };
  state_ = guarded(compiled, [&] { return placed(compiled.at(), begin); });
}
Session::~Session() = default;
Session::Session(Session&&) noexcept = default;
Session& Session::operator=(Session&&) noexcept = default;

Reports Session::step(std::vector<Input> const& inputs, std::int64_t batch) {
  return guarded(state_->program(), [&] {
    auto const& train_step = state_->program().function("train_step");
    Call call(*state_, inputs, batch);
    call.work.first_step = state_->step + 1;
    auto const outcome = call.of(train_step);
    state_->step += outcome.steps;
    state_->training_facts.clear();
    call.explain();
    return reports_of(train_step, outcome);
  });
}

Reports Session::evaluate(std::vector<Input> const& inputs, std::int64_t batch) {
  return guarded(state_->program(), [&] {
    auto const& evaluate = state_->program().function("evaluate");
    Call call(*state_, inputs, batch);
    auto const outcome = call.of(evaluate);
    call.explain();
    return reports_of(evaluate, outcome);
  });
}

std::vector<Array> Session::run(std::vector<Input> const& inputs, std::int64_t batch) {
  return guarded(state_->program(), [&] {
    (void)state_->program().function("run"); // there is one
    Call call(*state_, inputs, batch);
    auto const& run = state_->program().function("run", batch);
    auto outputs = placed(state_->program().at(), [&] { return empty_outputs(run, batch); });
    call.work.outputs = output_pointers(run, outputs, 0);
    state_->clamped = call.of(run).clamped;
    call.explain();
    return outputs;
  });
}

Reports Session::evaluate(Data const& data, Part part) {
  return guarded(state_->program(), [&] {
    return evaluate_section(*state_, section_of(state_->program(), Inside::of(data).set, part, true));
  });
}

void Session::prepare_evaluation(Data const& data, Part part) {
  guarded(state_->program(),
          [&] { prepare_evaluation_of(*state_, section_of(state_->program(), Inside::of(data).set, part, true)); });
}

std::vector<Array> Session::run(Data const& data, Part part, std::int64_t limit) {
  return guarded(state_->program(), [&] {
    (void)state_->program().function("run"); // there is one
    auto section = section_of(state_->program(), Inside::of(data).set, part, false);
    if (limit > 0) section.examples = std::min(section.examples, limit);
    i64 const batch = batch_of_run(state_->program(), section.examples);
    auto const& run = state_->program().function("run", batch);
    auto const rows = rows_in_order(section.column_length);
    auto outputs = placed(state_->program().at(), [&] { return empty_outputs(run, section.examples); });
    Work work;
    work.columns = pointers_of(section);
    work.examples = section.column_length;
    state_->clamped = 0;
    for (i64 done = 0; done < section.examples; done += work.batch) {
      work.rows = rows.data() + section.first + done;
      work.batch = std::min(batch, section.examples - done);
      work.first_step = done / batch + 1;
      work.outputs = output_pointers(run, outputs, done);
      state_->clamped += state_->call(run, work).clamped;
    }
    return outputs;
  });
}

Array Session::parameter(std::string const& name) const {
  return guarded(state_->program(), [&] {
    auto const* tensor = state_->tensor(name);
    if (!tensor) throw Error(fmt::format("the program has no parameter '{}'", name));
    Array array{name, std::string(nnc::name(tensor->dtype())), tensor->shape(), {}};
    auto const bytes = std::as_bytes(tensor->bytes());
    array.bytes.assign(bytes.begin(), bytes.end());
    return array;
  });
}

void Session::set_parameter(Input const& input) {
  guarded(state_->program(), [&] {
    auto* tensor = state_->tensor(input.name);
    if (!tensor) throw Error(fmt::format("the program has no parameter '{}'", input.name));
    if (input.dtype != nnc::name(tensor->dtype()) || input.bytes != tensor->bytes().size())
      throw Error(
          fmt::format("'{}' is {}, got {} bytes of {}", input.name, tensor->type_text(), input.bytes, input.dtype));
    if (input.bytes > 0) std::memcpy(tensor->writable().data(), input.data, input.bytes);
  });
}

double Session::scalar(std::string const& name) const {
  return guarded(state_->program(), [&] { return state_->scalar(name); });
}

void Session::set_scalar(std::string const& name, double value) {
  guarded(state_->program(), [&] { state_->set_scalar(name, value); });
}

std::int64_t Session::clamped() const { return state_->clamped; }
std::int64_t Session::step_count() const { return state_->step; }
int Session::threads() const { return state_->team().members(); }

void Session::save(std::string const& path, Weights weights) const {
  guarded(state_->program(), [&] {
    if (auto const bad = state_->not_finite(); weights == Weights::finite && !bad.empty())
      throw Error(fmt::format("{} is not finite, so {} is not written", bad, path));
    save_checkpoint(path, state_->checkpoint());
  });
}

void Session::load(std::string const& path) {
  guarded(state_->program(), [&] {
    auto const checkpoint = load_checkpoint(path);
    for (auto const& given : checkpoint.parameters) {
      if (state_->tensor(given.name)) continue;
      throw Error(fmt::format("{} has '{}', which the program has not", path, given.name));
    }
    // A file from elsewhere does not say which of its tensors are states.
    auto const states = checkpoint.can_resume ? checkpoint.states : state_->among(Role::state, checkpoint.parameters);
    state_->restore(Role::param, checkpoint.parameters, path);
    if (!states.empty()) state_->restore(Role::state, states, path);
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
