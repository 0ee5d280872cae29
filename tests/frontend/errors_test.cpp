// Walks tests/errors: programs that are wrong, and tests/warnings: programs that are accepted with a warning. What the
// compiler says stands in each file, under the line at fault, in lines that begin with `#!`; they are not part of the
// program. NNC_UPDATE=1 rewrites them.
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
    std::string program;
    for (auto const& l : lines) program += l + "\n";
    auto sources = std::make_shared<Sources>();
    u32 file = sources->add(name, program);
    Elaborated result = elaborate(sources, file, settings_of(lines));
    CHECK(has_errors(result.diagnostics) == wrong);
    CHECK_MESSAGE(!result.diagnostics.empty(), "this program is accepted without a word");
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
