#include "tools/nnc/formats.h"

#include "tools/nnc/results/writers.h"

#include <algorithm>
#include <fmt/core.h>

namespace command {
namespace {

// Endings by which other programs know arrays, tables, models and archives, beside those of the outputs.
constexpr char const* foreign[] = {".pt",     ".pth",     ".ckpt",    ".h5",      ".hdf5", ".keras", ".onnx", ".pkl",
                                   ".pickle", ".pb",      ".tflite",  ".msgpack", ".gguf", ".ggml",  ".bin",  ".mat",
                                   ".tsv",    ".parquet", ".feather", ".arrow",   ".zarr", ".zip",   ".gz",   ".tar",
                                   ".jpg",    ".jpeg",    ".pdf",     ".xlsx",    ".yaml", ".yml",   ".xml"};

// Of a file that is always written in one format, whatever it is called.
void expect(std::string const& file, char const* option, std::string const& content,
            std::vector<std::string> const& endings) {
  auto const ending = ending_of(file);
  auto const is_one_of = [&](auto const& list) {
    return std::find(std::begin(list), std::end(list), ending) != std::end(list);
  };
  bool const is_output = !ending.empty() && writer_of(file);
  if (is_one_of(endings) || !(is_one_of(foreign) || is_output)) return;
  throw Mistake{.message = fmt::format("{} {}: what is written is {}, not {}", option, file, content, ending),
                .help = fmt::format("name the file *{}", endings.front())};
}

} // namespace

void expect_drawing(char const* option, std::string const& file) {
  auto const ending = ending_of(file);
  if (ending != ".svg" && ending != ".png")
    throw Mistake{.message = fmt::format("{} {}: a drawing is not written as {}", option, file,
                                         ending.empty() ? "a file without an ending" : ending),
                  .help = "name the file *.svg or *.png"};
}

void check_formats(Line const& line) {
  if (!line.plot.empty()) expect_drawing("--plot", line.plot);
  if (auto const ending = ending_of(line.report); !line.report.empty() && ending != ".html" && ending != ".htm")
    throw Mistake{.message = fmt::format("--report {}: what is written is a page of HTML", line.report),
                  .help = "name the file *.html"};
  expect(line.save, "--save", "safetensors", {".safetensors"});
  expect(line.save_best, "--save-best", "safetensors", {".safetensors"});
  expect(line.log, "--log", "JSON, a line each", {".jsonl", ".json"});
  if (line.run && !writer_of(line.output))
    throw Mistake{.message = fmt::format("-o {}: outputs are not written as {}", line.output, ending_of(line.output)),
                  .help = fmt::format("name the file {}", endings_that_are_written())};
}

} // namespace command
