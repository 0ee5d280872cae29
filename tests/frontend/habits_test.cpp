// Walks the table of habits (frontend/habits.def): what somebody writes out of habit is one error, with the help of its
// row, and what stands for it compiles.
#include "frontend/elaborate/builtin.h"
#include "frontend/habits.h"
#include "tests/frontend/program.h"

#include <fmt/core.h>
#include <set>

using namespace nnc;

namespace {

struct Row {
  std::string word, help, place, wrong, right;
};

std::vector<Row> rows() {
  std::vector<Row> out;
  size_t i = 0;
#define NNC_HABIT(kind, word, means, says, place, wrong, right)                                                        \
  out.push_back({word, help_of(habits()[i++]), #place, wrong, right});
#include "frontend/habits.def"
#undef NNC_HABIT
  return out;
}

constexpr char const* model = R"(model m {{
  input x: f32[batch, 784]
  target label: i32[batch]
  n = 3
  c = true
  h = x |> dense(32) |> relu
  logits = dense(h, 10)
{}  loss cross_entropy(logits, label)
}}
train m {{
  minimize loss with adam()
{}}}
)";

std::string program(std::string const& place, std::string const& line) {
  std::string const inside = " " + line + "\n";
  if (place == "file") return line + "\n" + fmt::format(model, "", "");
  if (place == "body") return fmt::format(model, inside, "");
  std::string out = fmt::format(model, "", inside);
  std::string const usual = "  minimize loss with adam()\n";
  if (line.find("minimize") != std::string::npos) out.erase(out.find(usual), usual.size());
  return out;
}

std::vector<Diagnostic> errors_of(std::string const& text, std::string& shown) {
  auto sources = std::make_shared<Sources>();
  auto result = elaborate(sources, sources->add("test.nn", text), {});
  std::erase_if(result.diagnostics, [](auto const& d) { return d.severity != Severity::error; });
  shown = render(result.diagnostics, *sources);
  return result.diagnostics;
}

void check_row(Row const& row) {
  CAPTURE(row.wrong);
  std::string shown;
  auto wrong = errors_of(program(row.place, row.wrong), shown);
  CHECK_MESSAGE(wrong.size() == 1, shown);
  bool helps = !wrong.empty() && wrong.front().help.value_or("").starts_with(row.help);
  CHECK_MESSAGE(helps, shown << "expected the help: " << row.help);
  if (row.right.empty()) return;
  CHECK_MESSAGE(errors_of(program(row.place, row.right), shown).empty(), shown);
}

} // namespace

TEST_CASE("every habit is answered with one error and its help, and what stands for it compiles") {
  CHECK(rows().size() > 200);
  for (auto const& row : rows()) check_row(row);
}

TEST_CASE("a habit stands in the table once, with a help of one line") {
  std::set<std::pair<HabitKind, std::string_view>> seen;
  for (auto const& h : habits()) {
    CAPTURE(h.word);
    CHECK(seen.emplace(h.kind, h.word).second);
    auto help = help_of(h);
    CHECK(help.size() > 8);
    CHECK(help.size() < 120);
    CHECK(help.find('\n') == std::string::npos);
  }
}
