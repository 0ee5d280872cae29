// Values of --set are read as the language reads them.
#include "tests/frontend/program.h"

#include <fmt/core.h>

using namespace nnc;

namespace {

// What a model does with the value of its argument.
std::string given(std::string const& value, std::string const& body, std::string const& initial = "none") {
  Settings settings;
  settings.set = {{"a", value}};
  auto sources = std::make_shared<Sources>();
  u32 file = sources->add("m.nn", fmt::format("model m(a = {}) {{ {}; output y = zeros([1]) }}", initial, body));
  return render(elaborate(sources, file, settings).diagnostics, *sources);
}

} // namespace

TEST_CASE("a value of --set is a number, a word, a string, a constant of the language, or a list of them") {
  CHECK(given("3", "require a + 1 == 4, \"{a}\"") == "");
  CHECK(given("-1", "require a == -1 and a // 1 == -1, \"{a}\"") == "");
  CHECK(given("1_000 * 2 + 1", "require a == 2001, \"{a}\"") == "");
  CHECK(given("true", "require a, \"\"") == "");
  CHECK(given("none", "require a == none, \"\"", "1") == "");
  CHECK(given("same", "require a == \"same\", \"{a}\"") == "");
  CHECK(given("\"a, b\"", "require a == \"a, b\", \"{a}\"") == "");
  CHECK(given("[1, [two, \"3\"], -2.5, true]", "require len(a) == 4 and a[0] == 1 and a[1][0] == \"two\" and a[1][1] "
                                               "== \"3\" and a[2] == -2.5 and a[3], \"\"") == "");
  CHECK(given("[]", "require len(a) == 0, \"\"") == "");
  CHECK(given("f16", "require a == f16, \"\"") == "");
}

TEST_CASE("a float of --set is what nnc prints") {
  for (auto const* value : {"1e-05", "3.4028235e+38", "1e-3", "-inf", "inf", "pi", "0.1"}) {
    Settings settings;
    settings.set = {{"a", value}};
    test::Compiled program("model m(a = 0.0) { output y = zeros([1]) * 0 + a }", settings);
    CHECK(program.result.diagnostics.empty());
  }
}

TEST_CASE("a mistake in a value of --set points into its text") {
  CHECK(given("[1, 2", "") == "Options::set:1:3: error: this `[` is never closed\n  1 | a=[1, 2\n    |   ^\n");
  CHECK(given("1 + / x", "").starts_with("Options::set:1:7: error: expected an expression, found `/`\n"));
  CHECK(given("1 2", "").starts_with("Options::set:1:5: error: expected the end of the expression, found `2`\n"));
  CHECK(given("fast-path", "").starts_with("Options::set:1:3: error: expected a number, true, false, none, a string"));
  CHECK(given("\"{b}\"", "").starts_with("Options::set:1:5: error: expected a number, true"));
  CHECK(given("f(1)", "").starts_with("Options::set:1:3: error: expected a number, true"));
  CHECK(given("", "").starts_with("Options::set:1:3: error: expected an expression, found the end of the value"));
  CHECK(given("\xE2\x80\xAE", "").find("\\u{202e}") != std::string::npos);
  CHECK(given("[1]", "b = zeros([1]) + a", "0.5").find("m.nn:1:") == 0);
}

namespace {

constexpr char const* several_numbers = R"(
const width = 3
const act = relu
model m(hidden = 4, rate = 0.25, f = tanh, first = 1e-3) {
  input x: f32[batch, 2]
  h = x |> dense(width) @lower |> act |> dense(hidden) @upper |> f |> dropout(rate)
  loss mean(h ^ 2)
}
train m {
  minimize loss over "lower.*" with sgd(lr = cosine(first, warmup = 10), momentum = 0.5)
  minimize loss with adam(lr = step_decay(base = 0.5, every = 10), beta1 = 0.5)
  average with ema(decay = 0.75)
  batch = 2 * hidden
  clip_norm = 1
}
)";

std::string problems(std::vector<std::pair<std::string, std::string>> set) {
  auto sources = std::make_shared<Sources>();
  u32 file = sources->add("m.nn", several_numbers);
  Settings settings;
  settings.set = std::move(set);
  return render(elaborate(sources, file, settings).diagnostics, *sources);
}

// "adam.beta1=0.5 ..." and the batch.
std::string numbers(std::vector<std::pair<std::string, std::string>> set) {
  Settings settings;
  settings.set = std::move(set);
  test::Compiled program(several_numbers, settings);
  auto const& training = *program.module().training;
  std::string out = fmt::format("batch={}", training.batch);
  for (auto const& s : training.scalars) out += fmt::format(" {}={}", s.name, s.value);
  return out + "\n" + program.kept();
}

} // namespace

TEST_CASE("every number of a train block has a name, also one inside of a call") {
  CHECK(numbers({}) ==
        "batch=8 adam.beta1=0.5 adam.beta2=0.999 adam.eps=1e-08 adam.lr.base=0.5 adam.lr.factor=0.1 clip_norm=1 "
        "ema.decay=0.75 first=0.001 rate=0.25 sgd.lr.end=0 sgd.momentum=0.5\n"
        "lower.weight: f32[2,3]\nlower.bias: f32[3]\nupper.weight: f32[3,4]\nupper.bias: f32[4]\n");
}

TEST_CASE("--set changes a number by its path, or by the end of it where one alone ends so") {
  CHECK(numbers({{"adam.lr", "0.125"}}).find(" adam.lr=0.125 ") != std::string::npos);
  CHECK(numbers({{"adam.lr", "0.125"}}).find("adam.lr.base") == std::string::npos);
  CHECK(numbers({{"adam.lr.base", "0.25"}}).find(" adam.lr.base=0.25 ") != std::string::npos);
  CHECK(numbers({{"lr.factor", "0.25"}}).find(" adam.lr.factor=0.25 ") != std::string::npos);
  CHECK(problems({{"lr.base", "1"}}).find("it may be `adam.lr.base` or `sgd.lr.base`") != std::string::npos);
  CHECK(numbers({{"end", "1e-6"}}).find(" sgd.lr.end=1e-06 ") != std::string::npos);
  CHECK(numbers({{"decay", "0.5"}}).find(" ema.decay=0.5 ") != std::string::npos);
  CHECK(problems({{"sgd.lr.warmup", "0"}}) == "");
  CHECK(problems({{"sgd.lr.warmup", "-5"}}).find("expected a number of updates") != std::string::npos);
  CHECK(problems({{"lr", "1"}}).find("several numbers are called `lr`\n") != std::string::npos);
  CHECK(problems({{"lr", "1"}}).find("it may be `adam.lr` or `sgd.lr`") != std::string::npos);
  CHECK(problems({{"warmap", "1"}}).find("nothing here is called `warmap`") != std::string::npos);
}

TEST_CASE("--set changes a const, and a function by its name; a train block sees the arguments of its model") {
  CHECK(numbers({{"width", "7"}}).find("lower.weight: f32[2,7]") != std::string::npos);
  CHECK(numbers({{"hidden", "5"}}).starts_with("batch=10 "));
  CHECK(numbers({{"hidden", "5"}, {"batch", "3"}}).starts_with("batch=3 "));
  CHECK(problems({{"act", "gelu"}, {"f", "sigmoid"}}) == "");
  CHECK(problems({{"act", "gleu"}}).find("unknown function `gleu`") != std::string::npos);
  CHECK(problems({{"f", "3"}}).find("cannot be called") != std::string::npos);
}
