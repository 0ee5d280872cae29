// What the library computes, against PyTorch and closed forms: values, derivatives by every input and parameter, steps
// of optimizers, values of schedules. The scripts (tests/reference/*.txt) are made by reference.py beside them:
//
//   case NAME VARIANT; covers FUNCTION ...; | a line of the program; set, input NAME DTYPE EXTENTS and numbers;
//   run BATCH; step BATCH COUNT; output, parameter, report NAME TOLERANCE EXTENTS and numbers
//
// The difference of an element is compared with the tolerance times the largest expected element of its tensor, 1e-3 at
// least: an element may be a difference of larger ones. Infinities and NaN must be equal.
#include "frontend/parser.h"
#include "frontend/std_library.h"
#include "nnc/nnc.hpp"

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <cstring>
#include <doctest/doctest.h>
#include <filesystem>
#include <fmt/core.h>
#include <fstream>
#include <map>
#include <set>
#include <sstream>

using namespace nnc;

namespace {

struct Line {
  std::string word, name, dtype; // dtype: the batch of `run`, the tolerance of what is expected
  std::string shape;
  std::vector<f64> numbers;
};
struct Script {
  std::string name;
  std::vector<std::string> covers;
  std::string program;
  std::vector<Line> lines;
};

std::vector<Script> read_scripts(std::filesystem::path const& path) {
  std::vector<Script> out;
  std::ifstream in(path);
  for (std::string line; std::getline(in, line);) {
    if (line.empty() || line[0] == '#') continue;
    if (line[0] == '|') {
      out.back().program += line.substr(line.size() > 1 ? 2 : 1) + "\n";
      continue;
    }
    std::istringstream words(line);
    std::string word;
    if (line[0] == ' ') {
      while (words >> word) out.back().lines.back().numbers.push_back(std::strtod(word.c_str(), nullptr));
      continue;
    }
    words >> word;
    if (word == "case") out.push_back({.name = line.substr(5), .covers = {}, .program = {}, .lines = {}});
    else if (word == "covers")
      while (words >> word) out.back().covers.push_back(word);
    else {
      Line l{.word = word, .name = {}, .dtype = {}, .shape = {}, .numbers = {}};
      words >> l.name >> l.dtype >> l.shape;
      out.back().lines.push_back(std::move(l));
    }
  }
  return out;
}

template <class T>
std::vector<std::byte> bytes_as(std::vector<f64> const& numbers) {
  std::vector<std::byte> out(numbers.size() * sizeof(T));
  for (size_t i = 0; i < numbers.size(); ++i) {
    auto const value = static_cast<T>(numbers[i]);
    std::memcpy(out.data() + i * sizeof(T), &value, sizeof(T));
  }
  return out;
}

std::vector<std::byte> bytes_of(std::vector<f64> const& numbers, std::string const& dtype) {
  if (dtype == "f32") return bytes_as<f32>(numbers);
  if (dtype == "f64") return bytes_as<f64>(numbers);
  if (dtype == "i32") return bytes_as<i32>(numbers);
  if (dtype == "i64") return bytes_as<i64>(numbers);
  if (dtype == "i8") return bytes_as<i8>(numbers);
  return bytes_as<u8>(numbers); // and bool
}

template <class T>
std::vector<f64> numbers_as(std::vector<std::byte> const& bytes) {
  std::vector<f64> out(bytes.size() / sizeof(T));
  for (size_t i = 0; i < out.size(); ++i) {
    T value;
    std::memcpy(&value, bytes.data() + i * sizeof(T), sizeof(T));
    out[i] = static_cast<f64>(value);
  }
  return out;
}

std::vector<f64> numbers_of(Array const& a) {
  if (a.dtype == "f32") return numbers_as<f32>(a.bytes);
  if (a.dtype == "f64") return numbers_as<f64>(a.bytes);
  if (a.dtype == "i32") return numbers_as<i32>(a.bytes);
  if (a.dtype == "i64") return numbers_as<i64>(a.bytes);
  if (a.dtype == "i8") return numbers_as<i8>(a.bytes);
  return numbers_as<u8>(a.bytes);
}

std::string shape_text(std::vector<i64> const& shape) {
  std::string out;
  for (auto extent : shape) out += (out.empty() ? "" : ",") + std::to_string(extent);
  return out.empty() ? "scalar" : out;
}

class Runner {
public:
  explicit Runner(Script const& script)
      : script_(script), session_(Program::from_text(script.program), {.threads = 1}) {
    for (auto const& line : script.lines) follow(line);
  }
  f64 worst = 0; // the largest difference, in tolerances

private:
  void follow(Line const& l) {
    if (l.word == "set") {
      auto const bytes = bytes_of(l.numbers, l.dtype);
      session_.set_parameter({l.name, l.dtype, bytes.data(), bytes.size()});
    } else if (l.word == "input") inputs_[l.name] = {l.dtype, bytes_of(l.numbers, l.dtype)};
    else if (l.word == "run") outputs_ = session_.run(inputs(), std::stoll(l.name));
    else if (l.word == "step")
      for (i64 i = 0; i < std::stoll(l.dtype); ++i) reports_ = session_.step(inputs(), std::stoll(l.name));
    else if (l.word == "output") compare(l, output(l.name));
    else if (l.word == "parameter") compare(l, session_.parameter(l.name));
    else if (l.word == "report") compare(l, report(l.name));
    else FAIL("no such line: " << l.word);
  }

