// What the command answers without a program: --doc, --version; and programs that it only looks at.
#ifdef NNC_COMMAND

#include "tests/runtime/desk.h"

#include <doctest/doctest.h>
#include <fstream>
#include <regex>

using namespace nnc::test;

TEST_CASE("--doc says what a function is, with an example") {
  Desk desk;
  CHECK(desk.nnc("--doc relu").out == R"(relu (activations)

  relu(x: float[..])

max(0, x); its derivative at 0 is 0.

example
  y = relu(x)
)");
  CHECK(desk.nnc("--doc state").out == R"(state (statements)

  state NAME: TYPE = INITIAL

A tensor that is kept from step to step and saved, but not trained. `NAME <- VALUE` writes it.

example
  state calls: f32[] = 0
  calls <- calls + 1
)");
  CHECK(desk.nnc("--doc pad").out == R"(pad (shapes)

  pad(x, low, high, value = 0)

x with low[k] elements in front and high[k] behind along axis k, all of them `value`. Both are lists
with an int for each axis; a negative one takes elements away.

example
  y = pad(x, [0, 1], [0, 1])
)");
  auto const steps = desk.nnc("--doc steps").out; // a number, and a setting
  CHECK(contains(steps, "steps (names)\n"));
  CHECK(contains(steps, "\n\nsteps (settings)\n"));
  CHECK(contains(desk.nnc("--doc=adam").out, "minimize loss with adam(lr = 1e-3)"));
}

TEST_CASE("--doc of a kind says a sentence of each word") {
  Desk desk;
  CHECK(contains(desk.nnc("--doc settings").out,
                 "batch                 Examples per update\nepochs                How often "
                 "the training goes through the training set\n"));
  CHECK(contains(desk.nnc("--doc layers").out, "dense                 x @ weight + bias on the last axis\n"));
}

TEST_CASE("--doc answers words from elsewhere, and words that nobody knows") {
  Desk desk;
  for (auto const* word : {"MaxPool2d", "nn.MaxPool2d", "torch.nn.MaxPool2d"}) {
    auto const said = desk.nnc(std::string("--doc ") + word);
    CHECK(said.status == 0);
    CHECK(said.out == "MaxPool2d is a word from elsewhere: `max_pool(x, size)` serves any number of spatial axes\n");
  }
  auto const near = desk.nnc("--doc emmbedding");
  CHECK(near.status == 2);
  CHECK(near.err == "error: --doc: the language has no word 'emmbedding'\nhelp: did you mean 'embedding'?\n");
  CHECK(desk.nnc("--doc xyzzyx").err ==
        "error: --doc: the language has no word 'xyzzyx'\nhelp: nnc --doc lists all words\n");
}

TEST_CASE("--doc alone lists the words by kind, in lines that fit a screen") {
  Desk desk;
  auto const said = desk.nnc("--doc");
  CHECK(said.status == 0);
  for (auto const* part : {"statements    = param state ", "\nsettings      batch epochs ", "\nlayers        dense ",
                           "\noptimizers    sgd adam", "\nnnc --doc NAME says"})
    CHECK_MESSAGE(contains(said.out, part), said.out);
  std::istringstream lines(said.out);
  for (std::string line; std::getline(lines, line);) CHECK(line.size() <= 110);
}

TEST_CASE("frontend/std/REFERENCE.md is what --doc all prints") {
  Desk desk;
  auto const page = desk.nnc("--doc all").out;
  auto const file = std::string(NNC_SOURCE_DIR) + "/frontend/std/REFERENCE.md";
  if (std::getenv("NNC_UPDATE")) std::ofstream(file) << page;
  std::ifstream in(file);
  std::stringstream have;
  have << in.rdbuf();
  CHECK_MESSAGE(have.str() == page, "NNC_UPDATE=1 in the environment writes it anew");
}

TEST_CASE("shells complete the words of --doc and the questions of --explain") {
  Desk desk;
  auto const bash = desk.nnc("--completions bash").out;
  CHECK(contains(desk.nnc("--completions fish").out, "complete -c nnc -l doc -d "));
  CHECK(contains(desk.nnc("--completions zsh").out, " cross_entropy "));
  if (std::system("command -v bash >/dev/null") != 0) return;
  for (auto const& [words, meant] : {std::pair{"nnc --doc embe", "embedding"}, {"nnc d.nn --explain me", "memory"}}) {
    std::string const line = words;
    desk.scratch().write("completions", bash + "COMP_WORDS=(" + line +
                                            "); COMP_CWORD=$((${#COMP_WORDS[@]} - 1)); _nnc; "
                                            "echo ${COMPREPLY[@]}\n");
    CHECK(std::system(("bash '" + (desk.scratch() / "completions").string() + "' | grep -qx " + meant).c_str()) == 0);
  }
}

TEST_CASE("--version says what runs, and where") {
  Desk desk;
  auto const said = desk.nnc("--version");
  CHECK(said.status == 0);
  CHECK(std::regex_match(said.out, std::regex("nnc \\d+\\.\\d+\\.\\d+\nLLVM 19\\.\\d+\\.\\d+\n\\S+ on \\S+-\\S+\n")));
  CHECK(desk.nnc("-h").out == desk.nnc("--help").out);
}

TEST_CASE("a program comes from standard input") {
  Desk desk;
  auto said = desk.nnc("- --train mnist --steps 5 <digits.nn");
  CHECK(said.status == 0);
  CHECK(contains(said.out, "test accuracy"));
  said = desk.nnc("- </dev/null");
  CHECK(said.status == 1);
  CHECK(contains(said.err, "<stdin>:1:1: error: the file declares no model"));
}

TEST_CASE("--check-only says what is wrong, and nothing else") {
  Desk desk;
  auto said = desk.nnc("digits.nn --check-only");
  CHECK(said.status == 0);
  CHECK(said.out + said.err == "");
  desk.scratch().write("wrong.nn", "model m { input x: f32[batch, 5]; output y = rellu(x) }");
  said = desk.nnc("wrong.nn --check-only");
  CHECK(said.status == 1);
  CHECK(said.out == "");
  CHECK(contains(said.err, "wrong.nn:1:46: error: unknown function `rellu`"));
  desk.scratch().write("warned.nn", "model m { input x: f32[batch, 5] }");
  said = desk.nnc("warned.nn --check-only");
  CHECK(said.status == 0);
  CHECK(contains(said.err, "warning:"));
  CHECK(desk.nnc("warned.nn --check-only --werror").status == 1);
  CHECK(desk.nnc("digits.nn --check-only --train mnist").status == 2);
}

#endif
