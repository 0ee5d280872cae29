// The runner of text tests. One file is one test:
//
//   # run: simplify cse          the command, for the one who runs the folder to understand
//   ...                          the program
//   # gives:
//   ...                          the whole output
//
// The whole output is compared. NNC_UPDATE=1 in the environment writes what came out into the files instead; the diff
// is then read like code.
#pragma once

#include <doctest/doctest.h>

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <functional>
#include <sstream>
#include <string>
#include <vector>

namespace nnc::text_test {

struct Case {
  std::filesystem::path path;
  std::string command, program, expected;
};

inline std::string const run_mark = "# run:";
inline std::string const gives_mark = "# gives:\n";

inline std::string read_file(std::filesystem::path const& path) {
  std::ifstream in(path, std::ios::binary);
  std::stringstream all;
  all << in.rdbuf();
  return all.str();
}

inline Case read_case(std::filesystem::path const& path) {
  Case c{path, "", "", ""};
  std::string text = read_file(path);
  INFO(path.string());
  REQUIRE(text.rfind(run_mark, 0) == 0);
  size_t end = text.find('\n'), gives = text.find(gives_mark);
  REQUIRE(end != std::string::npos);
  c.command = text.substr(run_mark.size(), end - run_mark.size());
  c.command.erase(0, c.command.find_first_not_of(' '));
  c.program = text.substr(end + 1, gives == std::string::npos ? gives : gives - end - 1);
  if (gives != std::string::npos) c.expected = text.substr(gives + gives_mark.size());
  return c;
}

inline void write_case(Case const& c, std::string const& output) {
  std::ofstream(c.path, std::ios::binary) << run_mark << " " << c.command << "\n" << c.program << gives_mark << output;
}

// The tests below `folder` (from the root of the sources) with this extension (".ir"), in order of their names.
inline std::vector<std::filesystem::path> files_below(std::string const& folder, std::string const& extension) {
  std::vector<std::filesystem::path> files;
  for (auto const& entry :
       std::filesystem::recursive_directory_iterator(std::filesystem::path(NNC_SOURCE_DIR) / folder))
    if (entry.path().extension() == extension) files.push_back(entry.path());
  std::sort(files.begin(), files.end());
  return files;
}

inline void check_folder(std::string const& folder, std::string const& extension,
                         std::function<std::string(Case const&)> const& run) {
  auto files = files_below(folder, extension);
  REQUIRE_MESSAGE(!files.empty(), "no tests in " << folder);
  bool update = std::getenv("NNC_UPDATE") != nullptr;
  for (auto const& path : files) {
    Case c = read_case(path);
    std::string output = run(c);
    if (update && output != c.expected) write_case(c, output);
    if (!update) CHECK_MESSAGE(output == c.expected, path.string() << " gives\n" << output);
  }
}

} // namespace nnc::text_test
