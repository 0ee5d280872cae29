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
