// The reference page: its programs are accepted, and its table of the library names what exists, and all of it.
#include "frontend/documentation.h"
#include "frontend/elaborate/builtin.h"
#include "frontend/elaborate/train.h"
#include "frontend/lexer.h"
#include "frontend/parser.h"
#include "frontend/std_library.h"
#include "tests/frontend/program.h"

#include <filesystem>
#include <fmt/core.h>
#include <fstream>
#include <iterator>
#include <set>
#include <iterator>
#include <sstream>

using namespace nnc;

namespace {

std::string page() {
  std::ifstream in(std::string(NNC_SOURCE_DIR) + "/frontend/LANGUAGE.md");
  std::stringstream out;
  out << in.rdbuf();
  return out.str();
}

// Everything that the library and the elaborator declare.
std::set<std::string> library() {
  std::set<std::string> out;
  for (auto const& name : front::builtin_names()) out.insert(name);
  for (auto const& file : std_library()) {
    Sources sources;
    auto parsed = parse(sources, sources.add(std::string(file.name), std::string(file.text)));
    CHECK(parsed.diagnostics.empty());
    for (auto const& f : parsed.file.functions) out.insert(f->name.text);
    for (auto const& f : parsed.file.optimizers) out.insert(f->name.text);
  }
  return out;
}

// The import of the page.
Settings with_blocks() {
  Settings out;
  out.read_import = [](std::string const&) { return std::optional<std::string>("fn half(x: float[..]) { x / 2 }\n"); };
  return out;
}

// Every token of its programs.
std::set<std::string> words_of_programs(std::string const& text) {
  std::set<std::string> out;
  Sources sources;
  for (size_t at = text.find("```nn\n"); at != std::string::npos; at = text.find("```nn\n", at + 1)) {
    u32 const file = sources.add("page.nn", text.substr(at + 6, text.find("```", at + 6) - at - 6));
    for (auto const& token : lex(sources, file).tokens) out.emplace(token.text);
  }
  return out;
}

// The names between backquotes in the rows of the table of section 10; what is in parentheses are arguments.
std::set<std::string> documented(std::string const& text) {
  std::set<std::string> out;
  auto begin = text.find("| what | names |"), end = text.find("\n\n", begin);
  std::string word;
  bool quoted = false;
  int depth = 0;
  for (char c : text.substr(begin, end - begin)) {
    bool letter = (std::isalnum(static_cast<unsigned char>(c)) != 0 || c == '_') && quoted && depth == 0;
    if (letter) word += c;
    else if (!word.empty()) out.insert(std::exchange(word, ""));
    if (c == '`') quoted = !quoted;
    if (c == '(') ++depth;
    if (c == ')') --depth;
  }
  return out;
}

} // namespace

TEST_CASE("the examples, the programs of the benchmark and of the tests are accepted without a warning") {
  int programs = 0;
  for (auto const* folder : {"/examples", "/tools/bench", "/tests/frontend/values"})
    for (auto const& entry : std::filesystem::directory_iterator(NNC_SOURCE_DIR + std::string(folder))) {
      if (entry.path().extension() != ".nn") continue;
      std::string name = entry.path().filename().string();
      CAPTURE(name);
      std::ifstream in(entry.path());
      std::stringstream text;
      text << in.rdbuf();
      auto sources = std::make_shared<Sources>();
      u32 file = sources->add(name, text.str());
      // What a text would say to examples/gpt.nn, and a table to examples/diagnosis.nn.
      Settings settings{.properties = {{"vocab", 70}, {"some", 65}, {"classes", 3}, {"n", 13}}, .batch_anywhere = true};
      settings.read_import = [&](std::string const& path) -> std::optional<std::string> {
        std::ifstream imported(entry.path().parent_path() / path);
        if (!imported) return std::nullopt;
        return std::string(std::istreambuf_iterator<char>(imported), {});
      };
      // Each of several train blocks; a file without a model is one that others import.
      auto const inventory = take_inventory(*sources, file);
      std::vector<std::string> choices;
      for (auto const& train : inventory.trains) choices.push_back(train.tag.empty() ? train.model : train.tag);
      if (choices.size() < 2) choices = inventory.models.empty() ? std::vector<std::string>{} : std::vector<std::string>{""};
      for (auto const& choice : choices) {
        settings.train_name = choice;
        CHECK(render(elaborate(sources, file, settings).diagnostics, *sources) == "");
        ++programs;
      }
    }
  CHECK(programs >= 10);
}

