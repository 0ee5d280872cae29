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

Json nested(std::span<std::int64_t const> shape, double const* values) {
  if (shape.empty()) return *values;
  Json list = Json::array();
  auto const inner = std::accumulate(shape.begin() + 1, shape.end(), std::int64_t{1}, std::multiplies<>());
  for (std::int64_t i = 0; i < shape[0]; ++i) list.push_back(nested(shape.subspan(1), values + i * inner));
  return list;
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

Growing::~Growing() {
  if (file_ >= 0) ::close(file_);
}

void Growing::open(std::string const& file) {
  name_ = file;
  file_ = ::open(file.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0666);
  if (file_ < 0) cannot("open", file);
}

// So that a disk that has room again gets whole pieces.
bool Growing::put(std::string_view text) {
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
  } // a device has no piece that could be cut off
  return false;
}

bool Log::write(nnc::Milestone const& m) {
  if (!file_.is_open()) return true;
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
  return file_.put(line.dump() + "\n");
}

bool Log::write_test(nnc::Trained const& trained, nnc::Reports const& reports) {
  if (!file_.is_open()) return true;
  Json line{{"step", trained.step}, {"epoch", trained.epoch}};
  for (auto const& number : reports.values) line["test_" + number.name] = number.value;
  for (auto const& table : reports.tables) line["test_" + table.name] = nested(table.shape, table.values.data());
  line["seconds_total"] = trained.seconds;
  return file_.put(line.dump() + "\n");
}

} // namespace command
