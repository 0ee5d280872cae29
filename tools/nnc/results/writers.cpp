#include "tools/nnc/results/writers.h"

#include <algorithm>
#include <cctype>
#include <fmt/core.h>

namespace command {

Outputs outputs_of(nnc::Session const& session, std::vector<nnc::Array> arrays, std::int64_t examples) {
  constexpr std::size_t most_labels = 1000;
  Outputs outputs{.arrays = std::move(arrays), .examples = examples};
  for (auto const& array : outputs.arrays) {
    if (array.column.empty()) continue;
    if (array.dtype.starts_with('i')) {
      Words words{.shape = array.shape, .texts = session.texts_of(array)};
      std::int64_t count = 1;
      for (auto const extent : words.shape) count *= extent;
      if (count != std::ssize(words.texts)) words.shape.pop_back();
      outputs.words[array.name] = std::move(words);
    } else if (auto names = session.names_of(array.column); names.size() <= most_labels) {
      outputs.labels[array.name] = std::move(names);
    }
  }
  return outputs;
}
namespace {

constexpr char const* lines = "a JSON object for each example: {\"probs\": [0.1, ...]}";

constexpr Writer table[] = {
    {".jsonl", lines, json_lines},
    {".json", lines, json_lines},
    {".csv", "a row for each example, a column for each number: probs_0, probs_1, ...", csv, csv_refuses},
    {".npy", "the array of a single output, for NumPy", npy, npy_refuses},
    {".npz", "all outputs as arrays by their names, for NumPy", npz},
    {".safetensors", "all outputs as tensors by their names", safetensors},
    {".png", "a grid of the outputs that are pictures: [n, h, w], or 1 or 3 channels in front or behind", picture_grid,
     picture_grid_refuses},
};

[[noreturn]] void fail(std::string const& file, Writer::Refusal const& refusal) {
  throw nnc::Failure(nnc::Code::argument,
                     fmt::format("error: -o {}: {}\nhelp: {}", nnc::printable(file), refusal.why, refusal.help));
}

} // namespace

std::span<Writer const> writers() { return table; }

std::string ending_of(std::string const& file) {
  auto const name = file.substr(file.rfind('/') + 1);
  auto const dot = name.rfind('.');
  if (dot == std::string::npos || dot == 0) return {};
  auto text = name.substr(dot);
  std::transform(text.begin(), text.end(), text.begin(), [](unsigned char c) { return std::tolower(c); });
  return text;
}

Writer const* writer_of(std::string const& file) {
  auto const ending = ending_of(file);
  if (ending.empty()) return &table[0];
  auto const found =
      std::find_if(std::begin(table), std::end(table), [&](auto const& w) { return ending == w.ending; });
  return found == std::end(table) ? nullptr : found;
}

std::string endings_that_are_written() {
  std::string text;
  for (auto const& writer : table)
    text += fmt::format("{}*{}", text.empty() ? "" : &writer + 1 == std::end(table) ? " or " : ", ", writer.ending);
  return text;
}

void check_outputs(std::string const& file, Forms const& forms) {
  auto const* const writer = writer_of(file);
  if (!writer || !writer->refuses) return;
  if (auto const refusal = writer->refuses(forms); !refusal.why.empty()) fail(file, refusal);
}

// What was found out from the program alone is asked again of the arrays: an extent that follows from the batch
// otherwise than one row for each example is only known now.
std::string written(std::string const& file, Outputs const& outputs) {
  Forms forms;
  for (auto const& array : outputs.arrays) {
    nnc::TensorInfo form{.name = array.name, .dtype = array.dtype, .shape = array.shape, .type = array.dtype + "["};
    for (auto const extent : array.shape) form.type += fmt::format("{}{}", form.type.back() == '[' ? "" : ",", extent);
    form.type += "]";
    if (!array.shape.empty() && array.shape[0] == outputs.examples) form.shape[0] = -1;
    forms.push_back(std::move(form));
  }
  check_outputs(file, forms);
  return writer_of(file)->write(outputs);
}

} // namespace command
