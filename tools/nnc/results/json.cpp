// JSON lines: an object for each example, and a last one of the outputs that have no row for each.
#include "tools/nnc/results/elements.h"
#include "tools/nnc/results/writers.h"

#include <nlohmann/json.hpp>

namespace command {
namespace {

// Nested lists, as the shape says; a number for rank 0. NaN and infinity are not in JSON.
void append(std::string& text, nnc::Array const& array, std::size_t axis, std::string const*& next) {
  if (axis == array.shape.size()) {
    auto const& number = *next++;
    bool const is_number = number.find_first_of("nf") == std::string::npos; // "nan", "inf"
    if (array.dtype == "bool") text += number == "0" ? "false" : "true";
    else text += is_number ? number : "null";
    return;
  }
  text += '[';
  for (std::int64_t i = 0; i < array.shape[axis]; ++i) {
    if (i > 0) text += ',';
    append(text, array, axis + 1, next);
  }
  text += ']';
}

void append(std::string& line, nnc::Array const& array, std::size_t axis, std::int64_t first) {
  auto const numbers = texts(array, first, count_of(array.shape, axis));
  line += (line.empty() ? "" : ",") + nlohmann::json(array.name).dump() + ":";
  auto const* next = numbers.data();
  append(line, array, axis, next);
}

} // namespace

std::string json_lines(Outputs const& outputs) {
  std::string text, rest;
  for (std::int64_t example = 0; example < outputs.examples; ++example) {
    std::string line;
    for (auto const& array : outputs.arrays)
      if (per_example(array, outputs.examples)) append(line, array, 1, example * count_of(array.shape, 1));
    if (!line.empty()) text += "{" + line + "}\n";
  }
  for (auto const& array : outputs.arrays)
    if (!per_example(array, outputs.examples)) append(rest, array, 0, 0);
  return rest.empty() ? text : text + "{" + rest + "}\n";
}

} // namespace command
