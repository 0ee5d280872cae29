// The limit of nodes holds whatever makes them, and the error stands at what the user wrote.
#include "nnc/nnc.hpp"

#include <doctest/doctest.h>
#include <fmt/core.h>

#include <algorithm>

using namespace nnc;

namespace {

std::string repeated(std::string const& text, int times) {
  std::string all;
  for (int i = 0; i < times; ++i) all += text;
  return all;
}

std::string model(std::string const& body) { return "model m() {\n  x = full([], 0.5)\n" + body + "}\n"; }

// g1 = grad(f, x), g2 = grad(g1, x), ... each on a line of its own.
std::string derivatives(int count, char const* next) {
  std::string body = "  g0 = tanh(x)\n";
  for (int i = 1; i <= count; ++i) body += fmt::format(fmt::runtime("  g{0} = " + std::string(next) + "\n"), i, i - 1);
  return model(body + fmt::format("  output y = g{}\n", count));
}

Problem refused(std::string const& text, std::int64_t most) {
  Options options;
  options.max_nodes = most;
  try {
    auto const program = Program::from_text(text, options);
    FAIL("it is not refused: ", text);
  } catch (Failure const& failure) {
    REQUIRE(failure.problems.size() == 1);
    CHECK(failure.code != Code::bug);
    return failure.problems.front();
  }
  return {};
}

struct Grown {
  std::string text;
  std::vector<std::string> at; // what the line of the error may be
};

std::string line_of(std::string const& text, unsigned number) {
  size_t start = 0;
  for (unsigned i = 1; i < number; ++i) start = text.find('\n', start) + 1;
  return text.substr(start, text.find('\n', start) - start);
}

} // namespace

TEST_CASE("whatever grows without an end is refused where it stands") {
  constexpr int deep = 100;
  Grown const programs[] = {
      {derivatives(30, "grad(g{1}, x)"), {"= grad("}},
      {derivatives(deep, "grad(g{1}, x)"), {"= grad("}},
      {derivatives(deep, "grad(sum(g{1} * g{1}), x)"), {"= grad("}},
      {model("  y = " + repeated("grad(", deep) + "tanh(x)" + repeated(", x)", deep) + "\n  output z = y\n"),
       {"grad("}},
      {"fn slope(f, n) {\n  if n == 0 { return f }\n  fn(x) { grad(slope(f, n - 1)(x), x) }\n}\n" +
           model("  output y = slope(fn(x) { tanh(x) }, 30)(x)\n"),
       {"grad("}},
      {"model wide() {\n  input x: f32[batch, 4]\n  y = x\n  for i in range(30000) { y = tanh(y) }\n  output z = "
       "y\n}\n",
       {"tanh(y)"}},
      {"fn twice(f) { fn(x) { f(f(x)) } }\nmodel m() {\n  input x: f32[batch, 4]\n  f = fn(x) { tanh(x) }\n"
       "  for i in range(30) { f = twice(f) }\n  output y = f(x)\n}\n",
       {"f(f(x))", "tanh(x)"}},
  };
  for (auto const& [text, at] : programs) {
    CAPTURE(text);
    auto const problem = refused(text, 20'000);
    CHECK(problem.message == "the program grows to more than 20000 nodes");
    CHECK(problem.help == "Options::max_nodes allows more");
    REQUIRE(problem.at.line > 0);
    auto const line = line_of(text, static_cast<unsigned>(problem.at.line));
    CHECK(std::any_of(at.begin(), at.end(), [&](auto const& part) { return line.find(part) != std::string::npos; }));
  }
}

TEST_CASE("thirty derivatives of what stays small are no trouble") {
  for (char const* f : {"exp(x)", "x ^ 3", "sin(x)", "x * x * x * x", "1 / (1 + x)", "log(x)"}) {
    CAPTURE(f);
    Options options;
    options.max_nodes = 100'000'000;
    auto const text =
        model(fmt::format("  y = {}{}{}\n  output z = y\n", repeated("grad(", 6), f, repeated(", x)", 6)));
    CHECK(Program::from_text(text, options).can_run());
  }
}

// Walks the pipeline: the largest number of nodes that any pass leaves is refused when one less is allowed.
TEST_CASE("every pass counts what it makes") {
  std::string const text = "model m() {\n  input x: f32[batch, 4]\n  target label: i32[batch]\n"
                           "  y = x |> dense(8) |> relu |> dense(3)\n  loss cross_entropy(y, label)\n}\n"
                           "train m { minimize loss with adam(lr = 0.1); batch = 4; epochs = 1 }\n";
  std::vector<std::pair<std::string, size_t>> after;
  Options options;
  options.on_time = [&](std::string const& stage, double, size_t nodes) { after.emplace_back(stage, nodes); };
  Program::from_text(text, options);
  REQUIRE(after.size() > 10);
  for (auto const& [stage, nodes] : after) {
    CAPTURE(stage);
    auto const problem = refused(text, static_cast<std::int64_t>(nodes) - 1);
    CHECK(problem.at.line > 0);
  }
}
