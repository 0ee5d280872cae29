#include "tools/nnc/formats.h"

#include <algorithm>
#include <fmt/core.h>

namespace command {
namespace {

// Endings by which other programs know arrays, tables, models and archives.
constexpr char const* foreign[] = {".npy",     ".npz",   ".pt",   ".pth",    ".ckpt", ".h5",     ".hdf5",
                                   ".keras",   ".onnx",  ".pkl",  ".pickle", ".pb",   ".tflite", ".msgpack",
                                   ".gguf",    ".ggml",  ".bin",  ".mat",    ".csv",  ".tsv",    ".parquet",
                                   ".feather", ".arrow", ".zarr", ".zip",    ".gz",   ".tar",    ".png",
                                   ".jpg",     ".jpeg",  ".pdf",  ".xlsx",   ".yaml", ".yml",    ".xml"};

std::string ending(std::string const& file) {
  auto const name = file.substr(file.rfind('/') + 1);
  auto const dot = name.rfind('.');
  if (dot == std::string::npos || dot == 0) return {};
  auto text = name.substr(dot);
  std::transform(text.begin(), text.end(), text.begin(), [](unsigned char c) { return std::tolower(c); });
  return text;
}

bool is_foreign(std::string const& file) {
  return std::find(std::begin(foreign), std::end(foreign), ending(file)) != std::end(foreign);
}

void expect(std::string const& file, char const* option, std::string const& content, std::string const& endings) {
  if (is_foreign(file))
    throw Mistake{.message = fmt::format("{} {}: what is written is {}, not {}", option, file, content, ending(file)),
                  .help = fmt::format("name the file {}", endings)};
}

} // namespace

void check_formats(Line const& line) {
  expect(line.save, "--save", "safetensors", "*.safetensors");
  expect(line.log, "--log", "JSON, a line each", "*.jsonl");
  if (line.run) expect(line.output, "-o", "JSON, a line each, or safetensors", "*.json or *.safetensors");
}

} // namespace command
