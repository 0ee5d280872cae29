// Programs with words taken out, doubled and exchanged at random: whatever they have become, the frontend answers with
// diagnostics or with a module that verifies, and never with an exception of its own.
#include "frontend/frontend.h"
#include "frontend/lexer.h"

#include <ctime>
#include <doctest/doctest.h>
#include <filesystem>
#include <fmt/core.h>
#include <fstream>
#include <sstream>

using namespace nnc;

namespace {

namespace fs = std::filesystem;

struct Random { // any fixed sequence will do
  u64 state;
  u64 below(u64 n) {
    state = state * 6364136223846793005ULL + 1442695040888963407ULL;
    return (state >> 33) % n;
  }
};

char const* const training = R"(
fn block(x: float[.., n], k = 3) { param w: float[n, k] = he_normal(); h = x @ w; return h |> relu |> layer_norm }
optimizer own(lr = 0.1, nesterov = false) { state m = zeros_like(p); m <- 0.9 * m + g; if nesterov { m <- m * 2 }; p <- p - lr * m }
const width = 3 * 2
model m(hidden = 4, rate = 0.5) {
  input x: f32[batch, 4]
  target label: i32[batch]
  state seen: f32[] = 0
  seen <- seen + 1
  h = block(x, width) |> dropout(rate)
  for i in range(2) { h = block(h, hidden) @"b{i}" }
  logits = if training { dense(h, 3) @head } else { dense(h, 3) @head }
  output probs = softmax(logits)
  loss cross_entropy(logits, label)
  loss other = mean(logits ^ 2)
  metric accuracy(logits, label)
}
train m(rate = 0.25) @one { minimize loss + 0.1 * other over "head.*" with own(); minimize loss with adam(lr = cosine(1e-3, warmup = 3)); batch = 4; clip_norm = 1 }
)";

std::vector<std::string> programs() {
  std::vector<std::string> out{training};
  for (auto const& entry : fs::directory_iterator(fs::path(NNC_SOURCE_DIR) / "tests" / "frontend" / "values")) {
    std::ifstream in(entry.path());
    std::stringstream text;
    text << in.rdbuf();
    out.push_back(text.str());
  }
  std::sort(out.begin(), out.end());
  return out;
}

// The text with a few tokens changed.
std::string mutated(std::string const& text, Random& random) {
  Sources sources;
  auto tokens = lex(sources, sources.add("t", text)).tokens;
  std::string out = text;
  struct Edit {
    u32 begin, length;
    std::string with;
  };
  std::vector<Edit> edits;
  for (u64 n = 1 + random.below(3); n > 0; --n) {
    auto const& victim = tokens[random.below(tokens.size() - 1)];
    auto const& other = tokens[random.below(tokens.size() - 1)];
    std::string with = random.below(3) == 0 ? ""
                       : random.below(2)    ? std::string(other.text) + " " + std::string(victim.text)
                                            : std::string(other.text);
    edits.push_back({victim.offset, static_cast<u32>(victim.text.size()), with});
  }
  std::sort(edits.begin(), edits.end(), [](auto const& a, auto const& b) { return a.begin > b.begin; });
  for (size_t i = 0; i < edits.size(); ++i)
    if (i == 0 || edits[i].begin + edits[i].length <= edits[i - 1].begin)
      out.replace(edits[i].begin, edits[i].length, edits[i].with);
  return out;
}

// What is said about a text: the first message and how many there are.
struct Answer {
  std::string first;
  size_t count = 0;
};
Answer answer_to(std::string const& text) {
  auto sources = std::make_shared<Sources>();
  u32 file = sources->add("t.nn", text);
  auto diagnostics = elaborate(sources, file, {.batch_anywhere = true}).diagnostics;
  return {diagnostics.empty() ? "" : render(diagnostics.front(), *sources), diagnostics.size()};
}

std::string repeated(std::string_view part, int times) {
  std::string out;
  for (int i = 0; i < times; ++i) out += part;
  return out;
}

std::string in_model(std::string const& body) {
  return "model m() {\n  input x: f32[batch, 4]\n" + body + "\n  output out = x\n}\n";
}

std::string long_chain(int length) {
  std::string out = "fn f0(x) { x }\n";
  for (int i = 1; i < length; ++i) out += fmt::format("fn f{}(x) {{ f{}(x) }}\n", i, i - 1);
  return out;
}

} // namespace

