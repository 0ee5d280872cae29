// Walks tests/errors: programs that are wrong, and tests/warnings: programs that are accepted with a warning. What the
// compiler says stands in each file, under the line at fault, in lines that begin with `#!`; they are not part of the
// program. NNC_UPDATE=1 rewrites them. A line behind `#+` replaces the one in front of it in the program that follows
// the help: that program must compile, and hold what is said to fit.
//
//   #> set NAME=VALUE      #> column NAME TYPE      #> property NAME VALUE      #> train NAME
//
// at the beginning of a file say what comes from outside. Imports are read from tests/errors/imports.
#include "frontend/frontend.h"

#include <algorithm>
#include <cstdlib>
#include <doctest/doctest.h>
#include <filesystem>
#include <fmt/core.h>
#include <fstream>
#include <sstream>

using namespace nnc;

namespace {

namespace fs = std::filesystem;

fs::path const folder = fs::path(NNC_SOURCE_DIR) / "tests" / "errors";

std::string read(fs::path const& path) {
  std::ifstream in(path, std::ios::binary);
  std::stringstream out;
  out << in.rdbuf();
  return out.str();
}

std::vector<std::string> lines_of(std::string const& text) {
  std::vector<std::string> out;
  std::stringstream in(text);
  for (std::string line; std::getline(in, line);) out.push_back(line);
  return out;
}

Type parse_type(std::string const& text) {
  Type out{.dtype = *dtype_named(text.substr(0, text.find('['))), .shape = {}};
  std::string inside = text.substr(text.find('[') + 1);
  for (char& c : inside)
    if (c == ',' || c == ']') c = ' ';
  std::stringstream in(inside);
  for (i64 n = 0; in >> n;) out.shape.push_back(n);
  return out;
}

Settings settings_of(std::vector<std::string> const& lines) {
  Settings out;
  for (auto const& line : lines) {
    if (!line.starts_with("#> ")) break;
    std::stringstream in(line.substr(3));
    std::string kind, name, value;
    in >> kind >> name;
    std::getline(in >> std::ws, value);
    if (kind == "set") out.set.emplace_back(name.substr(0, name.find('=')), name.substr(name.find('=') + 1));
    else if (kind == "column") out.columns.push_back({name, parse_type(value)});
    else if (kind == "property") out.properties[name] = std::stoll(value);
    else if (kind == "train") out.train_name = name;
  }
  out.read_import = [](std::string const& path) -> std::optional<std::string> {
    auto file = folder / "imports" / path;
    return fs::exists(file) ? std::optional(read(file)) : std::nullopt;
  };
  return out;
}

// The underline, the message, the notes and the help of a diagnostic as `#!` lines.
std::string shown(Diagnostic const& d, Sources const& sources) {
  std::string out = "#!";
  if (d.at) {
    u32 column = d.at.column;
    out += column > 2 ? std::string(column - 3, ' ') : "<";
    out += "^" + std::string(d.at.length > 1 ? d.at.length - 1 : 0, '~');
  }
  out += fmt::format(" {}: {}\n", d.severity == Severity::warning ? "warning" : "error", d.message);
  for (auto const& n : d.notes) {
    std::string place = n.at ? sources.name(n.at.file) : "";
    if (n.at && !place.starts_with("std/")) place += fmt::format(":{}:{}", n.at.line, n.at.column);
    out += fmt::format("#!   note: {}{}{}\n", place, place.empty() ? "" : ": ", n.message);
  }
  if (d.help) out += fmt::format("#!   help: {}\n", *d.help);
  return out;
}

std::string with_expectations(std::vector<std::string> const& lines, Elaborated const& result, Sources const& sources) {
  std::vector<std::string> behind(lines.size() + 1);
  for (auto const& d : result.diagnostics) {
    u32 line = d.at && d.at.file == 1 ? std::min<u32>(d.at.line, static_cast<u32>(lines.size())) : 0;
    behind[line] +=
        d.at && d.at.file != 1 ? "#! in " + sources.name(d.at.file) + "\n" + shown(d, sources) : shown(d, sources);
  }
  std::string out = behind[0];
  for (size_t i = 0; i < lines.size(); ++i) out += lines[i] + "\n" + behind[i + 1];
  return out;
}

// Empty where no line is replaced.
std::string with_help_followed(std::vector<std::string> const& lines) {
  std::vector<std::string> out;
  bool any = false;
  for (auto const& line : lines) {
    bool const replaces = line.starts_with("#+");
    if (replaces) out.back() = line.substr(2);
    else out.push_back(line);
    any |= replaces;
  }
  std::string text;
  for (auto const& line : out) text += line + "\n";
  return any ? text : "";
}

void check_followed(std::string const& program, Settings const& settings) {
  if (program.empty()) return;
  auto sources = std::make_shared<Sources>();
  auto result = elaborate(sources, sources->add("followed.nn", program), settings);
  CHECK_MESSAGE(!has_errors(result.diagnostics), render(result.diagnostics, *sources));
}

// What is offered stands in the program that follows it.
void check_help(std::string const& help, std::string const& followed) {
  CAPTURE(help);
  if (!help.starts_with("`") || !help.ends_with("and would fit") || help.find('[') == std::string::npos) return;
  std::string const offered = help.substr(1, help.find('`', 1) - 1);
  CHECK(followed.find(offered) != std::string::npos);
}

// `wrong`: an error is expected, else a warning and no error.
void check_folder(fs::path const& folder, bool wrong, size_t least) {
  std::vector<fs::path> files;
  for (auto const& entry : fs::directory_iterator(folder))
    if (entry.path().extension() == ".nn") files.push_back(entry.path());
  std::sort(files.begin(), files.end());
  REQUIRE(files.size() >= least);
  for (auto const& path : files) {
    std::string name = path.filename().string(); // copies: doctest's macros take no bindings
    CAPTURE(name);
    std::string written = read(path);
    auto lines = lines_of(written);
    std::erase_if(lines, [](std::string const& l) { return l.starts_with("#!"); });
    std::string const followed = with_help_followed(lines);
    std::string program;
    for (auto const& l : lines) program += l + "\n";
    auto sources = std::make_shared<Sources>();
    u32 file = sources->add(name, program);
    Elaborated result = elaborate(sources, file, settings_of(lines));
    CHECK(has_errors(result.diagnostics) == wrong);
    CHECK_MESSAGE(!result.diagnostics.empty(), "this program is accepted without a word");
    for (auto const& d : result.diagnostics) check_help(d.help.value_or(""), followed);
    check_followed(followed, settings_of(lines));
    std::string now = with_expectations(lines, result, *sources);
    if (std::getenv("NNC_UPDATE") && now != written) std::ofstream(path, std::ios::binary) << now;
    else CHECK(now == written);
  }
}

} // namespace

TEST_CASE("every wrong program says what it says in its file") { check_folder(folder, true, 60); }

TEST_CASE("a program that is accepted with warnings says them in its file") {
  check_folder(fs::path(NNC_SOURCE_DIR) / "tests" / "warnings", false, 5);
}
