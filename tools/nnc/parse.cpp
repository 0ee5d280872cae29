// Words of the command line -> Line, by the table of switches.
//
//     --name VALUE   --name=VALUE   -o VALUE   -oVALUE   --name   FILE[:NAME]   -- (only FILE follows)
#include "runtime/nnc.h"
#include "tools/nnc/switches.h"

#include <fmt/core.h>

#include <algorithm>
#include <filesystem>

namespace command {
namespace {

// FILE[:NAME]; a file whose name has a colon is taken as it is.
void split_file(Line& line, std::string const& word) {
  line.file = word;
  std::error_code error;
  auto const colon = word.rfind(':');
  if (colon == std::string::npos || std::filesystem::exists(word, error)) return;
  line.file = word.substr(0, colon);
  line.train_name = word.substr(colon + 1);
}

Switch const* find_switch(std::string const& name) {
  auto const all = switches();
  auto const found = std::find_if(all.begin(), all.end(), [&](Switch const& one) { return name == one.name; });
  return found == all.end() ? nullptr : &*found;
}

std::vector<std::string> names() {
  std::vector<std::string> all;
  for (auto const& one : switches()) all.emplace_back(one.name);
  return all;
}

// What a word says that begins with a dash.
struct SwitchWord {
  Switch const* one = nullptr;
  std::optional<std::string> value; // when it stands in the same word
};

// "--name=VALUE" or "-oVALUE".
SwitchWord switch_in(std::string const& word) {
  bool const is_long = word.starts_with("--");
  auto const end = is_long ? std::min(word.find('='), word.size()) : 2;
  SwitchWord said{find_switch(word.substr(0, end)), std::nullopt};
  if (end < word.size()) said.value = word.substr(end + is_long);
  if (said.one) return said;
  auto const name = is_long ? word.substr(0, end) : word;
  throw Mistake{fmt::format("there is no switch '{}'", name), name.size() > 2 ? nnc::suggestion(name, names()) : ""};
}

void apply(Switch const& one, Line& line, std::string const& value) {
  try {
    one.apply(line, value);
  } catch (Mistake const& mistake) {
    throw Mistake{fmt::format("{}: {}", one.name, mistake.message), mistake.meant};
  }
}

class Parser {
public:
  Parser(int count, char const* const* words) : words_(words + std::min(count, 1), words + count) {}

  Line parse() {
    bool switches_end = false;
    while (next_ < words_.size()) {
      auto const& word = words_[next_++];
      if (switches_end || word.size() < 2 || word[0] != '-') files_.push_back(word);
      else if (word == "--") switches_end = true;
      else take(switch_in(word));
    }
    return std::move(line_);
  }
  std::vector<std::string> const& files() const { return files_; }

private:
  void take(SwitchWord const& said) {
    auto const& one = *said.one;
    if (*one.value) return apply(one, line_, said.value ? *said.value : next_value(one));
    if (said.value) throw Mistake{fmt::format("{} takes no value, got '{}'", one.name, *said.value)};
    apply(one, line_, "");
  }

  // `--save --digest` has forgotten the file; a value that looks like a switch is written --save=--digest.
  std::string const& next_value(Switch const& one) {
    if (next_ == words_.size()) throw Mistake{fmt::format("{} needs a value: {}", one.name, one.value)};
    auto const& value = words_[next_++];
    if (find_switch(value))
      throw Mistake{fmt::format("{} needs a value: {}, got the switch {}", one.name, one.value, value)};
    return value;
  }

  std::vector<std::string> words_;
  size_t next_ = 0;
  Line line_;
  std::vector<std::string> files_;
};

// Switches that make no sense without another.
void check_together(Line const& line) {
  auto const needs = [](bool given, char const* name, bool other, char const* what) {
    if (given && !other) throw Mistake{fmt::format("{} needs {}", name, what)};
  };
  needs(line.resume, "--resume", !line.save.empty() && line.train.has_value(), "--train and the file of --save");
  needs(line.resume, "--resume", line.load.empty(), "no --load: both say where the weights come from");
  needs(line.save_every > 0, "--save-every", !line.save.empty(), "--save");
  needs(line.log_every > 0, "--log-every", !line.log.empty(), "--log");
  needs(!line.log.empty(), "--log", line.train.has_value(), "--train");
  needs(!line.dump_dir.empty(), "--dump-dir", !line.dump.empty(), "--dump");
  needs(line.emit == "object", "--emit object", !line.output.empty(), "-o FILE");
}

} // namespace

Line parse(int count, char const* const* words) {
  Parser parser(count, words);
  auto line = parser.parse();
  if (line.help || !line.completions.empty()) return line;
  auto const& files = parser.files();
  if (files.empty()) throw Mistake{"no FILE is given"};
  if (files.size() > 1) throw Mistake{fmt::format("one FILE is expected, got '{}' and '{}'", files[0], files[1])};
  split_file(line, files[0]);
  check_together(line);
  return line;
}

} // namespace command
