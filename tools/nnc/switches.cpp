#include "tools/nnc/switches.h"

#include "nnc/nnc.hpp"
#include "tools/nnc/words.h"

#include <cctype>
#include <charconv>
#include <fmt/core.h>
#include <limits>

namespace command {
namespace {

std::int64_t number(std::string const& text, std::int64_t least,
                    std::int64_t most = std::numeric_limits<std::int64_t>::max()) {
  std::int64_t value = 0;
  auto const [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size())
    throw Mistake{fmt::format("expected a whole number, got '{}'", text)};
  if (value < least || value > most)
    throw Mistake{fmt::format("expected at least {}{}, got {}", least,
                              most < (1 << 30) ? fmt::format(" and at most {}", most) : "", value)};
  return value;
}

// "150MB", "2G", "4096"
std::int64_t byte_count(std::string const& written) {
  std::string text = written;
  std::int64_t unit = 1;
  if (text.ends_with("B")) text.pop_back();
  for (auto const& [letter, factor] : {std::pair{'K', 1'000}, {'M', 1'000'000}, {'G', 1'000'000'000}})
    if (text.ends_with(letter)) {
      unit = factor;
      text.pop_back();
      break;
    }
  if (text.empty() || text.find_first_not_of("-0123456789") != std::string::npos)
    throw Mistake{fmt::format("expected a number of bytes such as 150M, got '{}'", written)};
  return number(text, 1, std::numeric_limits<std::int64_t>::max() / unit) * unit;
}

std::vector<std::string> split_at_commas(std::string const& text) {
  std::vector<std::string> words;
  for (size_t start = 0; start <= text.size();) {
    auto const comma = std::min(text.find(',', start), text.size());
    if (comma > start) words.push_back(text.substr(start, comma - start));
    start = comma + 1;
  }
  return words;
}

std::pair<std::string, std::string> assignment(std::string const& text) {
  auto const equals = text.find('=');
  if (equals == std::string::npos || equals == 0) throw Mistake{fmt::format("expected NAME=VALUE, got '{}'", text)};
  return {text.substr(0, equals), text.substr(equals + 1)};
}

std::vector<std::string> data_sets_or_none() {
  auto sets = nnc::Data::built_in();
  sets.emplace_back("none");
  return sets;
}

std::vector<std::string> checks() { return {"each"}; }
std::vector<std::string> explained() { return {"constants", "memory", "fusion", "nan"}; }
std::vector<std::string> shells() { return {"bash", "zsh", "fish"}; }

std::vector<std::string> passes() {
  auto stages = nnc::Program::stages();
  stages.erase(stages.begin()); // "elaborate" is no pass
  return stages;
}

std::vector<std::string> dumps() {
  auto stages = nnc::Program::stages();
  stages.emplace_back("all");
  return stages;
}

std::string listed(std::vector<std::string> const& words) {
  std::string text;
  for (auto const& word : words) text += (text.empty() ? "" : ", ") + word;
  return text;
}

void expect_one_of(std::vector<std::string> const& known, std::string const& word) {
  for (auto const& one : known)
    if (one == word) return;
  if (known.size() == 1) throw Mistake{fmt::format("expected '{}', got '{}'", known.front(), word)};
  throw Mistake{fmt::format("'{}' is none of {}", word, listed(known)), nnc::suggestion(word, known)};
}

// "fusion=NAME": the parser has put the two words together.
std::string question(std::string const& text) {
  expect_one_of(explained(), text.substr(0, text.find('=')));
  if (text == "fusion" || text == "fusion=") throw Mistake{"fusion needs the name of a value: --explain fusion NAME"};
  if (text.find('=') != std::string::npos && !text.starts_with("fusion=")) expect_one_of(explained(), text);
  return text;
}

std::vector<std::string> known_passes(std::string const& value) {
  auto words = split_at_commas(value);
  for (auto const& word : words) expect_one_of(passes(), word);
  return words;
}

constexpr char const* jobs = "Jobs, in this order";
constexpr char const* training = "Training";
constexpr char const* files = "Weights and logs";
constexpr char const* looking = "Looking inside";
constexpr char const* other = "Other";
constexpr char const* asking = "Asking";

constexpr Switch table[] = {
    {"--train", "DATA", jobs,
     "train on DATA, then test: mnist, fashion, a file, a folder, or image=FILE,label=FILE:COLUMN, with options behind "
     "them: table.csv,target=species,test=0.2; --data-info DATA shows what is in it",
     [](Line& l, std::string const& v) { l.train = v; }, nnc::Data::built_in, true},
    {"--eval", "DATA", jobs, "losses and metrics on the test examples of DATA (or its training examples)",
     [](Line& l, std::string const& v) { l.eval = v; }, nnc::Data::built_in, true},
    {"--run", "DATA", jobs,
     "outputs for the same examples: a line of JSON each, or by the ending of -o a table (.csv), NumPy's arrays (.npy, "
     ".npz), .safetensors, pictures (.png); none: no data, with --batch",
     [](Line& l, std::string const& v) { l.run = v; }, data_sets_or_none, true},
    {"--emit", "KIND", jobs,
     "write the compiled program: ir, loops, llvm, asm; object: FILE.o and FILE.h, with the weights of --load",
     [](Line& l, std::string const& v) { expect_one_of(nnc::Program::emit_kinds(), v), l.emit = v; },
     nnc::Program::emit_kinds},
    {"--check-only", "", jobs, "say what is wrong with the program, and nothing else; the exit status is 0 or 1",
     [](Line& l, std::string const&) { l.check_only = true; }},
    {"--data-info", "[DATA]", jobs,
     "show the columns of DATA, their types, first examples, classes and ranges; needs no FILE; alone: its options",
     [](Line& l, std::string const& v) { l.data_info = v; }, nnc::Data::built_in, true},
    {"--split", "HOW", jobs, "of the examples of each DATA: fold=3/10, or all ten with fold=*/10 (cross-validation), test=0.2, split=COLUMN",
     [](Line& l, std::string const& v) { l.split = v; }},
    {"--prefix", "NAME", jobs, "of all names in the object and its header (default: that of the model)",
     [](Line& l, std::string const& v) { l.prefix = v; }},
    {"--data", "DIR", jobs, "look for data sets here first", [](Line& l, std::string const& v) { l.data_folder = v; }},
    {"-o", "FILE", jobs, "write what --emit, --dump or --run gives to FILE",
     [](Line& l, std::string const& v) { l.output = v; }},

    {"--set", "NAME=VALUE", training,
     "a model argument, a named dimension, a number such as adam.lr, or a setting of the train block",
     [](Line& l, std::string const& v) { l.set.push_back(assignment(v)); }},
    {"--epochs", "N", training, "train for N epochs in total",
     [](Line& l, std::string const& v) { l.epochs = number(v, 0); }},
    {"--steps", "N", training, "train for N updates in total",
     [](Line& l, std::string const& v) { l.steps = number(v, 0); }},
    {"--batch", "N", training, "examples per update",
     [](Line& l, std::string const& v) { l.batch = number(v, 1, 1 << 24); }},
    {"--seed", "N", training, "of the initial weights, of dropout and of the order of the examples",
     [](Line& l, std::string const& v) { l.seed = number(v, 0); }},
    {"--no-shuffle", "", training, "take the examples in the order of the file",
     [](Line& l, std::string const&) { l.no_shuffle = true; }},
    {"--threads", "N", training, "use N threads (default: as many as pay)",
     [](Line& l, std::string const& v) { l.threads = static_cast<int>(number(v, 1, 1 << 20)); }},
    {"--keep-going", "", training, "do not stop when a loss or a weight is not finite",
     [](Line& l, std::string const&) { l.keep_going = true; }},

    {"--load", "FILE", files, "start with the parameters of a safetensors file",
     [](Line& l, std::string const& v) { l.load = v; }},
    {"--rename", "FROM=TO", files,
     "of tensors of --load: \"fc*.weight=dense_*.weight^T\"; ^T swaps the last two axes (PyTorch stores [out, in], nnc "
     "[in, out]); \"fc9.*=\" leaves out",
     [](Line& l, std::string const& v) { l.rename.push_back(v); }},
    {"--save", "FILE", files,
     "write a checkpoint (safetensors) at the end, also when interrupted, and after epochs, every few seconds at most",
     [](Line& l, std::string const& v) { l.save = v; }},
    {"--save-every", "N", files, "and after every N updates",
     [](Line& l, std::string const& v) { l.save_every = number(v, 1); }},
    {"--save-best", "FILE", files,
     "write a checkpoint of the best epoch over the validation split (by the setting save_best, or else min loss)",
     [](Line& l, std::string const& v) { l.save_best = v; }},
    {"--resume", "", files, "go on from the file that --save names, or begin when there is none",
     [](Line& l, std::string const&) { l.resume = true; }},
    {"--replan", "", files, "with --resume: stretch a schedule to another total of steps",
     [](Line& l, std::string const&) { l.replan = true; }},
    {"--log", "FILE", files,
     "append a line of JSON per epoch, and one for the test: losses, metrics, learning rates, seconds_epoch and "
     "seconds_total",
     [](Line& l, std::string const& v) { l.log = v; }},
    {"--log-every", "N", files, "a line of the log after every N updates instead",
     [](Line& l, std::string const& v) { l.log_every = number(v, 1); }},
    {"--plot", "FILE", files,
     "draw the training when it has ended, as .svg or .png: losses, metrics, learning rates, tables such as a "
     "confusion "
     "matrix",
     [](Line& l, std::string const& v) { l.plot = v; }},
    {"--tensorboard", "DIR", files,
     "write events for TensorBoard while the training runs: losses, metrics, learning rates, tables and outputs as "
     "pictures, the program",
     [](Line& l, std::string const& v) { l.tensorboard = v; }},
    {"--report", "FILE.html", files,
     "write a page about the training when it has ended: numbers, curves, worst examples, model, memory, settings",
     [](Line& l, std::string const& v) { l.report = v; }},
    {"--digest", "", files, "print a SHA-256 over the weights", [](Line& l, std::string const&) { l.digest = true; }},

    {"--dump", "STAGE", looking, "print the program after a stage; all: after each",
     [](Line& l, std::string const& v) { expect_one_of(dumps(), v), l.dump = v; }, dumps},
    {"--dump-dir", "DIR", looking, "write the dumps to numbered files in DIR",
     [](Line& l, std::string const& v) { l.dump_dir = v; }},
    {"--passes", "A,B", looking, "run exactly these passes",
     [](Line& l, std::string const& v) { l.passes = known_passes(v); }, passes},
    {"--without", "A,B", looking, "leave these passes out",
     [](Line& l, std::string const& v) {
       for (auto const& pass : known_passes(v)) l.without.push_back(pass);
     },
     passes},
    {"--check", "each", looking, "verify and evaluate after every pass; names the first that changed a value",
     [](Line& l, std::string const& v) { expect_one_of(checks(), v), l.check_each = true; }, checks},
    {"--explain", "WHAT", looking,
     "constants: what the code is made for; memory: what holds how much; fusion NAME: why a value is stored; nan, with "
     "--train: what made a loss, a weight or a state infinite or NaN",
     [](Line& l, std::string const& v) { l.explain = question(v); }, explained},
    {"--time", "", looking, "print milliseconds and nodes per stage",
     [](Line& l, std::string const&) { l.time = true; }},
    {"--cpu", "NAME", looking, "compile for this processor, as LLVM names it (default: this machine)",
     [](Line& l, std::string const& v) { l.cpu = v; }},
    {"--target", "TRIPLE", looking,
     "compile for another system, such as aarch64-linux-gnu or x86_64-windows-gnu; with --emit",
     [](Line& l, std::string const& v) { l.target = v; }},

    {"--max-memory", "BYTES", other,
     "refuse a program that needs more for weights, states and intermediate values (150M, 2G)",
     [](Line& l, std::string const& v) { l.max_memory = byte_count(v); }},
    {"--max-nodes", "N", other, "refuse a program that grows to more nodes, whatever makes them (default: 1000000)",
     [](Line& l, std::string const& v) { l.max_nodes = number(v, 1); }},
    {"--max-errors", "N", other, "show N errors and N warnings (default: 20; 0: all)",
     [](Line& l, std::string const& v) { l.max_errors = number(v, 0); }},
    {"--werror", "", other, "warnings are errors", [](Line& l, std::string const&) { l.werror = true; }},
    {"--no-color", "", other, "plain text (as do NO_COLOR and TERM=dumb)",
     [](Line& l, std::string const&) { l.no_color = true; }},

    {"--doc", "[NAME]", asking,
     "say what a word of the language is, with an example, or a kind of words; no NAME: list all; all: one page",
     [](Line& l, std::string const& v) { l.doc = v; }, documented_names},
    {"--version", "", asking, "print the versions of nnc and LLVM and the processor",
     [](Line& l, std::string const&) { l.version = true; }},
    {"--completions", "SHELL", asking, "print the completions for bash, zsh or fish",
     [](Line& l, std::string const& v) { expect_one_of(shells(), v), l.completions = v; }, shells},
    {"--help", "", asking, "print this; -h for short", [](Line& l, std::string const&) { l.help = true; }, nullptr,
     false, "-h"},
};

} // namespace

std::span<Switch const> switches() { return table; }

std::string in_switches(std::string text) {
  constexpr std::pair<char const*, char const*> words[] = {
      {"Options::train_name", "FILE:NAME"},
      {"Options::cpu = \"generic\"", "--cpu generic"},
      {"Options::set", "--set"},
      {"Options::max_errors = 0", "--max-errors 0"},
      {"Options::max_nodes", "--max-nodes"},
      {"Options::on_stage", "--dump"},
      {"TrainOptions::replan", "--replan"},
      {"TrainOptions::explain_bad", "--explain nan"},
      {"TrainOptions::shuffle = false", "--no-shuffle"},
      {", TrainOptions::validation takes a data set", ""},
      {"Session::load", "--load"},
      {"LoadOptions::rename", "--rename"},
      {"DataOptions::checkpoint or DataOptions::like opens", "--load FILE opens"},
      {"Data::open", "--data"},
  };
  if (text.find("LoadOptions::rename") != std::string::npos) // one list there, a switch for each rule here
    for (auto at = text.find("\" \""); at != std::string::npos; at = text.find("\" \"", at + 1))
      text.replace(at, 3, "\" --rename \"");
  for (auto const& [api, here] : words)
    for (auto at = text.find(api); at != std::string::npos; at = text.find(api, at + 1))
      if (at == 0 || *api == ',' || !std::isalnum(static_cast<unsigned char>(text[at - 1])))
        text.replace(at, std::string_view(api).size(), here);
  return text;
}

std::string help_text() {
  std::string text = "nnc FILE[:NAME] [--train DATA] [--eval DATA] [--run DATA] [--dump STAGE] [--emit KIND] ...\n"
                     "nnc plot LOG... -o FILE.svg\n"
                     "compiles a neural network (FILE.nn, a module in FILE.ir, or - for standard input), trains it and "
                     "runs it; without a job it says what FILE holds;\n"
                     "plot draws the curves of several trainings, one over the other, from what --log wrote\n";
  std::string group;
  for (auto const& one : table) {
    if (group != one.group) text += fmt::format("\n{}\n", group = one.group);
    text += fmt::format("  {:<22} {}\n", fmt::format("{} {}", one.name, one.value), one.help);
  }
  text +=
      "\nHuman words go to standard error, results to standard output.\n"
      "Exit status: 0 done, 1 the program or the data is wrong or a file could not be written, 2 the command line is "
      "wrong, 3 a bug of nnc, 130 interrupted (SIGTERM 143, SIGHUP 129).\n";
  return text;
}

} // namespace command
