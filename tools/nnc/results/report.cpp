#include "tools/nnc/results/report.h"

#include "tools/nnc/results/figure.h"
#include "tools/nnc/results/page.h"
#include "tools/nnc/screen.h"

#include <algorithm>
#include <fmt/core.h>

namespace command {
namespace {

using Rows = std::vector<std::vector<std::string>>;

std::string of(std::vector<nnc::Number> const& numbers, std::string const& name) {
  for (auto const& number : numbers)
    if (number.name == name) return number_text(number.value);
  return "";
}

void add_numbers(Page& page, Account const& account) {
  auto const& course = account.course;
  auto const* const last = course.last();
  if (!last) return page.paragraph("Nothing was trained.");
  Rows rows;
  for (auto const& number : last->values)
    rows.push_back({number.name, number_text(number.value), of(last->validation, number.name),
                    course.test ? of(course.test->values, number.name) : ""});
  page.table({"", "training, last epoch", "validation", "test"}, rows);
  auto const& t = account.trained;
  page.paragraph(fmt::format("{} updates in {} epochs over {} examples, in {:.1f} seconds.", grouped(t.step),
                             grouped(t.epoch), grouped(t.examples), t.seconds));
  if (t.stopped) page.paragraph(fmt::format("The training was interrupted after step {}.", t.step));
  if (t.bad_step) page.paragraph(fmt::format("The loss was not finite in step {}.", t.bad_step));
  if (!t.not_finite.empty()) page.paragraph("At the end " + t.not_finite + ".");
  if (t.best_epoch > 0)
    page.paragraph(fmt::format("The best epoch was {} ({}).", t.best_epoch, number_text(t.best_value)));
}

void add_worst(Page& page, Worst const& worst) {
  page.heading("Worst examples");
  if (worst.examples.empty()) return page.paragraph("There are none to be shown: " + worst.why_not);
  page.paragraph(fmt::format("The largest {} of {} {} examples{}, each evaluated by itself.", worst.loss,
                             grouped(worst.looked_at), worst.split,
                             worst.looked_at < worst.of ? fmt::format(", the first of {}", grouped(worst.of)) : ""));
  std::vector<Page::Card> cards;
  for (auto const& example : worst.examples) {
    Page::Card card;
    for (auto const& [name, picture] : example.pictures) card.pictures.push_back(picture);
    card.lines.push_back(fmt::format("{} {}", worst.loss, number_text(example.loss)));
    if (!example.label.empty()) card.lines.push_back("label " + example.label);
    if (!example.guess.empty()) card.lines.push_back("guess " + example.guess);
    for (auto const& [name, text] : example.texts) card.lines.push_back(fmt::format("{} {}", name, text));
    card.lines.push_back(fmt::format("example {}", example.number));
    cards.push_back(std::move(card));
  }
  page.cards(cards);
}

void add_settings(Page& page, Account const& account) {
  page.heading("Settings");
  Rows rows;
  for (auto const& [name, value] : account.circumstances) rows.push_back({name, value});
  for (auto const& number : account.scalars) rows.push_back({number.name, fmt::format("{}", number.value)});
  for (auto const& [name, value] : account.overview.settings) rows.push_back({name, value});
  rows.push_back({"digest of the weights", account.digest});
  page.table({}, rows);
}

void add_compilation(Page& page, Account const& account) {
  if (account.stages.empty()) return;
  page.heading("Compilation");
  Rows rows;
  double total = 0;
  for (auto const& stage : account.stages) {
    rows.push_back(
        {stage.name, fmt::format("{:.2f}", stage.milliseconds), grouped(static_cast<std::int64_t>(stage.nodes))});
    total += stage.milliseconds;
  }
  rows.push_back({"all", fmt::format("{:.2f}", total), ""});
  page.table({"stage", "milliseconds", "nodes after it"}, rows);
}

} // namespace

std::string report_page(Account const& account) {
  Page page(account.title);
  add_numbers(page, account);
  if (!account.course.empty()) {
    page.heading("Curves");
    page.drawing(figure_of({account.course}, ""));
  }
  add_worst(page, account.worst);
  page.heading("Model");
  page.words(account.summary);
  if (!account.text.empty()) page.folded(account.file, account.text);
  page.heading("Memory");
  page.words(account.memory);
  add_compilation(page, account);
  add_settings(page, account);
  return page.html();
}

} // namespace command
