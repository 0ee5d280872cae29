#include "tools/nnc/results/worst.h"

#include "tools/nnc/results/elements.h"
#include "tools/nnc/results/images.h"
#include "tools/nnc/screen.h"

#include <algorithm>
#include <chrono>
#include <cmath>
#include <fmt/core.h>
#include <optional>

namespace command {
namespace {

constexpr std::int64_t short_row = 12; // numbers that are shown as text

// A split, or the part of it that is looked at.
struct Rows {
  std::string name;
  std::vector<nnc::Column> columns;
  std::int64_t first = 0, count = 0;
};

Rows rows_of(nnc::Program const& program, nnc::Data const& data) {
  if (data.test_examples() > 0) return {"test", data.test_columns(), 0, data.test_examples()};
  auto const all = data.train_examples(), validation = program.validation(data);
  if (validation > 0) return {"validation", data.train_columns(), all - validation, validation};
  return {"training", data.train_columns(), 0, all};
}

std::size_t bytes_of(std::string const& dtype) {
  if (dtype == "f64" || dtype == "i64") return 8;
  if (dtype == "f32" || dtype == "i32") return 4;
  return dtype == "f16" || dtype == "bf16" ? 2 : 1;
}

nnc::Column row_of(nnc::Column column, std::int64_t row) {
  auto const stride = static_cast<std::size_t>(count_of(column.shape, 1)) * bytes_of(column.dtype);
  column.data = static_cast<std::byte const*>(column.data) + stride * static_cast<std::size_t>(row);
  column.shape[0] = 1;
  return column;
}

// The library binds the columns of one example as it binds those of all.
nnc::Data one(Rows const& rows, nnc::Data const& data, std::int64_t number) {
  std::vector<nnc::Column> columns;
  for (auto const& column : rows.columns) columns.push_back(row_of(column, rows.first + number));
  return nnc::Data::from_columns(std::move(columns), {}, data.name()).with_class_names(data.class_names());
}

nnc::Array array_of(nnc::Column const& row) {
  auto const* const bytes = static_cast<std::byte const*>(row.data);
  auto const size = static_cast<std::size_t>(count_of(row.shape)) * bytes_of(row.dtype);
  return {row.name, row.dtype, row.shape, std::vector<std::byte>(bytes, bytes + size)};
}

bool is_whole(std::string const& dtype) { return dtype[0] == 'i' || dtype[0] == 'u'; }

// The column of the labels: the target of one whole number per example. A column may have another name than the input
// that it is bound to; then there is only one that it can be.
std::string label_column(nnc::Program const& program, Rows const& rows) {
  std::vector<std::string> targets, whole;
  for (auto const& input : program.inputs())
    if (input.is_target && is_whole(input.dtype) && input.shape.size() == 1) targets.push_back(input.name);
  for (auto const& column : rows.columns)
    if (is_whole(column.dtype) && column.shape.size() == 1) whole.push_back(column.name);
  if (targets.empty()) return "";
  for (auto const& name : whole)
    if (name == targets[0]) return name;
  return targets.size() == 1 && whole.size() == 1 ? whole[0] : "";
}

std::string class_name(nnc::Data const& data, std::int64_t number) {
  auto const& names = data.class_names();
  auto const index = static_cast<std::size_t>(number);
  return number >= 0 && index < names.size() ? names[index] : std::to_string(number);
}

// The class with the largest number, and its share where the numbers are shares.
std::string guess_of(nnc::Data const& data, nnc::Array const& output) {
  auto const all = numbers(output);
  auto const best = std::max_element(all.begin(), all.end());
  double sum = 0;
  for (double const x : all) sum += x >= 0 && x <= 1 ? x : NAN;
  auto text = class_name(data, best - all.begin());
  if (std::abs(sum - 1) < 1e-3) text += fmt::format(" ({:.1f} %)", 100 * *best);
  return text;
}

bool is_over_classes(nnc::Array const& output) {
  return output.shape.size() == 2 && output.shape[1] > 1 && (output.dtype[0] == 'f' || output.dtype[0] == 'b') &&
         output.dtype != "bool";
}

void add(Example& example, nnc::Array const& array) {
  auto const values = numbers(array);
  if (auto const form = image_form(array.shape)) {
    example.pictures.emplace_back(array.name, image_of(values.data(), *form, brightness_of(array.dtype, values)));
  } else if (static_cast<std::int64_t>(values.size()) <= short_row) {
    std::string text;
    for (double const x : values) text += fmt::format("{}{:.5g}", text.empty() ? "" : " ", x);
    example.texts.emplace_back(array.name, text);
  }
}

void describe(Example& example, nnc::Program const& program, nnc::Session& session, nnc::Data const& data,
              Rows const& rows) {
  auto const label = label_column(program, rows);
  for (auto const& column : rows.columns) {
    auto const array = array_of(row_of(column, rows.first + example.number));
    if (column.name == label) example.label = class_name(data, static_cast<std::int64_t>(numbers(array)[0]));
    else add(example, array);
  }
  if (!program.can_run()) return;
  for (auto const& output : session.run(one(rows, data, example.number), nnc::Part::all)) {
    if (!label.empty() && example.guess.empty() && is_over_classes(output)) example.guess = guess_of(data, output);
    else if (!output.shape.empty() && output.shape[0] == 1) add(example, output);
  }
}

// NaN is the worst.
bool is_worse(Example const& a, Example const& b) {
  if (std::isnan(a.loss) != std::isnan(b.loss)) return std::isnan(a.loss);
  return a.loss != b.loss && !std::isnan(a.loss) ? a.loss > b.loss : a.number < b.number;
}

} // namespace

Worst worst_examples(nnc::Program const& program, nnc::Session& session, nnc::Data const& data, std::size_t most,
                     double seconds, std::function<bool()> const& go_on) {
  auto const losses = program.overview().losses;
  auto const rows = rows_of(program, data);
  Worst worst{.split = rows.name, .of = rows.count};
  if (losses.empty()) worst.why_not = "the program has no loss";
  for (auto const& column : rows.columns)
    if (!column.data || column.shape.at(0) < rows.first + rows.count)
      worst.why_not = "the data come as a stream, of which no example can be asked for";
  if (!worst.why_not.empty()) return worst;
  worst.loss = losses[0];
  auto const start = std::chrono::steady_clock::now();
  auto const is_time_left = [&] {
    return std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count() < seconds && go_on();
  };
  try {
    for (std::int64_t i = 0; i < rows.count && is_time_left(); ++i) {
      auto const reports = session.evaluate(one(rows, data, i), nnc::Part::all);
      Example example{.number = i};
      for (auto const& number : reports.values)
        if (number.name == worst.loss) example.loss = number.value;
      auto const place = std::upper_bound(worst.examples.begin(), worst.examples.end(), example, is_worse);
      worst.examples.insert(place, example);
      if (worst.examples.size() > most) worst.examples.pop_back();
      ++worst.looked_at;
    }
    for (auto& example : worst.examples) describe(example, program, session, data, rows);
  } catch (nnc::Failure const& failure) { // a label out of range, a program that takes no batch of one
    worst.why_not = failure.what();
    worst.examples.clear();
  }
  if (worst.examples.empty() && worst.why_not.empty()) worst.why_not = "no example was looked at";
  return worst;
}

} // namespace command
