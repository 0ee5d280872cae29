// Tables as RFC 4180 has them, but for lines, which end as those of other files on this system do. An output of one
// number per example is a column of its name; one of more has a column for each, with the indices behind the name.
#include "tools/nnc/results/csv.h"

#include "tools/nnc/results/elements.h"
#include "tools/nnc/results/writers.h"

#include <fmt/core.h>

namespace command {
namespace {

// probs_0, probs_1; image_0_0, image_0_1; with labels probs_cat, probs_dog
void add_columns(std::vector<std::string>& columns, std::string const& name, std::vector<std::int64_t> const& shape,
                 std::size_t axis, std::vector<std::string> const* labels) {
  if (axis == shape.size()) return columns.push_back(name);
  bool const are_labelled = labels && axis + 1 == shape.size() && std::ssize(*labels) == shape[axis];
  for (std::int64_t i = 0; i < shape[axis]; ++i)
    add_columns(columns,
                are_labelled ? fmt::format("{}_{}", name, (*labels)[static_cast<std::size_t>(i)])
                             : fmt::format("{}_{}", name, i),
                shape, axis + 1, labels);
}

Words const* words_of(Outputs const& outputs, nnc::Array const& array) {
  auto const found = outputs.words.find(array.name);
  return found == outputs.words.end() ? nullptr : &found->second;
}

} // namespace

std::string csv_field(std::string const& text) {
  if (text.find_first_of(",\"\r\n") == std::string::npos) return text;
  std::string quoted = "\"";
  for (char const c : text) quoted += c == '"' ? "\"\"" : std::string(1, c);
  return quoted + "\"";
}

std::string csv_line(std::vector<std::string> const& fields) {
  std::string line;
  for (std::size_t i = 0; i < fields.size(); ++i) line += (i == 0 ? "" : ",") + csv_field(fields[i]);
  return line + "\n";
}

std::string csv(Outputs const& outputs) {
  std::vector<std::string> columns;
  for (auto const& array : outputs.arrays) {
    auto const* words = words_of(outputs, array);
    auto const labels = outputs.labels.find(array.name);
    add_columns(columns, array.name, words ? words->shape : array.shape, 1,
                labels == outputs.labels.end() ? nullptr : &labels->second);
  }
  auto text = csv_line(columns);
  std::vector<std::string> row;
  for (std::int64_t example = 0; example < outputs.examples; ++example) {
    row.clear();
    for (auto const& array : outputs.arrays) {
      if (auto const* words = words_of(outputs, array)) {
        auto const count = count_of(words->shape, 1);
        for (std::int64_t i = 0; i < count; ++i)
          row.push_back(words->texts[static_cast<std::size_t>(example * count + i)]);
        continue;
      }
      auto const size = count_of(array.shape, 1);
      for (auto& number : texts(array, example * size, size)) row.push_back(std::move(number));
    }
    text += csv_line(row);
  }
  return text;
}

Writer::Refusal csv_refuses(Forms const& forms) {
  for (auto const& form : forms)
    if (form.shape.empty() || form.shape[0] != -1)
      return {fmt::format("a table has a row for each example, and the output '{}' {} has none",
                          nnc::printable(form.name), form.type),
              "*.npz, *.safetensors and *.jsonl take outputs of any shape"};
  return {};
}

} // namespace command
