// The documentation of the language: whatever is public has words and an example, and every example compiles.
#include "frontend/documentation.h"
#include "frontend/elaborate/builtin.h"
#include "frontend/elaborate/lookup.h"
#include "frontend/elaborate/train.h"
#include "frontend/parser.h"
#include "frontend/std_library.h"
#include "frontend/token.h"
#include "tests/frontend/program.h"

#include <fmt/core.h>
#include <fstream>
#include <regex>
#include <set>
#include <sstream>

using namespace nnc;

namespace {

// What the examples may speak of.
constexpr char const* prelude = R"(model example(rate = 0.1) {
  input x: f32[batch, 8]
  input z: f32[batch, 8]
  input image: f32[batch, 3, 32, 32]
  input sound: f32[batch, 4, 100]
  input volume: f32[batch, 2, 8, 8, 8]
  input sequence: f32[batch, 20, 8]
  input mask: bool[batch, 20]
  input ids: i32[batch, 20]
  input lengths: i32[batch]
  input audio: f32[batch, 1600]
  target label: i32[batch]
  target wanted: f32[batch, 8]
  logits = dense(x, 10) @logits
  loss cross_entropy(logits, label)
)";

bool begins_with_one_of(std::string const& text, std::initializer_list<char const*> words) {
  for (auto const* word : words)
    if (text.starts_with(std::string(word) + " ")) return true;
  return false;
}

std::string program(DocumentedWord const& word) {
  std::string body, lines = "  minimize loss with adam()\n", file;
  std::set<std::string> const of_training{"optimizers", "schedules", "settings", "training", "train blocks"};
  if (begins_with_one_of(word.example, {"import", "const", "optimizer", "model", "train"})) file = word.example + "\n";
  else if (word.example.starts_with("metric ")) body = word.example + "\n";
  else if (of_training.contains(word.kind) && word.example.find("minimize") != std::string::npos)
    lines = word.example + "\n";
  else if (of_training.contains(word.kind)) lines += word.example + "\n";
  else body = word.example + "\n";
  if (word.example.find("max accuracy") != std::string::npos) body = "metric accuracy(logits, label)\n";
  bool const trains = file.starts_with("train");
  return file + prelude + body + "}\n" + (trains ? "" : "train example {\n" + lines + "}\n");
}

std::string problems_of(DocumentedWord const& word) {
  auto sources = std::make_shared<Sources>();
  Settings settings;
  if (word.example.starts_with("model")) settings.train_name = "line";
  settings.read_import = [](std::string const& path) {
    return path == "blocks.nn" ? std::optional<std::string>("fn block(x) { relu(x) }\n") : std::nullopt;
  };
  settings.batch_anywhere = true;
  auto result = elaborate(sources, sources->add(word.names[0], program(word)), settings);
  std::erase_if(result.diagnostics, [](auto const& d) { // what a fragment computes is seldom a part of the loss
    return d.message.find("depends on the parameter") != std::string::npos;
  });
  return render(result.diagnostics, *sources);
}

std::set<std::string> documented(std::string const& kind = "") {
  std::set<std::string> out;
  for (auto const& word : documented_words())
    if (kind.empty() || word.kind == kind) out.insert(word.names.begin(), word.names.end());
  return out;
}

} // namespace

TEST_CASE("every word that is documented has a form, a text and an example that compiles without a warning") {
  CHECK(documented_words().size() > 190);
  for (auto const& word : documented_words()) {
    CAPTURE(word.kind);
    CAPTURE(word.names[0]);
    CHECK(word.form != "");
    CHECK(word.text.size() > 4);
    CHECK(word.example != "");
    CHECK(problems_of(word) == "");
  }
}

TEST_CASE("reserved words, settings, predeclared names and dtypes are documented") {
  auto const all = documented(), names = documented("names");
  for (auto const* word : reserved()) CHECK_MESSAGE(all.contains(word), word);
  for (auto const* word : front::predeclared_words) CHECK_MESSAGE(names.contains(word), word);
  for (auto const* word : {"f64", "f32", "f16", "bf16", "i64", "i32", "i8", "u8", "bool"})
    CHECK_MESSAGE(all.contains(word), word);
  auto const settings = front::setting_names();
  CHECK(documented("settings") == std::set<std::string>(settings.begin(), settings.end()));
}

// Defaults in words.def are those of a train block that says nothing.
TEST_CASE("the defaults of settings are told as they are") {
  test::Compiled program(std::string(prelude) + "}\ntrain example { minimize loss with adam() }\n");
  auto const& t = *program.module().training;
  auto const form = [](std::string const& name) {
    for (auto const& word : documented_words())
      if (word.kind == "settings" && word.names[0] == name) return word.form;
    return std::string();
  };
  CHECK(form("batch") == fmt::format("batch = {}", t.batch));
  CHECK(form("epochs") == fmt::format("epochs = {}", t.epochs));
  CHECK(form("seed") == fmt::format("seed = {}", t.seed));
  CHECK(form("validation") == fmt::format("validation = {}", t.validation));
  CHECK(form("order") == fmt::format("order = \"{}\"", t.order));
  CHECK(form("drop_last") == fmt::format("drop_last = {}", t.drop_last));
}

// A function without a `##` comment is one that the library keeps to itself: then it uses it.
TEST_CASE("a function of the library has documentation, or another one calls it") {
  std::string text;
  for (auto const& file : std_library()) text += file.text;
  text = std::regex_replace(text, std::regex("#[^\n]*"), "");
  auto const all = documented();
  auto const check = [&](std::string const& name) {
    auto const uses = std::regex(fmt::format("(^|[^A-Za-z0-9_]){}\\b", name));
    auto const begin = std::sregex_iterator(text.begin(), text.end(), uses);
    bool const is_std = std::regex_search(text, std::regex(fmt::format("(fn|optimizer) {}\\(", name)));
    CHECK_MESSAGE(std::distance(begin, std::sregex_iterator()) > (is_std ? 1 : 0),
                  fmt::format("`{}` has no documentation, and the library does not use it", name));
  };
  for (auto const& name : front::builtin_names())
    if (!all.contains(name)) check(name);
  for (auto const& file : std_library()) {
    Sources sources;
    auto const parsed = parse(sources, sources.add(std::string(file.name), std::string(file.text)));
    for (auto const& f : parsed.file.functions)
      if (!all.contains(f->name.text)) check(f->name.text);
    for (auto const& f : parsed.file.optimizers) CHECK_MESSAGE(all.contains(f->name.text), f->name.text);
  }
}

TEST_CASE("the example of the grammar for editors parses") {
  std::ifstream in(std::string(NNC_SOURCE_DIR) + "/tools/editors/example.nn");
  std::stringstream text;
  text << in.rdbuf();
  Sources sources;
  auto const parsed = parse(sources, sources.add("example.nn", text.str()));
  CHECK(render(parsed.diagnostics, sources) == "");
}

TEST_CASE("the example of a comment is the paragraph that begins with the word") {
  std::string text, example;
  split_example("One.\nTwo.\nExample: y = 1", text, example);
  CHECK(text == "One.\nTwo.");
  CHECK(example == "y = 1");
  split_example("One.\nExample:\n  y = 1\n  for i in [1] {\n    y = 2\n  }\n\nTwo.", text, example);
  CHECK(text == "One.\n\nTwo.");
  CHECK(example == "y = 1\nfor i in [1] {\n  y = 2\n}");
  split_example("One.", text, example);
  CHECK(text == "One.");
  CHECK(example == "");
}
