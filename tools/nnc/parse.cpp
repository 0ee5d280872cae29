// Words of the command line -> Line, by CLI11 and the table of switches.
#include "nnc/nnc.hpp"
#include "tools/nnc/formats.h"
#include "tools/nnc/switches.h"

#include <CLI/CLI.hpp>
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

std::vector<std::string> names() {
  std::vector<std::string> all;
  for (auto const& one : switches()) all.emplace_back(one.name);
  return all;
}

// `--save --digest` has forgotten the file, and so has `--save ""`; no pass at all is a list of passes.
void expect_value(Switch const& one, std::string const& value) {
  auto const all = names();
  bool const forgotten = std::find(all.begin(), all.end(), value) != all.end();
  if (forgotten || (value.empty() && std::string_view(one.value) != "A,B"))
    throw Mistake{fmt::format("needs a value: {}, got '{}'", one.value, value)};
}

void apply(Switch const& one, Line& line, std::string const& value) {
  try {
    if (*one.value && !one.value_is_optional()) expect_value(one, value);
    one.apply(line, value);
  } catch (Mistake const& mistake) {
    throw Mistake{fmt::format("{}: {}", one.name, mistake.message), mistake.meant};
  }
}

void add(CLI::App& app, Switch const& one, Line& line) {
  if (!*one.value) {
    auto const spelled = *one.short_name ? fmt::format("{},{}", one.short_name, one.name) : std::string(one.name);
    app.add_flag_callback(spelled, [&one, &line] { apply(one, line, ""); });
    return;
  }
  auto* const option =
      app.add_option_function<std::vector<std::string>>(one.name,
                                                        [&one, &line](std::vector<std::string> const& values) {
                                                          for (auto const& value : values) apply(one, line, value);
                                                        })
          ->type_name(one.value)
          ->allow_extra_args(false)
          ->multi_option_policy(CLI::MultiOptionPolicy::TakeAll);
  if (one.value_is_optional()) option->expected(0, 1);
}

// Of all switches the one that was meant; dashes say nothing about that.
std::string meant(std::string const& word) {
  std::vector<std::string> bare;
  for (auto const& name : names()) bare.push_back(name.substr(name.find_first_not_of('-')));
  auto const near = nnc::suggestion(word.substr(std::min(word.find_first_not_of('-'), word.size())), bare);
  return near.empty() ? "" : "--" + near;
}

// What CLI11 has left over begins with a dash and is no switch.
void refuse_unknown(CLI::App const& app) {
  for (auto const& word : app.remaining()) {
    auto const name = word.substr(0, word.find('='));
    auto const near = meant(name);
    throw Mistake{fmt::format("there is no switch '{}'", name), near,
                  near.empty() ? "nnc --help lists the switches; numbers of the program are set by --set NAME=VALUE"
                               : ""};
  }
}

// Switches that make no sense without another.
void check_together(Line const& line) {
  auto const needs = [](bool given, char const* name, bool other, char const* what) {
    if (given && !other) throw Mistake{fmt::format("{} needs {}", name, what)};
  };
  needs(line.resume, "--resume", !line.save.empty() && line.train.has_value(), "--train and the file of --save");
  needs(line.resume, "--resume", line.load.empty(), "no --load: both say where the weights come from");
  needs(!line.rename.empty(), "--rename", !line.load.empty(), "--load");
  needs(line.replan, "--replan", line.resume, "--resume");
  needs(!line.save_best.empty(), "--save-best", line.train.has_value(), "--train");
  needs(line.save_every > 0, "--save-every", !line.save.empty(), "--save");
  needs(line.log_every > 0, "--log-every", !line.log.empty(), "--log");
  needs(!line.log.empty(), "--log", line.train.has_value(), "--train");
  needs(line.explain == "nan", "--explain nan", line.train.has_value(), "--train");
  needs(!line.dump_dir.empty(), "--dump-dir", !line.dump.empty(), "--dump");
  bool const object = line.emit == "object";
  bool const session = line.train || line.eval || line.run || line.digest || !line.save.empty();
  needs(object, "--emit object", !line.output.empty(), "-o FILE");
  needs(!line.prefix.empty(), "--prefix", object, "--emit object");
  needs(!line.target.empty(), "--target", !line.emit.empty() || !line.dump.empty(), "--emit or --dump");
  if (line.check_only && (session || !line.emit.empty() || !line.dump.empty()))
    throw Mistake{"--check-only does no other job"};
  if (!line.target.empty() && session)
    throw Mistake{"code for --target cannot run here: it only goes with --emit or --dump"};
  // A header says what the program says.
  auto const idle = [&](bool given, char const* name) {
    if (given && object && !session)
      throw Mistake{fmt::format("--{} does nothing for --emit object", name), "",
                    fmt::format("--set {}=N changes the program", name)};
  };
  idle(line.seed.has_value(), "seed");
  idle(line.epochs.has_value(), "epochs");
  idle(line.steps.has_value(), "steps");
  if (!line.load.empty() && !line.emit.empty() && !object && !session)
    throw Mistake{fmt::format("--load does nothing for --emit {}, which holds no weights", line.emit), "",
                  "--emit object takes them along"};
}

// `--explain fusion NAME` takes two words; `-` and `-:NAME` look like switches.
std::vector<char const*> with_joined_words(int count, char const* const* words) {
  static std::string question, standard_input;
  std::vector<char const*> out;
  for (int i = 0; i < count; ++i) {
    bool const two = i > 0 && i + 1 < count && std::string_view(words[i - 1]) == "--explain" &&
                     std::string_view(words[i]) == "fusion" && words[i + 1][0] != '-';
    if (two) question = fmt::format("fusion={}", words[++i]);
    std::string_view const word = words[i];
    if (i > 0 && (word == "-" || word.starts_with("-:"))) {
      standard_input = fmt::format("{}{}", stdin_name, word.substr(1));
      out.push_back(standard_input.c_str());
    } else out.push_back(two ? question.c_str() : words[i]);
  }
  return out;
}

} // namespace

Line parse(int count, char const* const* words) {
  Line line;
  CLI::App app;
  app.set_help_flag();
  app.allow_extras();
  std::vector<std::string> files;
  app.add_option("FILE", files)->expected(0, -1);
  for (auto const& one : switches()) add(app, one, line);
  auto const joined = with_joined_words(count, words);
  try {
    app.parse(static_cast<int>(joined.size()), joined.data());
  } catch (CLI::ParseError const& error) {
    throw Mistake{error.what()};
  }
  refuse_unknown(app);
  if (line.help || line.version || line.doc || !line.completions.empty()) return line;
  if (line.data_info && files.empty()) return line;
  if (files.empty()) throw Mistake{"no FILE is given"};
  if (files.size() > 1)
    throw Mistake{fmt::format("one FILE is expected, got '{}' and '{}'", files[0], files[1]), meant(files[1])};
  split_file(line, files[0]);
  check_together(line);
  check_formats(line);
  return line;
}

} // namespace command
