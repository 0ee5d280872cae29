// JSON lines: an object for each example, and a last one of the outputs that have no row for each.
#include "tools/nnc/results/elements.h"
#include "tools/nnc/results/writers.h"

#include <nlohmann/json.hpp>

namespace command {
namespace {

using Labels = std::vector<std::string>;

std::string quoted(std::string const& text) {
  return nlohmann::json(text).dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
}

// Nested lists, as the shape says, of values that are JSON; with labels the last axis is an object.
void append(std::string& text, std::vector<std::int64_t> const& shape, Labels const* labels, std::size_t axis,
            std::string const*& next) {
  if (axis == shape.size()) {
    text += *next++;
    return;
  }
  bool const is_object = labels && axis + 1 == shape.size() && std::ssize(*labels) == shape[axis];
  text += is_object ? '{' : '[';
  for (std::int64_t i = 0; i < shape[axis]; ++i) {
    if (i > 0) text += ',';
    if (is_object) text += quoted((*labels)[static_cast<std::size_t>(i)]) + ":";
    append(text, shape, labels, axis + 1, next);
  }
  text += is_object ? '}' : ']';
}

// NaN and infinity are not in JSON.
std::string value_of(nnc::Array const& array, std::string const& number) {
  if (array.dtype == "bool") return number == "0" ? "false" : "true";
  return number.find_first_of("nf") == std::string::npos ? number : "null"; // "nan", "inf"
}

// The output behind `axis`, from this example on.
void append(std::string& line, Outputs const& outputs, nnc::Array const& array, std::size_t axis, std::int64_t example) {
  line += (line.empty() ? "" : ",") + nlohmann::json(array.name).dump() + ":";
  auto const words = outputs.words.find(array.name);
  auto const labels = outputs.labels.find(array.name);
  auto const& shape = words != outputs.words.end() ? words->second.shape : array.shape;
  auto const count = count_of(shape, axis);
  std::vector<std::string> values;
  if (words != outputs.words.end())
    for (std::int64_t i = 0; i < count; ++i)
      values.push_back(quoted(words->second.texts[static_cast<std::size_t>(example * count + i)]));
  else
    for (auto const& number : texts(array, example * count, count)) values.push_back(value_of(array, number));
  auto const* next = values.data();
  append(line, shape, labels == outputs.labels.end() ? nullptr : &labels->second, axis, next);
}

} // namespace

std::string json_lines(Outputs const& outputs) {
  std::string text, rest;
  for (std::int64_t example = 0; example < outputs.examples; ++example) {
    std::string line;
    for (auto const& array : outputs.arrays)
      if (per_example(array, outputs.examples)) append(line, outputs, array, 1, example);
    if (!line.empty()) text += "{" + line + "}\n";
  }
  for (auto const& array : outputs.arrays)
    if (!per_example(array, outputs.examples)) append(rest, outputs, array, 0, 0);
  return rest.empty() ? text : text + "{" + rest + "}\n";
}

} // namespace command