// Its functions are looked at as those of a user are: names that mean nothing, whether or not somebody calls them.
TEST_CASE("the library names nothing that does not exist") {
  for (auto const& library_file : std_library()) {
    auto sources = std::make_shared<Sources>();
    u32 file = sources->add("mine.nn", std::string(library_file.text) + "\nmodel m { output y = zeros([1]) }\n");
    CHECK(render(elaborate(sources, file).diagnostics, *sources) == "");
  }
}

TEST_CASE("the programs of the reference are accepted, without a warning") {
  std::string text = page();
  int programs = 0;
  for (size_t at = text.find("```nn\n"); at != std::string::npos; at = text.find("```nn\n", at + 1)) {
    size_t begin = at + 6;
    test::Compiled program(text.substr(begin, text.find("```", begin) - begin), with_blocks());
    CHECK(render(program.result.diagnostics, *program.sources) == "");
    ++programs;
  }
  CHECK(programs >= 3);
}

TEST_CASE("every word and every sign of the grammar stands in a program of the reference") {
  auto const used = words_of_programs(page());
  std::set<std::string> wanted(reserved().begin(), reserved().end());
  for (auto const* word :
       {"import", "as",     "const",  "optimizer", "gradient", "model",   "train",   "param", "state", "per",
        "epoch",  "input",  "target", "output",    "rows",     "axis",    "reverse", "carry", "over",  "with",
        "phase",  "freeze", "fresh",  "of",        "minimize", "average", "min",     "max",   "batch", "|>",
        "==",     "!=",     "<",      "<=",        ">",        ">=",      "+",       "-",     "*",     "/",
        "//",     "%",      "@",      "^",         "<-",       "->",      "..",      ":"})
    wanted.insert(word);
  for (auto const& word : wanted) CHECK_MESSAGE(used.contains(word), "no program of LANGUAGE.md has ", word);
}

TEST_CASE("the table of the settings has all of them, with their defaults") {
  auto const text = page();
  auto const begin = text.find("| setting | default | meaning |"), end = text.find("\n\n", begin);
  std::istringstream rows(text.substr(begin, end - begin));
  std::map<std::string, std::string> defaults;
  for (std::string row; std::getline(rows, row);) {
    auto const middle = row.find('|', 1), last = row.find('|', middle + 1);
    std::string const value = row.substr(middle + 2, last - middle - 3);
    std::istringstream names(row.substr(1, middle - 1));
    for (std::string name; names >> name;)
      if (name.starts_with('`')) defaults[name.substr(1, name.rfind('`') - 1)] = value;
  }
  auto const all = front::setting_names();
  for (auto const& name : all) CHECK_MESSAGE(defaults.contains(name), "is not in the table: ", name);
  CHECK(defaults.size() == all.size());
  Training const made{};
  CHECK(defaults["batch"] == std::to_string(made.batch));
  CHECK(defaults["epochs"] == std::to_string(made.epochs));
  CHECK(defaults["seed"] == std::to_string(made.seed));
  CHECK(defaults["validation"] == std::to_string(made.validation));
  CHECK(defaults["order"] == "`\"" + made.order + "\"`");
  CHECK(defaults["drop_last"] == (made.drop_last ? "true" : "false"));
  CHECK((made.steps == 0 && made.window == 0 && !made.save_best && !made.patience));
  for (auto const* name : {"steps", "window", "patience", "sample", "balance", "clip_norm", "clip_value"})
    CHECK(defaults[name] == "none");
}

TEST_CASE("the table of the library is complete") {
  auto have = library(), said = documented(page());
  for (auto const& name : said)
    CHECK_MESSAGE(have.contains(name), fmt::format("documented, but does not exist: {}", name));
  for (auto const& word : documented_words()) // without a `##` comment it is the library's own
    if (have.contains(word.names[0]))
      CHECK_MESSAGE(said.contains(word.names[0]), fmt::format("is not in the table: {}", word.names[0]));
}
