// What the tests of files share: a folder that vanishes, files written by hand, a disk that is full, the words of an
// error.
#pragma once

#include "ir/basic.h"
#include "ir/diagnostic.h"

#include <csignal>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <functional>
#include <iterator>
#include <optional>
#include <span>
#include <stdexcept>
#include <string>
#include <sys/resource.h>
#include <unistd.h>
#include <vector>

namespace nnc::test {

// A new folder below the system's place for temporary files; gone, with all that is in it, at the end of the scope.
class Scratch {
public:
  Scratch() {
    auto pattern = (std::filesystem::temp_directory_path() / "nnc-test-XXXXXX").string();
    if (!::mkdtemp(pattern.data())) throw std::runtime_error("no temporary folder can be made");
    folder_ = pattern;
  }
  ~Scratch() {
    std::error_code error;
    std::filesystem::remove_all(folder_, error);
  }
  Scratch(Scratch const&) = delete;
  Scratch& operator=(Scratch const&) = delete;
  std::filesystem::path operator/(std::string const& name) const { return folder_ / name; }
  std::filesystem::path const& folder() const { return folder_; }

  std::filesystem::path write(std::string const& name, std::string const& content) const {
    auto const path = folder_ / name;
    std::filesystem::create_directories(path.parent_path());
    std::ofstream(path, std::ios::binary) << content;
    return path;
  }

private:
  std::filesystem::path folder_;
};

// A variable of the environment, until the end of the scope; no value: not set.
class Environment {
public:
  Environment(std::string name, std::optional<std::string> value) : name_(std::move(name)) {
    if (auto const* old = std::getenv(name_.c_str())) old_ = old;
    set(value);
  }
  ~Environment() { set(old_); }
  Environment(Environment const&) = delete;
  Environment& operator=(Environment const&) = delete;

private:
  void set(std::optional<std::string> const& value) const {
    if (value) ::setenv(name_.c_str(), value->c_str(), 1);
    else ::unsetenv(name_.c_str());
  }
  std::string name_;
  std::optional<std::string> old_;
};

// Until the end of the scope no file of this process may grow beyond `bytes`: what a full disk looks like to a writer.
class FullDisk {
public:
  explicit FullDisk(rlim_t bytes) : old_handler_(std::signal(SIGXFSZ, SIG_IGN)) {
    ::getrlimit(RLIMIT_FSIZE, &old_);
    rlimit const limit{bytes, old_.rlim_max};
    ::setrlimit(RLIMIT_FSIZE, &limit);
  }
  ~FullDisk() {
    ::setrlimit(RLIMIT_FSIZE, &old_);
    std::signal(SIGXFSZ, old_handler_);
  }
  FullDisk(FullDisk const&) = delete;
  FullDisk& operator=(FullDisk const&) = delete;

private:
  rlimit old_{};
  void (*old_handler_)(int);
};

inline std::string content_of(std::filesystem::path const& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}

inline std::span<u8 const> bytes_of_text(std::string const& text) {
  return {reinterpret_cast<u8 const*>(text.data()), text.size()};
}

// The message of the nnc::Error that `action` throws; "no error" when it throws none.
inline std::string error_of(std::function<void()> const& action) {
  try {
    action();
  } catch (Error const& error) {
    return error.what();
  }
  return "no error";
}

// An error must name the file by its name alone in expectations: the folder is a new one each time.
inline std::string error_in(Scratch const& scratch, std::function<void()> const& action) {
  auto text = error_of(action);
  auto const prefix = scratch.folder().string() + "/";
  for (size_t at; (at = text.find(prefix)) != std::string::npos;) text.erase(at, prefix.size());
  return text;
}

} // namespace nnc::test
