// The house has no circles: reads the #include lines of every source and names each edge between folders that points
// the wrong way.
#include <doctest/doctest.h>
#include <fmt/core.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <map>
#include <optional>
#include <regex>
#include <sstream>
#include <string>
#include <vector>

namespace {

namespace fs = std::filesystem;

// Who may include whom. Clients get the public headers only; tests look everywhere.
std::map<std::string, std::vector<std::string>> const may_include{
    {"nnc", {"nnc"}}, // the public headers, in include/: a host program has these and nothing else
    {"ir", {"ir", "nnc/code.hpp"}},
    {"frontend", {"frontend", "ir", "nnc/code.hpp"}},
    {"passes", {"passes", "ir", "nnc/code.hpp"}},
    {"codegen", {"codegen", "ir", "nnc/code.hpp", "nnc/abi.h"}},
    {"runtime", {"runtime", "frontend", "passes", "codegen", "ir", "nnc"}},
    {"tools", {"tools", "nnc"}},
    {"examples", {"examples", "nnc"}},
    {"tests", {"tests", "tools", "runtime", "frontend", "passes", "codegen", "ir", "nnc"}},
};

// Inside of codegen, from the first to the last: each may include those before it.
std::vector<std::string> const parts_of_codegen{"codegen/header", "codegen/math", "codegen/loops", "codegen/lower",
                                                "codegen/llvm"};

std::string first_folder(std::string const& path) { return path.substr(0, path.find('/')); }

// The number of the part of codegen that a file belongs to; nothing for other files.
std::optional<std::ptrdiff_t> part_of_codegen(std::string const& path) {
  auto const part = std::ranges::find(parts_of_codegen, path.substr(0, path.find_last_of('/')));
  if (part == parts_of_codegen.end()) return std::nullopt;
  return part - parts_of_codegen.begin();
}

bool is_library_of_llvm(std::string const& included) {
  return included.starts_with("llvm/") || included.starts_with("llvm-c/");
}

// What an #include line names, without quotes or brackets.
std::optional<std::string> included_by(std::string const& line) {
  auto const hash = line.find_first_not_of(" \t");
  if (hash == std::string::npos || line[hash] != '#') return std::nullopt;
  auto const word = line.find_first_not_of(" \t", hash + 1);
  if (word == std::string::npos || line.compare(word, 7, "include") != 0) return std::nullopt;
  auto const open = line.find_first_of("\"<", word);
  auto const close = open == std::string::npos ? open : line.find_first_of("\">", open + 1);
  return close == std::string::npos ? std::nullopt : std::optional(line.substr(open + 1, close - open - 1));
}

bool is_allowed(std::string const& file, std::string const& included) {
  auto const from = first_folder(file), to = first_folder(included);
  auto const part = part_of_codegen(file), other = part_of_codegen(included);
  if (part && other && *other > *part) return false;
  if (file.starts_with("runtime/c/") && to != "nnc" && may_include.contains(to) && to != included)
    return included.starts_with("runtime/c/"); // the C API sees of the library what every client sees
  auto const last = static_cast<std::ptrdiff_t>(parts_of_codegen.size()) - 1;
  if (file == "tests/package/other_llvm.cpp") return true; // a host that has an LLVM of its own
  if (file == "tests/codegen/cancel_test.cpp" && is_library_of_llvm(included)) return true; // what LLVM makes
  if (is_library_of_llvm(included)) return from == "codegen" && part.value_or(last) == last;
  if (!may_include.contains(to) || to == included) return true; // a library, or a file beside the one that includes it
  auto const& allowed = may_include.at(from);
  return std::ranges::count(allowed, to) || std::ranges::count(allowed, included);
}

// "ir/dim.cpp:3: includes passes/fuse.h"
std::vector<std::string> wrong_edges(std::string const& file, std::istream& text) {
  std::vector<std::string> wrong;
  std::string line;
  for (int number = 1; std::getline(text, line); ++number) {
    auto const included = included_by(line);
    if (included && !is_allowed(file, *included))
      wrong.push_back(fmt::format("{}:{}: includes {}", file, number, *included));
  }
  return wrong;
}

std::vector<std::string> wrong_edges(std::string const& file, std::string const& text) {
  std::istringstream stream(text);
  return wrong_edges(file, stream);
}

bool is_source(fs::path const& path) {
  auto const ending = path.extension();
  return ending == ".h" || ending == ".hpp" || ending == ".cpp" || ending == ".c" || ending == ".def" ||
         ending == ".inc";
}

// Every source below the folders of the house, relative to the root.
std::vector<std::string> sources(fs::path const& root) {
  std::vector<std::string> found;
  for (auto const& [folder, allowed] : may_include) {
    std::error_code error;
    auto const place = folder == "nnc" ? root / "include" : root;
    for (auto const& entry : fs::recursive_directory_iterator(place / folder, error))
      if (entry.is_regular_file() && is_source(entry.path()))
        found.push_back(fs::relative(entry.path(), place).generic_string());
  }
  std::ranges::sort(found);
  return found;
}

} // namespace

