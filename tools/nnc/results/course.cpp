#include "tools/nnc/results/course.h"

#include <cmath>
#include <filesystem>
#include <fmt/core.h>
#include <fstream>
#include <iterator>
#include <nlohmann/json.hpp>

namespace command {
namespace {

using Json = nlohmann::ordered_json;

// What a line of the log has beside losses, metrics and rates.
constexpr char const* others[] = {"step", "epoch", "seconds", "seconds_total", "seconds_epoch", "examples_per_second"};

// Nested lists of numbers, all lists of a depth as long; false: they are not.
bool take(nnc::Table& table, Json const& json, std::size_t depth = 0) {
  if (!json.is_array()) {
    if (!json.is_number() && !json.is_null()) return false;
    table.values.push_back(json.is_null() ? std::nan("") : json.get<double>());
    return depth == table.shape.size();
  }
  if (depth > 8) return false;
  auto const extent = static_cast<std::int64_t>(json.size());
  if (depth == table.shape.size() && table.values.empty()) table.shape.push_back(extent);
  if (depth >= table.shape.size() || table.shape[depth] != extent) return false;
  for (auto const& one : json)
    if (!take(table, one, depth + 1)) return false;
  return true;
}

struct LogLine {
  Moment moment;
  bool is_test = false;
};

bool drop(std::string& name, std::string const& prefix) {
  bool const has = name.starts_with(prefix);
  if (has) name = name.substr(prefix.size());
  return has;
}

// Why this is no line of a log; empty: it is one.
std::string read(LogLine& line, std::string const& text) {
  auto const json = Json::parse(text, nullptr, false);
  if (!json.is_object()) return "this is no JSON object";
  if (!json.contains("step") || !json["step"].is_number_integer()) return "there is no whole number called step";
  line.moment.step = json["step"].get<std::int64_t>();
  if (json.contains("epoch") && json["epoch"].is_number_integer())
    line.moment.epoch = json["epoch"].get<std::int64_t>();
  bool const is_of_training = json.contains("examples_per_second"); // where a metric may have any name
  for (auto const& [key, value] : json.items()) {
    if (std::find(std::begin(others), std::end(others), key) != std::end(others)) continue;
    auto name = key;
    bool const validation = drop(name, "validation_");
    if (!validation && !is_of_training && drop(name, "test_")) line.is_test = true;
    if (value.is_array()) {
      nnc::Table table{.name = name};
      if (!take(table, value)) return fmt::format("{} is no table of numbers", nnc::printable(key));
      (validation ? line.moment.validation_tables : line.moment.tables).push_back(std::move(table));
    } else if (value.is_number() || value.is_null()) {
      nnc::Number const number{name, value.is_null() ? std::nan("") : value.get<double>()};
      bool const rate = !validation && name.ends_with(".lr");
      (validation ? line.moment.validation : rate ? line.moment.rates : line.moment.values).push_back(number);
    }
  }
  return "";
}

// Lines of --log-every come several to an epoch.
void sort_out(Course& course) {
  bool several = false;
  for (std::size_t i = 1; i < course.epochs.size(); ++i)
    several = several || course.epochs[i].epoch == course.epochs[i - 1].epoch;
  if (several) course.steps = std::exchange(course.epochs, {});
}

} // namespace

Moment moment_of(nnc::Milestone const& m) {
  return {m.step, m.epoch, m.values, m.validation, m.rates, m.tables, m.validation_tables};
}

Moment moment_of(nnc::Trained const& trained, nnc::Reports const& reports) {
  return {.step = trained.step, .epoch = trained.epoch, .values = reports.values, .tables = reports.tables};
}

std::vector<Course> courses_of_log(std::string const& file, std::string const& name) {
  std::error_code error;
  bool const is_file = !std::filesystem::is_directory(file, error);
  std::ifstream in(file, std::ios::binary);
  if (!in || !is_file) throw nnc::Failure(nnc::Code::file, fmt::format("error: cannot read {}", nnc::printable(file)));
  std::vector<Course> all;
  std::string text;
  for (std::int64_t number = 1; std::getline(in, text); ++number) {
    if (text.find_first_not_of(" \t\r") == std::string::npos) continue;
    LogLine line;
    if (auto const why = read(line, text); !why.empty())
      throw nnc::Failure(
          nnc::Code::data,
          fmt::format("error: {}:{}: {}\nhelp: --log FILE.jsonl writes such files, a line for each epoch",
                      nnc::printable(file), number, why));
    auto const* const last = all.empty() ? nullptr : all.back().last();
    if (!last || (!line.is_test && line.moment.step <= last->step)) {
      all.push_back({all.empty() ? name : fmt::format("{} ({})", name, all.size() + 1)});
    }
    if (line.is_test) all.back().test = line.moment;
    else all.back().epochs.push_back(line.moment);
  }
  if (all.empty())
    throw nnc::Failure(nnc::Code::data, fmt::format("error: {} holds no line of a log", nnc::printable(file)));
  for (auto& course : all) sort_out(course);
  return all;
}

} // namespace command
