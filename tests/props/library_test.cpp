// The stored table of the library (tests/props/library/table.txt, made by table.py beside it): compiled values and
// first derivatives of every function of floats, at special and at extreme points. A function without a row fails.
#include "frontend/elaborate/builtin.h"
#include "frontend/parser.h"
#include "frontend/std_library.h"
#include "nnc/nnc.hpp"

#include <cmath>
#include <cstring>
#include <doctest/doctest.h>
#include <fmt/core.h>
#include <fstream>
#include <limits>
#include <set>
#include <sstream>

using namespace nnc;

namespace {

struct Bound {
  f64 ulps = 0, absolute = 0;
};
struct Row {
  f64 x = 0, value = 0;
  std::optional<f64> slope; // nothing: no derivative passes
};
struct Entry {
  std::string name, expression;
  Bound value, slope;
  std::vector<Row> rows;
};
struct Table {
  std::vector<Entry> entries;
  std::set<std::string> names; // of these, and of what has nothing to be tried
};

std::string from_after(std::string const& line, std::string const& mark) {
  size_t at = line.find(mark);
  return at == std::string::npos ? std::string() : line.substr(at + mark.size());
}

Row row_of(std::string const& line) {
  std::stringstream words(line);
  std::string x, value, slope;
  words >> x >> value >> slope;
  return {std::stod(x), std::stod(value), slope == "none" ? std::nullopt : std::optional(std::stod(slope))};
}

Table read_table() {
  Table table;
  std::ifstream in(NNC_SOURCE_DIR "/tests/props/library/table.txt");
  for (std::string line; std::getline(in, line);) {
    size_t const colon = line.find(": ");
    if (line.starts_with("nothing of ")) table.names.insert(line.substr(11, colon - 11));
    else if (line.starts_with("function "))
      table.entries.push_back({.name = line.substr(9, colon - 9), .expression = line.substr(colon + 2)});
    else if (line.starts_with("  within ")) {
      auto& e = table.entries.back();
      std::string const value = from_after(line, "within "), slope = from_after(line, "derivative ");
      e.value = {std::stod(value), std::stod(from_after(value, "or "))};
      e.slope = {std::stod(slope), std::stod(from_after(slope, "or "))};
    } else table.entries.back().rows.push_back(row_of(line));
  }
  for (auto const& e : table.entries) table.names.insert(e.name);
  return table;
}

// Where f32 has no result of its own it is infinite; below the smallest normal number it may be 0.
bool near(f32 got, f64 exact, Bound const& bound) {
  auto const wanted = static_cast<f32>(exact);
  if (std::isnan(exact) || std::isinf(wanted)) return std::isnan(exact) ? std::isnan(got) : got == wanted;
  f64 const smallest = std::numeric_limits<f32>::min();
  f64 const ulp = std::ldexp(1.0, std::ilogb(std::max(std::abs(exact), smallest)) - 23);
  f64 const allowed = std::max(bound.ulps * ulp, bound.absolute) + (std::abs(exact) < smallest ? smallest : 0);
  return std::abs(f64{got} - exact) <= allowed + 0.5 * ulp; // the stored value is not rounded
}

std::vector<f32> floats_of(Array const& a) {
  std::vector<f32> out(a.bytes.size() / sizeof(f32));
  std::memcpy(out.data(), a.bytes.data(), a.bytes.size());
  return out;
}

// A metric is a mean over the batch, so each point is a batch of its own.
void check(Entry const& e) {
  bool const derives = e.rows.front().slope.has_value();
  auto program = Program::from_text(
      fmt::format("model m() {{\n input x: f32[batch]\n output y = {}\n{}}}\n", e.expression,
                  derives ? fmt::format(" output slope = grad(sum({}), x)\n", e.expression) : std::string()));
  Session session(program);
  for (auto const& row : e.rows) {
    auto x = static_cast<f32>(row.x);
    auto results = session.run({{"x", "f32", &x, sizeof x}}, 1);
    f32 const y = floats_of(results.at(0)).at(0);
    CHECK_MESSAGE(near(y, row.value, e.value),
                  fmt::format("{} at {}: expected {}, got {}", e.expression, row.x, row.value, y));
    if (!derives) continue;
    f32 const slope = floats_of(results.at(1)).at(0);
    CHECK_MESSAGE(near(slope, *row.slope, e.slope),
                  fmt::format("derivative of {} at {}: expected {}, got {}", e.expression, row.x, *row.slope, slope));
  }
}

// The functions that the table must know: those of these files, the elementwise builtins, those along lines, and
// `grad`.
std::set<std::string> functions() {
  std::set<std::string> out{"grad"};
  for (auto const* builtins : {&front::elementwise_builtins(), &front::line_builtins()})
    for (auto const& b : *builtins) out.emplace(b.name);
  for (auto const& file : std_library()) {
    std::string_view const name = file.name;
    bool const meant = name.ends_with("activations.nn") || name.ends_with("losses.nn") ||
                       name.ends_with("metrics.nn") || name.ends_with("tensors.nn") || name.ends_with("lines.nn");
    if (!meant) continue;
    Sources sources;
    auto const parsed = parse(sources, sources.add(std::string(file.name), std::string(file.text)));
    for (auto const& f : parsed.file.functions) out.insert(f->name.text);
  }
  return out;
}

} // namespace

TEST_CASE("every function of the library has its row in the table, and no other") {
  auto const table = read_table();
  auto const have = functions();
  CHECK(have.size() > 50);
  for (auto const& name : have) CHECK_MESSAGE(table.names.contains(name), name << " has no row in table.py");
  for (auto const& name : table.names) CHECK_MESSAGE(have.contains(name), name << " has a row and does not exist");
}

TEST_CASE("values and derivatives of the library are those of the table") {
  for (auto const& e : read_table().entries) {
    CAPTURE(e.expression);
    CHECK_NOTHROW(check(e));
  }
}
