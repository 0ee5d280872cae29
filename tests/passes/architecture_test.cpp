// ARCHITECTURE.md says what is: folders, the pipeline, kinds of kernels, and files that exist.
#include "ir/kernel.h"
#include "passes/pass.h"
#include "tests/text_test.h"

#include <fmt/core.h>

#include <set>

using namespace nnc;

namespace {

namespace fs = std::filesystem;

fs::path const root = NNC_SOURCE_DIR;

std::string page() { return text_test::read_file(root / "ARCHITECTURE.md"); }

// The lines below a heading, up to the next one.
std::vector<std::string> section(std::string const& heading) {
  std::stringstream in(page());
  std::vector<std::string> lines;
  bool inside = false;
  for (std::string line; std::getline(in, line);) {
    if (line.starts_with("## ")) inside = line == "## " + heading;
    else if (inside) lines.push_back(line);
  }
  return lines;
}

// The cells of a row of a table, without backquotes; nothing for other lines.
std::vector<std::string> cells(std::string const& line) {
  std::vector<std::string> all;
  if (!line.starts_with("| ")) return all;
  std::stringstream in(line.substr(1));
  for (std::string cell; std::getline(in, cell, '|');) {
    std::erase(cell, '`');
    size_t const begin = cell.find_first_not_of(' ');
    all.push_back(begin == std::string::npos ? "" : cell.substr(begin, cell.find_last_not_of(' ') - begin + 1));
  }
  return all;
}

// The rows of the table of a section whose first cell is in backquotes.
std::vector<std::vector<std::string>> rows(std::string const& heading) {
  std::vector<std::vector<std::string>> all;
  for (auto const& line : section(heading))
    if (line.starts_with("| `")) all.push_back(cells(line));
  return all;
}

std::set<std::string> quoted_words() {
  std::set<std::string> words;
  std::string const text = page();
  for (size_t at = text.find('`'); at != std::string::npos; at = text.find('`', at + 1)) {
    size_t const end = text.find('`', at + 1);
    REQUIRE(end != std::string::npos);
    words.insert(text.substr(at + 1, end - at - 1));
    at = end;
  }
  return words;
}

// A path from the root of the sources, perhaps with a star for all files of a kind.
bool is_path(std::string const& word) {
  if (word.find_first_not_of("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_./*") != std::string::npos)
    return false;
  return word.find('/') != std::string::npos || word.ends_with(".md");
}

// Folders of the sources that hold files of their own, but for those of the tests.
std::set<std::string> folders() {
  std::set<std::string> all;
  for (auto const* top : {"ir", "frontend", "passes", "codegen", "runtime", "tools", "examples"})
    for (auto const& entry : fs::recursive_directory_iterator(root / top)) {
      auto const kind = entry.path().extension();
      if (kind == ".h" || kind == ".cpp" || kind == ".nn" || kind == ".py")
        all.insert(fs::relative(entry.path().parent_path(), root).generic_string());
    }
  return all;
}

} // namespace

TEST_CASE("the architecture names every folder") {
  auto const words = quoted_words();
  auto const have = folders();
  CHECK(have.size() > 15);
  for (auto const& folder : have) CHECK_MESSAGE(words.contains(folder), folder << " is not in ARCHITECTURE.md");
}

TEST_CASE("the architecture has the pipeline, row by row") {
  auto const said = rows("The pipeline");
  REQUIRE(said.size() == pipeline().size());
  for (size_t i = 0; i < said.size(); ++i) {
    auto const& pass = pipeline()[i];
    INFO("row " << i + 1 << " of the pipeline");
    CHECK(said[i].at(0) == pass.name);
    CHECK(said[i].at(1) == (pass.optional ? "optional" : pass.rounds ? "rounds" : ""));
    CHECK_FALSE((pass.optional && pass.rounds)); // there is one cell for both
  }
}

TEST_CASE("the architecture has every kind of kernel") {
  auto const said = rows("Kernels");
  REQUIRE(said.size() == kernel_kinds.size());
  for (size_t i = 0; i < said.size(); ++i) CHECK(said[i].at(0) == kernel_kinds[i]);
}

TEST_CASE("what the architecture names exists") {
  int paths = 0;
  for (auto const& word : quoted_words()) {
    if (!is_path(word)) continue;
    auto const path = root / word.substr(0, word.find('*'));
    CHECK_MESSAGE(fs::exists(path), fmt::format("ARCHITECTURE.md names {}, which is not there", word));
    ++paths;
  }
  CHECK(paths > 50);
}
