// The command line of nnc: one table, from which the parser, --help, the page of the manual and the completions of
// shells are made.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <utility>
#include <vector>

namespace command {

// What the command line says.
struct Line {
  std::string file, train_name; // FILE[:NAME]
  std::optional<std::string> train, eval, run;
  std::optional<std::string> data_info;
  std::string data_folder, split;
  std::vector<std::pair<std::string, std::string>> set;
  std::optional<std::int64_t> batch, epochs, steps, seed;
  bool no_shuffle = false, keep_going = false;
  int threads = 0;
  std::string load, save, save_best;
  std::vector<std::string> rename;
  bool resume = false, replan = false;
  std::int64_t save_every = 0;
  std::string log;
  std::int64_t log_every = 0;
  bool digest = false;
  std::string dump, dump_dir, emit, output;
  std::optional<std::vector<std::string>> passes;
  std::vector<std::string> without;
  bool check_each = false, time = false;
  std::string explain;
  std::string cpu, target, prefix;
  std::int64_t max_memory = 0, max_nodes = 1'000'000, max_errors = 20;
  bool werror = false;
  bool no_color = false;
  bool help = false, version = false, check_only = false;
  std::optional<std::string> doc; // the word to be explained; empty: all
  std::string completions;
};

inline constexpr char const* stdin_name = "<stdin>"; // the file of a line that says `-`

struct Switch {
  char const* name;  // "--train"
  char const* value; // "DATA"; empty: the switch takes no value
  char const* group;
  char const* help;
  void (*apply)(Line&, std::string const& value); // throws Mistake
  std::vector<std::string> (*values)() = nullptr; // what may be written, where there is a short list
  bool or_file = false;                           // beside these a path
  char const* short_name = "";                    // "-h"
  // The value may be left out, and is then written in brackets, "[NAME]".
  bool value_is_optional() const { return *value == '['; }
};

std::span<Switch const> switches();
// What the library says of its API, in the words of this command: "Options::set" is --set.
std::string in_switches(std::string text);

// The command line is wrong.
struct Mistake {
  std::string message;
  std::string meant = {}; // what was probably meant, or empty
  std::string help = {};  // what to do instead, or empty
};

Line parse(int count, char const* const* words); // throws Mistake
std::string help_text();
std::string completion_script(std::string const& shell); // bash, zsh, fish

} // namespace command
