#include "runtime/walk.h"

#include "ir/host.h"
#include "runtime/data_set.h"
#include "runtime/random.h"
#include "runtime/stream.h"

#include <fmt/core.h>

#include <algorithm>
#include <charconv>
#include <chrono>
#include <cmath>
#include <sstream>

namespace nnc {
namespace {

using Clock = std::chrono::steady_clock;

constexpr f64 slice_seconds = 0.03;

std::string_view word(Part part) {
  return part == Part::test ? "test" : part == Part::validation ? "validation" : "training";
}

// A number as `text` of a tally writes it: "-0x1.8p+1"; 0 for what is none.
f64 number(std::string_view text) {
  bool const negative = text.starts_with('-');
  if (negative) text.remove_prefix(1);
  if (text.starts_with("0x")) text.remove_prefix(2);
  f64 value = 0;
  std::from_chars(text.data(), text.data() + text.size(), value, std::chars_format::hex);
  return negative ? -value : value;
}

i64 batch_of(CompiledProgram const& program) {
  auto const& training = program.module().training;
  return training ? training->batch : Training{}.batch;
}

} // namespace

i64 held_back(CompiledProgram const& program, Dataset const& set) {
  auto const& training = program.module().training;
  i64 const asked = training ? training->validation : 0;
  return set.is_excerpt && asked >= set.train.examples ? set.train.examples / 5 : asked;
}

namespace {

Section bound_section(CompiledProgram const& program, Dataset const& set, Part part, bool targets) {
  auto const& split = part == Part::test ? set.test : set.train;
  bool const divided = part == Part::train || part == Part::validation;
  i64 const validation = divided ? held_back(program, set) : 0;
  if (validation > 0 && validation >= split.examples) {
    Diagnostic problem;
    problem.message =
        fmt::format("validation = {}, but {} has {} training examples", validation, set.name, split.examples);
    problem.help = fmt::format("Options::set `validation={}` keeps a fifth of them", split.examples / 5);
    throw Error(problem);
  }
  Section section;
  section.first = part == Part::validation ? split.examples - validation : 0;
  section.examples = part == Part::validation ? validation : split.examples - validation;
  section.column_length = split.examples;
  if (section.examples == 0) throw Error(fmt::format("{} has no {} examples", set.name, word(part)));
  section.columns = bind_columns(program, split, set.name, targets);
  check_limits(program, section.columns, section.first, section.examples);
  return section;
}

} // namespace

Section section_of(CompiledProgram const& program, DataContents const& data, Part part, bool targets) {
  if (data.stream)
    throw Error(Code::unsupported, fmt::format("{} is a stream: it can be trained on, and evaluated as a whole; its "
                                               "batches can be run one by one",
                                               data.set.name));
  return coded(Code::data, [&] { return bound_section(program, data.set, part, targets); });
}

void check_limits(CompiledProgram const& program, std::vector<NamedTensor const*> const& columns, i64 first,
                  i64 examples, std::string const& where) {
  auto const& inputs = program.inputs();
  for (auto const& limit : program.limits())
    for (size_t i = 0; i < inputs.size(); ++i)
      if (inputs[i].name == limit.input && columns[i])
        check_indices(limit, columns[i]->tensor, first, examples, columns[i]->name, where);
}

std::vector<void const*> pointers_of(std::vector<NamedTensor const*> const& columns) {
  std::vector<void const*> pointers;
  for (auto const* column : columns) pointers.push_back(column ? column->tensor.bytes().data() : nullptr);
  return pointers;
}

// At most eight times as long as the slice before: the first steps of a process are slow or, on a cold clock,
// unreliable.
void Pace::took(i64 steps, f64 seconds) {
  f64 const wanted = slice_seconds * static_cast<f64>(steps) / std::max(seconds, 1e-7);
  steps_ = std::clamp<i64>(static_cast<i64>(wanted), 1, std::max<i64>(8 * steps, 16));
}

void Tally::add(Outcome const& outcome) {
  if (sums_.empty()) sums_.assign(outcome.sums.size(), 0);
  for (size_t i = 0; i < sums_.size(); ++i) sums_[i] += outcome.sums[i];
  steps_ += outcome.steps;
  examples_ += outcome.examples;
  if (!bad_step_) bad_step_ = outcome.first_bad_step;
  clamped_ += outcome.clamped;
  zero_divided_ += outcome.zero_divided;
}

// One sum from the first step to the last, wherever calls begin: its bits do not depend on the speed of the machine.
void Tally::follow(Work& work, Outcome const& outcome) {
  sums_.clear();
  add(outcome);
  work.sums = outcome.sums;
}

std::string Tally::text() const {
  auto text = fmt::format("{} {}", steps_, examples_);
  for (f64 const sum : sums_) text += fmt::format(" {:a}", sum);
  return text;
}

void Tally::read(std::string const& text, Function const& function) {
  std::istringstream words(text);
  i64 steps = 0, examples = 0;
  std::vector<f64> sums;
  if (!(words >> steps >> examples)) return;
  for (std::string word; words >> word;) sums.push_back(number(word));
  auto const expected = std::ranges::count_if(function.results, is_report, &Result::role);
  if (steps < 0 || examples < 0 || static_cast<std::ptrdiff_t>(sums.size()) != expected) return;
  clear();
  steps_ = steps, examples_ = examples, sums_ = sums;
}

std::vector<Number> Tally::means(Function const& function) const {
  std::vector<Number> values;
  for (auto const& result : function.results)
    if (is_report(result.role)) values.push_back({result.name, 0});
  for (size_t i = 0; i < values.size() && examples_ > 0; ++i) values[i].value = sums_[i] / static_cast<f64>(examples_);
  return values;
}

Reports Tally::reports(Function const& function) const {
  return {means(function), examples_, bad_step_, zero_divided_, clamped_};
}

void prepare_evaluation_of(SessionState& state, Section const& section) {
  (void)state.program().function("evaluate"); // there is one
  i64 const batch = std::min(batch_of(state.program()), section.examples);
  auto const* flag = state.cancel_flag();
  state.program().variant(batch, flag).prepare({"evaluate"}, flag);
  if (i64 const rest = section.examples % batch; rest > 0)
    state.program().variant(rest, flag).prepare({"evaluate"}, flag);
}

Reports evaluate_section(SessionState& state, Section const& section) {
  auto const& function = state.program().function("evaluate");
  auto const rows = rows_in_order(section.column_length);
  i64 const batch = std::min(batch_of(state.program()), section.examples);
  Work work;
  work.columns = pointers_of(section.columns);
  work.examples = section.column_length;
  Tally tally;
  Pace pace;
  for (i64 done = 0; done < section.examples; done += work.batch * work.steps) {
    state.expect_not_cancelled();
    i64 const left = section.examples - done;
    work.rows = rows.data() + section.first + done;
    work.batch = std::min(batch, left);
    work.first_step = done / batch + 1;
    work.steps = std::min(pace.steps(), left / work.batch);
    auto const start = Clock::now();
    tally.follow(work, state.call(function, work));
    pace.took(work.steps, std::chrono::duration<f64>(Clock::now() - start).count());
  }
  return tally.reports(function);
}

Reports evaluate_stream(SessionState& state, DataContents const& data) {
  auto const& function = state.program().function("evaluate");
  BatchReader reader(state, data, batch_of(state.program()), 0, 0, {});
  Work work;
  Tally tally;
  while (auto const* batch = reader.next()) {
    check_limits(state.program(), batch->columns, 0, batch->rows,
                 fmt::format("batch {} of {}: ", work.first_step - 1, data.set.name));
    work.columns = pointers_of(batch->columns);
    work.rows = reader.rows();
    work.batch = work.examples = batch->rows;
    tally.follow(work, state.call(function, work));
    ++work.first_step;
  }
  state.expect_not_cancelled();
  return tally.reports(function);
}

} // namespace nnc
