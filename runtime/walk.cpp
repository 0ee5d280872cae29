#include "runtime/walk.h"

#include "ir/host.h"
#include "runtime/data_set.h"
#include "runtime/random.h"
#include "runtime/stream.h"

#include <fmt/core.h>
#include <nlohmann/json.hpp>

#include <algorithm>
#include <charconv>
#include <chrono>
#include <cmath>

namespace nnc {
namespace {

using Clock = std::chrono::steady_clock;
using Json = nlohmann::json;

constexpr f64 slice_seconds = 0.03;

std::string_view word(Part part) {
  return part == Part::test ? "test" : part == Part::validation ? "validation" : "training";
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

// The setting `window`: so many rows in a row are an example, and what is left of the last one is not used.
std::shared_ptr<Split const> windows_of(CompiledProgram const& program, Split const& rows) {
  auto const& training = program.module().training;
  i64 const window = training ? training->window : 0;
  if (window == 0) return nullptr;
  auto split = std::make_shared<Split>();
  split->examples = rows.examples / window;
  for (auto const& column : rows.columns) {
    auto shape = column.tensor.shape();
    shape.insert(shape.begin() + 1, window);
    shape[0] = split->examples;
    auto const size = static_cast<size_t>(size_or_error(column.tensor.dtype(), shape, column.name));
    auto const owner = std::make_shared<HostTensor>(column.tensor);
    split->columns.push_back(
        {column.name, HostTensor::view(column.tensor.dtype(), shape, owner->bytes().first(size), owner)});
  }
  return split;
}

Section bound_section(CompiledProgram const& program, Dataset const& set, Part part, bool targets) {
  auto const& rows = part == Part::test ? set.test : set.train;
  auto const windows = windows_of(program, rows);
  auto const& split = windows ? *windows : rows;
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
  section.windows = windows;
  section.class_names = set.class_names;
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

f64 number_in_hex(std::string_view text) {
  bool const negative = text.starts_with('-');
  if (negative) text.remove_prefix(1);
  if (text.starts_with("0x")) text.remove_prefix(2);
  f64 value = 0;
  std::from_chars(text.data(), text.data() + text.size(), value, std::chars_format::hex);
  return negative ? -value : value;
}

// At most eight times as long as the slice before: the first steps of a process are slow or, on a cold clock,
// unreliable.
void Pace::took(i64 steps, f64 seconds) {
  f64 const wanted = slice_seconds * static_cast<f64>(steps) / std::max(seconds, 1e-7);
  steps_ = std::clamp<i64>(static_cast<i64>(wanted), 1, std::max<i64>(8 * steps, 16));
}

// The reports of a function stand at the same places each time.
Tally::Entry& Tally::entry(size_t guess, Result const& result) {
  if (guess < entries_.size() && entries_[guess].name == result.name) return entries_[guess];
  auto const found = std::ranges::find(entries_, result.name, &Entry::name);
  if (found != entries_.end()) return *found;
  return entries_.emplace_back(Entry{.name = result.name, .is_total = result.role == Role::total});
}

void Tally::add(Function const& function, Outcome const& outcome) {
  size_t i = 0;
  for (auto const& result : function.results) {
    if (!is_report(result.role)) continue;
    auto& known = entry(i, result);
    known.sum += outcome.sums[i];
    known.last = outcome.last[i];
    known.examples += outcome.examples;
    ++i;
  }
  if (outcome.steps > 0) take_tables(function, outcome);
  steps_ += outcome.steps;
  examples_ += outcome.examples;
  if (!bad_step_) bad_step_ = outcome.first_bad_step;
  clamped_ += outcome.clamped;
  zero_divided_ += outcome.zero_divided;
}

void Tally::take_tables(Function const& function, Outcome const& outcome) {
  size_t i = 0;
  for (auto const& result : function.results) {
    if (result.role != Role::table) continue;
    auto const& tensor = outcome.tables[i++].tensor;
    Table table{result.name, result.rows, tensor.shape(), {}};
    if (tensor.dtype() == DType::f64) table.values.assign(tensor.as<f64>().begin(), tensor.as<f64>().end());
    else if (tensor.dtype() == DType::f32) table.values.assign(tensor.as<f32>().begin(), tensor.as<f32>().end());
    auto const known = std::ranges::find(tables_, result.name, &Table::name);
    if (known == tables_.end()) tables_.push_back(std::move(table));
    else *known = std::move(table);
  }
}

// One sum from the first step to the last, wherever calls begin: its bits do not depend on the speed of the machine.
void Tally::follow(Function const& function, Work& work, Outcome const& outcome) {
  for (auto& known : entries_) known.sum = 0;
  add(function, outcome);
  work.sums = outcome.sums;
}

std::string Tally::text() const {
  auto values = Json::array();
  for (auto const& e : entries_)
    values.push_back({e.name, fmt::format("{:a}", e.sum), fmt::format("{:a}", e.last), e.examples, e.is_total});
  return Json{{"steps", steps_}, {"examples", examples_}, {"values", values}}.dump(-1, ' ', false,
                                                                                   Json::error_handler_t::replace);
}

void Tally::read(std::string const& text) {
  auto const json = Json::parse(text, nullptr, false);
  Tally tally;
  try {
    tally.steps_ = json.at("steps"), tally.examples_ = json.at("examples");
    for (auto const& e : json.at("values"))
      tally.entries_.push_back({.name = e.at(0),
                                .sum = number_in_hex(e.at(1).get<std::string>()),
                                .last = number_in_hex(e.at(2).get<std::string>()),
                                .examples = e.at(3),
                                .is_total = e.at(4)});
  } catch (Json::exception const&) {
    return;
  }
  *this = tally;
}

std::vector<Number> Tally::values() const {
  std::vector<Number> values;
  for (auto const& e : entries_) values.push_back({e.name, e.value()});
  return values;
}

Reports Tally::reports() const { return {values(), examples_, bad_step_, zero_divided_, clamped_, tables_}; }

std::vector<i32> rows_of_stream(i64 count, i64 batch) {
  i64 const length = count / batch;
  auto rows = rows_in_order(length * batch);
  for (i64 step = 0; step < length; ++step)
    for (i64 run = 0; run < batch; ++run)
      rows[static_cast<size_t>(step * batch + run)] = static_cast<i32>(run * length + step);
  return rows;
}

void prepare_evaluation_of(SessionState& state, Section const& section) {
  (void)state.program().function("evaluate"); // there is one
  i64 const batch = std::min(batch_of(state.program()), section.examples);
  auto const* flag = state.cancel_flag();
  state.program().variant(batch, flag).prepare({"evaluate"}, flag);
  if (i64 const rest = section.examples % batch; rest > 0)
    state.program().variant(rest, flag).prepare({"evaluate"}, flag);
}

void name_rows(std::vector<Table>& tables, std::vector<std::string> const& class_names) {
  if (class_names.empty()) return;
  for (auto& table : tables)
    if (table.rows.empty() && !table.shape.empty() && table.shape[0] == std::ssize(class_names))
      table.rows = class_names;
}

Reports evaluate_section(SessionState& state, Section const& section) {
  auto const& function = state.program().function("evaluate");
  i64 const batch = std::min(batch_of(state.program()), section.examples);
  auto const& training = state.program().module().training;
  bool const streams = training && training->order == "stream", whole = streams || state.carries_batch();
  i64 const examples = whole ? section.examples / batch * batch : section.examples;
  auto rows = streams ? rows_of_stream(examples, batch) : rows_in_order(examples);
  for (i32& row : rows) row += static_cast<i32>(section.first);
  state.evaluation_pass.close();
  Work work;
  work.columns = pointers_of(section.columns);
  work.examples = section.column_length;
  Tally tally;
  Pace pace;
  for (i64 done = 0; done < examples; done += work.batch * work.steps) {
    state.expect_not_cancelled();
    i64 const left = examples - done;
    work.rows = rows.data() + done;
    work.batch = std::min(batch, left);
    work.first_step = done / batch + 1;
    work.steps = std::min(pace.steps(), left / work.batch);
    auto const start = Clock::now();
    tally.follow(function, work, state.call(function, work));
    pace.took(work.steps, std::chrono::duration<f64>(Clock::now() - start).count());
  }
  auto reports = tally.reports();
  name_rows(reports.tables, section.class_names);
  return reports;
}

Reports evaluate_stream(SessionState& state, DataContents const& data) {
  auto const& function = state.program().function("evaluate");
  state.evaluation_pass.close();
  BatchReader reader(state, data, batch_of(state.program()), 0, 0, {});
  Work work;
  Tally tally;
  while (auto const* batch = reader.next()) {
    check_limits(state.program(), batch->columns, 0, batch->rows,
                 fmt::format("batch {} of {}: ", work.first_step - 1, data.set.name));
    work.columns = pointers_of(batch->columns);
    work.rows = reader.rows();
    work.batch = work.examples = batch->rows;
    tally.follow(function, work, state.call(function, work));
    ++work.first_step;
  }
  state.expect_not_cancelled();
  auto reports = tally.reports();
  name_rows(reports.tables, data.set.class_names);
  return reports;
}

} // namespace nnc