TEST_CASE("no source includes a folder above or beside its own") {
  fs::path const root = NNC_SOURCE_DIR;
  auto const files = sources(root);
  REQUIRE(files.size() > 20);
  for (auto const& file : files) {
    std::ifstream text((first_folder(file) == "nnc" ? root / "include" : root) / file);
    for (auto const& edge : wrong_edges(file, text)) FAIL_CHECK(edge);
  }
}

// A host program knows no switches: the command says what the library says in its own words. (habits.def answers those
// who look for a function that other libraries have; Failure::switches is made for the command.)
TEST_CASE("the library speaks of its API, not of the command line") {
  std::regex const of_switch("\"[^\"]*(--(?!emit|passes|without|check)[a-z]|FILE:NAME)[^\"]*\"");
  for (auto const& file : sources(NNC_SOURCE_DIR)) {
    auto const folder = first_folder(file);
    bool const is_of_library = folder == "ir" || folder == "frontend" || folder == "passes" || folder == "codegen" ||
                               folder == "runtime" || folder == "nnc";
    if (!is_of_library || file.ends_with(".def")) continue;
    std::ifstream text((folder == "nnc" ? fs::path(NNC_SOURCE_DIR) / "include" : fs::path(NNC_SOURCE_DIR)) / file);
    std::string line;
    for (int number = 1; std::getline(text, line); ++number)
      if (std::regex_search(line.substr(0, line.find("//")), of_switch))
        FAIL_CHECK(fmt::format("{}:{}: {}", file, number, line));
  }
}

TEST_CASE("edges that point the wrong way are named with their line") {
  using Edges = std::vector<std::string>;
  CHECK(wrong_edges("ir/dim.cpp", "#include \"ir/dim.h\"\n#include <vector>\n#include \"passes/fuse.h\"\n") ==
        Edges{"ir/dim.cpp:3: includes passes/fuse.h"});
  CHECK(wrong_edges("passes/fuse.cpp", "  #  include \"codegen/loops.h\"") ==
        Edges{"passes/fuse.cpp:1: includes codegen/loops.h"});
  CHECK(wrong_edges("frontend/lexer.cpp", "#include \"passes/pass.h\"").size() == 1);
  CHECK(wrong_edges("codegen/jit.cpp", "#include \"runtime/session.h\"").size() == 1);
  CHECK(wrong_edges("runtime/session.cpp", "#include \"tools/nnc/switches.h\"").size() == 1);
  CHECK(wrong_edges("runtime/session.cpp", "#include \"tests/scratch.h\"").size() == 1);
}

TEST_CASE("LLVM stays behind codegen") {
  CHECK(wrong_edges("codegen/jit.cpp", "#include <llvm/IR/Module.h>").empty());
  CHECK(wrong_edges("runtime/session.cpp", "#include <llvm/IR/Module.h>").size() == 1);
  CHECK(wrong_edges("tests/codegen/jit_test.cpp", "#include \"llvm-c/Core.h\"").size() == 1);
}

TEST_CASE("the parts of codegen stand in a row, and LLVM behind the last") {
  CHECK(wrong_edges("codegen/lower/rows.cpp", "#include \"codegen/loops/builder.h\"").empty());
  CHECK(wrong_edges("codegen/loops/print.cpp", "#include \"codegen/lower/frame.h\"").size() == 1);
  CHECK(wrong_edges("codegen/math/functions.h", "#include \"codegen/loops/loops.h\"").size() == 1);
  CHECK(wrong_edges("codegen/lower/rows.cpp", "#include \"codegen/llvm/emit.h\"").size() == 1);
  CHECK(wrong_edges("codegen/lower/rows.cpp", "#include <llvm/IR/Module.h>").size() == 1);
}

TEST_CASE("clients see the public headers only, and these stand alone") {
  CHECK(
      wrong_edges("tools/nnc/main.cpp", "#include \"nnc/nnc.hpp\"\n#include \"tools/nnc/jobs.h\"\n#include \"jobs.h\"")
          .empty());
  CHECK(wrong_edges("tools/nnc/main.cpp", "#include \"runtime/session.h\"").size() == 1);
  CHECK(wrong_edges("examples/embed/ring.cpp", "#include \"ir/module.h\"").size() == 1);
  CHECK(wrong_edges("runtime/c/data.cpp", "#include \"nnc/nnc.hpp\"\n#include \"runtime/c/guard.h\"").empty());
  CHECK(wrong_edges("runtime/c/data.cpp", "#include \"runtime/session.h\"\n#include \"ir/basic.h\"").size() == 2);
  CHECK(wrong_edges("nnc/nnc.hpp", "#include <string>\n#include \"nnc/code.hpp\"").empty());
  CHECK(wrong_edges("nnc/nnc.hpp", "#include <string>\n#include \"ir/types.h\"").size() == 1);
  CHECK(wrong_edges("ir/types.h", "#include \"nnc/nnc.hpp\"").size() == 1);
}
