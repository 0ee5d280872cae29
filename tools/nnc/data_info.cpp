#include "tools/nnc/data_info.h"

#include "nnc/nnc.hpp"
#include "tools/nnc/text_table.h"

#include <algorithm>
#include <cmath>
#include <cstring>

namespace command {
namespace {

constexpr std::int64_t shown_examples = 3;
constexpr std::size_t shown_numbers = 6, shown_classes = 20;

// Calls f(i, value) for the elements first .. last - 1 of a column.
template <class F>
void for_elements(nnc::Column const& column, std::int64_t first, std::int64_t last, F&& f) {
  auto const each = [&]<class T>(T) {
    auto const* elements = static_cast<T const*>(column.data);
    for (auto i = first; i < last; ++i) f(i, static_cast<double>(elements[i]));
  };
  if (column.dtype == "f64") each(double{});
  else if (column.dtype == "f32") each(float{});
  else if (column.dtype == "i64") each(std::int64_t{});
  else if (column.dtype == "i32") each(std::int32_t{});
  else if (column.dtype == "i8") each(std::int8_t{});
  else if (column.dtype == "u8" || column.dtype == "bool") each(std::uint8_t{});
}

std::int64_t width_of(nnc::Column const& column) {
  std::int64_t width = 1;
  for (size_t axis = 1; axis < column.shape.size(); ++axis) width *= column.shape[axis];
  return width;
}

std::string type_of(nnc::Column const& column) {
  std::string text = column.dtype;
  for (size_t axis = 1; axis < column.shape.size(); ++axis)
    text += fmt::format("{}{}", axis == 1 ? "[" : ",", column.shape[axis]);
  return column.shape.size() > 1 ? text + "]" : text;
}

std::string cut(std::string text) {
  constexpr std::size_t most = 24;
  text = nnc::printable(text);
  return text.size() > most ? text.substr(0, most - 3) + "..." : text;
}

std::string first_examples(nnc::Column const& column, std::vector<std::string> const& names) {
  std::string text;
  auto const width = width_of(column);
  for (std::int64_t row = 0; row < std::min(shown_examples, column.shape[0]); ++row) {
    std::string example;
    std::size_t shown = 0;
    for_elements(column, row * width, std::min((row + 1) * width, row * width + 1 + std::int64_t{shown_numbers}),
                 [&](std::int64_t, double value) {
                   if (shown++ == shown_numbers) example += " ...";
                   if (shown > shown_numbers) return;
                   auto const place = static_cast<std::size_t>(value);
                   bool const is_name = value >= 0 && place < names.size();
                   example += (shown > 1 ? " " : "") + (is_name ? cut(names[place]) : fmt::format("{:.6g}", value));
                 });
    text += fmt::format("{}{}", row ? " | " : "", example);
  }
  return text;
}

struct Range {
  double least = INFINITY, largest = -INFINITY, sum = 0, squares = 0;
  std::int64_t count = 0, missing = 0;
};

Range range_of(nnc::Column const& column) {
  Range range;
  for_elements(column, 0, column.shape[0] * width_of(column), [&](std::int64_t, double value) {
    if (std::isnan(value)) {
      ++range.missing;
      return;
    }
    ++range.count;
    range.least = std::min(range.least, value);
    range.largest = std::max(range.largest, value);
    range.sum += value;
    range.squares += value * value;
  });
  return range;
}

// "3 categories", "0 to 255, mean 33.3, std 78.6"
std::string meaning(nnc::Column const& column, std::vector<std::string> const& names) {
  if (!names.empty()) return fmt::format("{} names", names.size());
  auto const range = range_of(column);
  if (range.count == 0) return "";
  double const n = static_cast<double>(range.count), mean = range.sum / n;
  double const deviation = std::sqrt(std::max(0.0, range.squares / n - mean * mean));
  return fmt::format("{:.6g} to {:.6g}, mean {:.4g}, std {:.4g}{}", range.least, range.largest, mean,
                     deviation, range.missing ? fmt::format(", {} NaN", range.missing) : "");
}

// How many examples of each class there are, for columns of one category each.
std::string classes_text(nnc::Column const& column, std::vector<std::string> const& names) {
  std::vector<std::int64_t> counts(names.size());
  for_elements(column, 0, column.shape[0], [&](std::int64_t, double value) {
    auto const place = static_cast<std::size_t>(value);
    if (value >= 0 && place < counts.size()) ++counts[place];
  });
  std::string text;
  for (size_t i = 0; i < std::min(shown_classes, counts.size()); ++i)
    text += fmt::format("{}{} {}", i ? ", " : "", cut(names[i]), counts[i]);
  if (counts.size() > shown_classes) text += fmt::format(", ... ({} in all)", counts.size());
  return fmt::format("  {}: {}\n", column.name, text);
}

// Small whole numbers from 0 on are probably classes.
std::vector<std::string> numbers_as_names(nnc::Data const& data, nnc::Column const& column) {
  std::vector<std::string> names;
  if (column.dtype != "i32" || column.shape.size() != 1) return names;
  auto const range = range_of(column);
  constexpr double most = 100;
  if (!(range.least >= 0) || range.largest >= most) return names;
  auto const count = static_cast<size_t>(range.largest) + 1;
  bool const are_named = column.name == "label" && data.class_names().size() >= count;
  for (size_t i = 0; i < count; ++i) names.push_back(are_named ? data.class_names()[i] : fmt::format("{}", i));
  return names;
}

std::string split_text(char const* what, nnc::Data const& data, std::vector<nnc::Column> const& columns) {
  if (columns.empty()) return "";
  TextTable table({"column", "type", "values", "first examples"}, "tttt");
  std::string classes;
  for (auto const& column : columns) {
    auto const names = data.names_of(column.name);
    table.add({column.name, type_of(column), meaning(column, names), first_examples(column, names)});
    auto const counted = names.empty() ? numbers_as_names(data, column) : names;
    if (!counted.empty() && column.shape.size() == 1) classes += classes_text(column, counted);
  }
  return fmt::format("\n{}: {} examples\n{}{}", what, columns[0].shape[0], table.text(), classes);
}

std::string options_text() {
  std::string text = "options of DATA, behind its files:\n";
  for (auto const& option : nnc::Data::option_list()) text += "  " + option + "\n";
  return text;
}

} // namespace

std::string with_split(std::string const& words, Line const& line) {
  return line.split.empty() ? words : words + "," + line.split;
}

std::string data_info_text(Line const& line) {
  if (line.data_info->empty()) return options_text();
  auto const data = nnc::Data::open(with_split(*line.data_info, line),
                                    {.folder = line.data_folder, .checkpoint = line.load});
  auto text = data.summary() + "\n";
  for (auto const& note : data.notes()) text += "note: " + note + "\n";
  text += split_text("training", data, data.train_columns());
  text += split_text("test", data, data.test_columns());
  std::string properties;
  for (auto const& [name, value] : data.properties())
    properties += fmt::format("{}{} = {}", properties.empty() ? "" : ", ", name, value);
  if (!properties.empty()) text += "\nmodels know: " + properties + "\n";
  return text;
}

} // namespace command