  std::vector<Input> inputs() const {
    std::vector<Input> out;
    for (auto const& [name, x] : inputs_) out.emplace_back(name, x.first, x.second.data(), x.second.size());
    return out;
  }

  Array output(std::string const& name) const {
    for (auto const& a : outputs_)
      if (a.name == name) return a;
    FAIL("no output " << name);
    return {};
  }

  Array report(std::string const& name) const {
    for (auto const& r : reports_.values)
      if (r.name == name) return {.name = name, .dtype = "f64", .shape = {}, .bytes = bytes_as<f64>({r.value})};
    FAIL("no report " << name);
    return {};
  }

  void compare(Line const& l, Array const& got) {
    CHECK_MESSAGE(shape_text(got.shape) == l.shape, l.name);
    auto const numbers = numbers_of(got);
    CHECK(numbers.size() == l.numbers.size());
    if (numbers.size() != l.numbers.size()) return;
    f64 largest = 1e-3;
    for (f64 v : l.numbers)
      if (std::isfinite(v)) largest = std::max(largest, std::abs(v));
    f64 const allowed = std::stod(l.dtype) * largest;
    int shown = 0;
    for (size_t i = 0; i < numbers.size() && shown < 3; ++i) {
      f64 const wanted = l.numbers[i];
      bool const special = !std::isfinite(wanted) || !std::isfinite(numbers[i]);
      bool const same = std::isnan(wanted) ? std::isnan(numbers[i]) : numbers[i] == wanted;
      if (!special) worst = std::max(worst, std::abs(numbers[i] - wanted) / allowed);
      bool const near = special ? same : std::abs(numbers[i] - wanted) <= allowed;
      CHECK_MESSAGE(near, fmt::format("{}: {}[{}]: expected {}, got {}", script_.name, l.name, i, wanted, numbers[i]));
      shown += near ? 0 : 1;
    }
  }

  Script const& script_;
  Session session_;
  std::map<std::string, std::pair<std::string, std::vector<std::byte>>> inputs_;
  std::vector<Array> outputs_;
  Reports reports_;
};

std::vector<std::filesystem::path> files() {
  if (char const* path = std::getenv("NNC_REFERENCE")) return {path};
  std::vector<std::filesystem::path> out;
  for (auto const& entry : std::filesystem::directory_iterator(NNC_SOURCE_DIR "/tests/reference"))
    if (entry.path().extension() == ".txt" && entry.path().stem() != "exceptions") out.push_back(entry.path());
  std::sort(out.begin(), out.end());
  return out;
}

// "NAME NAME ...: reason" of what has no case or no documentation.
std::map<std::string, std::string> exceptions() {
  std::map<std::string, std::string> out;
  std::ifstream in(NNC_SOURCE_DIR "/tests/reference/exceptions.txt");
  for (std::string line; std::getline(in, line);) {
    size_t const colon = line.find(": ");
    if (line.starts_with("#") || colon == std::string::npos) continue;
    std::istringstream names(line.substr(0, colon));
    for (std::string name; names >> name;) out[name] = line.substr(colon + 2);
  }
  return out;
}

} // namespace

TEST_CASE("values, derivatives, steps and schedules are those of the reference") {
  std::map<std::string, std::pair<f64, int>> worst; // of a case: the largest difference, and how many variants
  for (auto const& path : files())
    for (auto const& script : read_scripts(path)) {
      CAPTURE(script.name);
      CAPTURE(script.program);
      try {
        auto& entry = worst[script.name.substr(0, script.name.find(' '))];
        entry.first = std::max(entry.first, Runner(script).worst);
        ++entry.second;
      } catch (Failure const& e) {
        FAIL_CHECK(std::string(e.what()));
      }
    }
  CHECK(!worst.empty());
  if (std::getenv("NNC_REFERENCE") == nullptr) return;
  for (auto const& [name, entry] : worst)
    fmt::print("{:32} {:5} cases, {:.3f} of what is allowed\n", name, entry.second, entry.first);
}

TEST_CASE("every function of the library is documented and has a reference") {
  std::set<std::string> covered, have;
  for (auto const& path : files())
    for (auto const& script : read_scripts(path)) covered.insert(script.covers.begin(), script.covers.end());
  auto const excepted = exceptions();
  if (std::getenv("NNC_REFERENCE") != nullptr) return;
  for (auto const& file : std_library()) {
    Sources sources;
    auto const parsed = parse(sources, sources.add(std::string(file.name), std::string(file.text)));
    auto const look = [&](syntax::FunctionDecl const& f) {
      auto const& name = f.name.text;
      have.insert(name);
      if (excepted.contains(name)) return;
      CHECK_MESSAGE(!f.doc.empty(), file.name << ": " << name << " has no documentation");
      CHECK_MESSAGE(covered.contains(name), file.name << ": " << name << " has no case in tests/reference/cases");
    };
    for (auto const& f : parsed.file.functions) look(*f);
    for (auto const& f : parsed.file.optimizers) look(*f);
  }
  for (auto const& [name, why] : excepted)
    CHECK_MESSAGE(have.contains(name), "exceptions.txt: " << name << " does not exist");
  for (auto const& name : covered)
    CHECK_MESSAGE(have.contains(name), "a case covers " << name << ", which does not exist");
}