TEST_CASE("what is too much is refused at its place, and soon") {
  struct Case {
    char const* what;
    std::string text, expected;
  };
  Case const cases[] = {
      {"a list that doubles", in_model("xs = [1]\nfor i in range(40) { xs = [..xs, ..xs] }"), "t.nn:4:"},
      {"a string that doubles", in_model("s = \"ab\"\nfor i in range(40) { s = \"{s}{s}\" }"),
       "error: the string is longer than 100000 characters"},
      {"lists in lists", in_model("xs = []\nfor i in range(300000) { xs = [xs] }"),
       "error: lists are nested deeper than 500"},
      {"functions in functions", in_model("f = fn() { 1 }\nfor i in range(300000) { f = fn() { f() } }"),
       "error: functions hold functions deeper than 500"},
      {"functions in lists", in_model("f = [1]\nfor i in range(300000) { f = [fn() { f[0] }] }"), "deeper than 500"},
      {"loops around nothing", in_model("for i in range(1000) { for j in range(1000000) { } }"),
       "too much is computed"},
      {"lists in a loop", in_model("for i in range(1000000) { xs = range(1000000) }"), "too much is computed"},
      {"a long list in a loop", in_model("xs = range(1000000)\nfor i in range(1000000) { n = len(xs) }"),
       "too much is computed"},
      {"calls in calls",
       "fn r(n) {\n" + repeated("if true {\n", 90) + "y = r(n + 1)\n" + repeated("}\n", 90) + "return 1\n}\n" +
           in_model("y = r(1)"),
       "error: calls are nested deeper than 100"},
      {"strings in strings", in_model("s = " + repeated("\"{", 3000)), "t.nn:3:6: error: this `{` is never closed"},
      {"strings in strings that are closed", in_model("s = " + repeated("\"{", 3000) + "1" + repeated("}\"", 3000)),
       "error: brackets and blocks are nested too deeply"},
      {"braces in strings", in_model("s = " + repeated("\"{\" ", 3000)), "t.nn:3:"},
      {"open brackets", "model m() { x = " + repeated("(", 100000), "error: this `(` is never closed"},
      {"wrong characters", repeated("$", 100000), "t.nn:1:1: error: `$` has no meaning here"},
      {"long names", "fn " + repeated("a", 60000) + "b() { return 1 }\n" + in_model("y = " + repeated("a", 60000)),
       "error: unknown name `aaa"},
      {"extents", in_model("y = zeros([4000000000, 4000000000, 4])"),
       "t.nn:3:5: error: f32[4000000000, 4000000000, 4] is too large: its bytes are more than 63 bits can count"},
      {"extents of an input", "model m() {\n  input x: f32[batch, 4000000000, 4000000000]\n  output y = x\n}\n",
       "t.nn:2:3: error: f32[batch, 4000000000, 4000000000] is too large"},
      {"extents of a parameter", in_model("param w: f32[4000000000, 4000000000] = zeros()\noutput q = sum(w)"),
       "t.nn:3:"},
      {"more bytes than are read", "# " + repeated("long ", 800'000) + "\n" + in_model(""),
       "t.nn:1:1: error: the text has 4000060 bytes, expected at most 4000000"},
      {"brackets that would need as many again", "model m() { x = " + repeated("[", 300'000),
       "error: brackets and blocks are nested too deeply"},
      {"arguments that double", "fn f(..xs) { f(..xs, ..xs) }\n" + in_model("y = f(x)"), "too much is computed"},
      {"axes", in_model("y = x\nfor i in range(1000) { y = y[none] }"),
       "error: a tensor of 129 axes, expected at most 128"},
      {"calls that nobody repeats", long_chain(120) + in_model("y = f119(x)"),
       "error: calls are nested deeper than 100\n"},
      {"a step beyond the axis", in_model("y = x[:, ::9223372036854775807]\noutput y"), ""},
      {"a batch beyond all rows",
       in_model("param w: f32[4] = zeros()\nloss mean(x @ w)") +
           "train m { minimize loss with sgd(); batch = 9223372036854775807 }\n",
       "error: `batch` is 9223372036854775807, expected at most 2147483647"},
  };
  for (auto const& c : cases) {
    CAPTURE(std::string(c.what));
    auto answer = answer_to(c.text);
    CAPTURE(answer.first.substr(0, 300));
    CHECK(answer.first.find(c.expected) != std::string::npos);
    CHECK(answer.first.size() < 200'000);
    CHECK(answer.count <= 200);
    if (c.expected.empty()) CHECK(answer.first == "");
    CHECK((c.expected.empty() || answer.first.starts_with("t.nn:")));
  }
}

// Of the processor, not of the clock on the wall: other tests run beside this one.
f64 seconds_of(std::string const& text, size_t mistakes = 0) {
  auto const start = std::clock();
  CHECK(answer_to(text).count == mistakes);
  return static_cast<f64>(std::clock() - start) / CLOCKS_PER_SEC;
}

TEST_CASE("eight times as many metrics take about eight times as long") { // not 64 times
  auto const metrics = [](int count) {
    return fmt::format("model m() {{\n  input x: f32[batch, 4]\n  loss mean(dense(x, 1))\n"
                       "  for i in range({}) {{ metric \"a_{{i}}\" = mean(x) }}\n}}\n",
                       count);
  };
  CHECK(seconds_of(metrics(64'000)) < 24 * seconds_of(metrics(8'000)) + 0.1);
}

TEST_CASE("eight times as many unknown names take about eight times as long") {
  auto const names = [](int count) {
    std::string body;
    for (int i = 0; i < count; ++i) body += fmt::format("  known{0} = x\n  y = unknown{0} + {0}\n", i);
    return in_model(body);
  };
  CHECK(seconds_of(names(16'000), 16'000) < 24 * seconds_of(names(2'000), 2'000) + 0.1);
}

TEST_CASE("a pattern of many stars is matched in no time") {
  std::string name = repeated("a", 60);
  std::string text = "fn f(x) { param " + name + ": f32[4] = zeros(); return x @ " + name + " }\n" +
                     "model m() {\n  input x: f32[batch, 4]\n  loss mean(f(x))\n}\ntrain m { minimize loss over \"";
  CHECK(answer_to(text + repeated("*a", 25) + "*b\" with sgd() }\n").first.find("matches no parameter") !=
        std::string::npos);
  for (std::string const& pattern : std::vector<std::string>{"*", "f.*", "*.a*", "f*a*aa", "**", "f." + name})
    CHECK(answer_to(text + pattern + "\" with sgd() }\n").first == "");
  for (std::string const& pattern : std::vector<std::string>{"", "f", "f.*b", "*f", "aa*", "f." + name + "*a"})
    CHECK(answer_to(text + pattern + "\" with sgd() }\n").first != "");
}

TEST_CASE("what is no UTF-8 is refused at the first byte that is none") {
  auto in_string = [](std::string const& bytes) { return answer_to("model m() {\n  s = \"" + bytes + "\"\n}\n"); };
  for (std::string bytes : {"\xff", "\xc0\x80", "\xe2\x82", "\xed\xa0\x80", "\xf4\x90\x80\x80", "\x80"}) {
    auto answer = in_string(bytes);
    CHECK(answer.first.starts_with(fmt::format("t.nn:2:8: error: expected UTF-8, found the byte \\x{:02x}\n",
                                               static_cast<unsigned char>(bytes[0]))));
    CHECK(answer.count == 1);
  }
  CHECK(in_string(std::string(1, '\0')).first.starts_with("t.nn:2:8: error: expected UTF-8, found the byte \\x00\n"));
  for (std::string bytes : {"\xc3\xa4", "\xe2\x82\xac", "\xf0\x9f\x98\x80", "\xed\x9f\xbf"})
    CHECK(in_string(bytes).first.find("UTF-8") == std::string::npos);
  CHECK(answer_to("\xEF\xBB\xBF" + in_model("")).first == ""); // a byte order mark
}

TEST_CASE("a long chain of functions behind a tag is not followed to its end") {
  std::string text = "fn f0(x) { x }\n";
  for (int i = 1; i <= 20'000; ++i) text += "fn f" + std::to_string(i) + "(x) { f" + std::to_string(i - 1) + "(x) }\n";
  auto sources = std::make_shared<Sources>();
  u32 file = sources->add("t.nn", text + "fn g(x) { h(x) }\nfn h(x) { if x == 1 { g(2) }; x }\n"
                                         "model m { y = g(3) @tag; z = f20000(1) @tag; output o = zeros([1]) }\n");
  auto const said = render(elaborate(sources, file).diagnostics, *sources);
  CHECK(said.find("calls are nested deeper than 100") != std::string::npos);
  CHECK(said.find("does nothing") == std::string::npos);
}

TEST_CASE("of unknown names in functions that nobody calls the first hundred are looked at") {
  std::string text = "model m { output y = zeros([1]) }\n";
  for (int i = 0; i < 20'000; ++i)
    text += "fn f" + std::to_string(i) + "(a, b) { a + b * unknown" + std::to_string(i) + " }\n";
  auto sources = std::make_shared<Sources>();
  u32 file = sources->add("t.nn", text);
  CHECK(elaborate(sources, file).diagnostics.size() == 100);
}

TEST_CASE("no program makes the frontend fall over") {
  int accepted = 0, refused = 0;
  Random random{42};
  auto all = programs();
  int rounds = 600;
  for (int i = 0; i < rounds; ++i) {
    std::string text = mutated(all[random.below(all.size())], random);
    auto sources = std::make_shared<Sources>();
    u32 file = sources->add("mutated.nn", text);
    CAPTURE(text);
    Elaborated result;
    REQUIRE_NOTHROW(result = elaborate(sources, file, {.batch_anywhere = true}));
    (has_errors(result.diagnostics) ? refused : accepted) += 1;
    for (auto const& d : result.diagnostics) {
      CHECK(!d.message.empty());
      CHECK(!render(d, *sources).empty());
    }
  }
  CHECK(accepted > 10);
  CHECK(refused > 100);
}
