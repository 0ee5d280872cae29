#include "tools/nnc/output.h"

#include "tools/nnc/interrupt.h"

#include <cctype>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <fcntl.h>
#include <filesystem>
#include <fmt/core.h>
#include <functional>
#include <nlohmann/json.hpp>
#include <numeric>
#include <span>
#include <unistd.h>

namespace command {
namespace {

using Json = nlohmann::ordered_json;

std::string system_words(int error) {
  std::string words = std::strerror(error); // begin like the rest of our messages
  words[0] = static_cast<char>(std::tolower(words[0]));
  return words;
}

[[noreturn]] void cannot(std::string const& what, std::string const& file) {
  throw nnc::Failure(nnc::Code::file,
                     fmt::format("error: cannot {} {}: {}", what, nnc::printable(file), system_words(errno)));
}

std::int64_t count_of(std::vector<std::int64_t> const& shape, size_t from) {
  std::int64_t count = 1;
  for (size_t axis = from; axis < shape.size(); ++axis) count *= shape[axis];
  return count;
}

template <class T>
Json elements(nnc::Array const& array, std::int64_t first, std::int64_t count) {
  auto const all = array.as<T>();
  Json list = Json::array();
  for (std::int64_t i = first; i < first + count; ++i) {
    if constexpr (std::is_same_v<T, float>) {
      // The shortest text that reads back as the same float.
      list.push_back(Json::parse(fmt::format("{}", all[static_cast<size_t>(i)]), nullptr, false));
      if (list.back().is_discarded()) list.back() = nullptr; // NaN and infinity are not in JSON
    } else {
      list.push_back(all[static_cast<size_t>(i)]);
    }
  }
  return list;
}

Json flat(nnc::Array const& array, std::int64_t first, std::int64_t count) {
  if (array.dtype == "f32") return elements<float>(array, first, count);
  if (array.dtype == "f64") return elements<double>(array, first, count);
  if (array.dtype == "i64") return elements<std::int64_t>(array, first, count);
  if (array.dtype == "i32") return elements<std::int32_t>(array, first, count);
  if (array.dtype == "i8") return elements<std::int8_t>(array, first, count);
  if (array.dtype == "u8") return elements<std::uint8_t>(array, first, count);
  return elements<bool>(array, first, count);
}

// Nested lists, as the shape says; a scalar for rank 0.
Json nested(nnc::Array const& array, size_t axis, std::int64_t first) {
  auto const count = count_of(array.shape, axis);
  if (axis == array.shape.size()) return flat(array, first, 1)[0];
  if (axis + 1 == array.shape.size()) return flat(array, first, count);
  Json list = Json::array();
  auto const inner = count_of(array.shape, axis + 1);
  for (std::int64_t i = 0; i < array.shape[axis]; ++i) list.push_back(nested(array, axis + 1, first + i * inner));
  return list;
}

Json nested(std::span<std::int64_t const> shape, double const* values) {
  if (shape.empty()) return *values;
  Json list = Json::array();
  auto const inner = std::accumulate(shape.begin() + 1, shape.end(), std::int64_t{1}, std::multiplies<>());
  for (std::int64_t i = 0; i < shape[0]; ++i) list.push_back(nested(shape.subspan(1), values + i * inner));
  return list;
}

bool per_example(nnc::Array const& array, std::int64_t examples) {
  return !array.shape.empty() && array.shape[0] == examples;
}

std::string safetensors_dtype(std::string const& dtype) {
  if (dtype == "bool") return "BOOL";
  std::string name = dtype;
  name[0] = static_cast<char>(std::toupper(name[0]));
  return name;
}

} // namespace

// A device or a pipe is no file that could be replaced.
void write_output(std::string const& file, std::string const& content) {
  namespace fs = std::filesystem;
  std::error_code ignored;
  if (!file.empty() && (!fs::exists(file, ignored) || fs::is_regular_file(file, ignored)))
    return nnc::replace_file(file, content);
  std::FILE* const out = file.empty() ? stdout : std::fopen(file.c_str(), "wb");
  auto const name = file.empty() ? "standard output" : file;
  if (!out) cannot("write", name);
  bool good = std::fwrite(content.data(), 1, content.size(), out) == content.size() && std::fflush(out) == 0;
  if (!file.empty()) good = std::fclose(out) == 0 && good;
  if (!good && file.empty() && errno == EPIPE) return; // the reader has what it wanted: nnc ... | head
  if (!good) cannot("write", name);
}

void expect_writable(std::string const& file) {
  std::error_code ignored;
  if (!std::filesystem::exists(file, ignored) || std::filesystem::is_regular_file(file, ignored))
    return nnc::check_replaceable(file);
  errno = EISDIR;
  if (std::filesystem::is_directory(file, ignored) || ::access(file.c_str(), W_OK) != 0) cannot("write", file);
}

std::string json_lines(std::vector<nnc::Array> const& outputs, std::int64_t examples) {
  std::string text;
  for (std::int64_t example = 0; example < examples; ++example) {
    Json line = Json::object();
    for (auto const& output : outputs)
      if (per_example(output, examples)) line[output.name] = nested(output, 1, example * count_of(output.shape, 1));
    if (!line.empty()) text += line.dump() + "\n";
  }
  Json rest = Json::object();
  for (auto const& output : outputs)
    if (!per_example(output, examples)) rest[output.name] = nested(output, 0, 0);
  if (!rest.empty()) text += rest.dump() + "\n";
  return text;
}

// Eight bytes of header length, the header padded with blanks to a multiple of eight, the bytes.
std::string safetensors(std::vector<nnc::Array> const& arrays) {
  Json header = Json::object();
  std::string bytes;
  for (auto const& array : arrays) {
    auto const start = bytes.size();
    bytes.append(reinterpret_cast<char const*>(array.bytes.data()), array.bytes.size());
    header[array.name] = {
        {"dtype", safetensors_dtype(array.dtype)}, {"shape", array.shape}, {"data_offsets", {start, bytes.size()}}};
  }
  auto text = header.dump();
  text.resize((text.size() + 7) / 8 * 8, ' ');
  std::string file;
  for (int i = 0; i < 8; ++i) file += static_cast<char>(static_cast<std::uint64_t>(text.size()) >> (8 * i));
  return file + text + bytes;
}

Log::~Log() {
  if (file_ >= 0) ::close(file_);
}

void Log::open(std::string const& file) {
  name_ = file;
  file_ = ::open(file.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0666);
  if (file_ < 0) cannot("open", file);
}

bool Log::write(nnc::Milestone const& m) {
  if (file_ < 0) return true;
  Json line{{"step", m.step}, {"epoch", m.epoch}};
  for (auto const& number : m.values) line[number.name] = number.value; // not finite: null
  for (auto const& number : m.validation) line["validation_" + number.name] = number.value;
  for (auto const& table : m.tables) line[table.name] = nested(table.shape, table.values.data());
  for (auto const& table : m.validation_tables)
    line["validation_" + table.name] = nested(table.shape, table.values.data());
  for (auto const& rate : m.rates) line[rate.name] = rate.value;
  line["seconds"] = m.seconds; // as it was called before there was the other one
  line["seconds_total"] = m.seconds;
  line["seconds_epoch"] = m.seconds_of_epoch;
  line["examples_per_second"] = m.examples_per_second;
  return put(line.dump() + "\n");
}

bool Log::write_test(nnc::Trained const& trained, nnc::Reports const& reports) {
  if (file_ < 0) return true;
  Json line{{"step", trained.step}, {"epoch", trained.epoch}};
  for (auto const& number : reports.values) line["test_" + number.name] = number.value;
  for (auto const& table : reports.tables) line["test_" + table.name] = nested(table.shape, table.values.data());
  line["seconds_total"] = trained.seconds;
  return put(line.dump() + "\n");
}

// A line is written whole or not at all, so that a disk that has room again gets whole lines.
bool Log::put(std::string_view text) {
  auto const start = ::lseek(file_, 0, SEEK_END);
  while (!text.empty()) {
    auto const written = ::write(file_, text.data(), text.size());
    if (written < 0 && errno == EINTR && !interrupted_by()) continue;
    if (written < 0) break;
    text.remove_prefix(static_cast<size_t>(written));
  }
  if (text.empty()) return true;
  trouble_ = fmt::format("cannot write {}: {}", name_, system_words(errno));
  if (start >= 0 && ::ftruncate(file_, start) != 0) {
  } // a device has no line that could be cut off
  return false;
}

} // namespace command
