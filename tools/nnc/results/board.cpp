#include "tools/nnc/results/board.h"

#include "tools/nnc/results/figure.h"

namespace command {

void Board::open(std::string const& folder) {
  folder_ = folder;
  train_.open(folder + "/train");
}

// Runs of which nothing is known get no folder.
Events& Board::run(Events& events, char const* name) {
  if (events.is_open()) return events;
  try {
    events.open(folder_ + "/" + name);
  } catch (nnc::Failure const& failure) {
    if (trouble_.empty()) trouble_ = std::string(failure.what()).substr(std::string_view("error: ").size());
  }
  return events;
}

void Board::note(Events const& events, bool good) {
  if (!good && trouble_.empty()) trouble_ = events.trouble();
}

void Board::scalars(Events& events, std::string const& prefix, std::int64_t step,
                    std::vector<nnc::Number> const& numbers) {
  for (auto const& number : numbers)
    if (events.is_open()) note(events, events.scalar(prefix + number.name, step, number.value));
}

void Board::tables(Events& events, Course const& course) {
  for (auto const& heat : heats_of({course}))
    if (events.is_open()) {
      auto const name = heat.title.substr(0, heat.title.rfind(", "));
      note(events,
           events.picture(name, course.test ? course.test->step : course.last()->step, pixels(scene_of(heat), 1)));
    }
}

// Four blanks in front of a line keep its letters as they are in Markdown.
void Board::text(std::string const& tag, std::string const& words) {
  if (!is_open()) return;
  std::string markdown = "    ";
  for (char const c : words) markdown += c == '\n' ? "\n    " : std::string(1, c);
  note(train_, train_.text(tag, 0, markdown));
}

void Board::picture(std::string const& tag, std::int64_t step, Picture const& picture) {
  if (is_open()) note(train_, train_.picture(tag, step, picture));
}

void Board::step(Moment const& moment) {
  if (!is_open()) return;
  scalars(train_, "", moment.step, moment.values);
  scalars(train_, "rate/", moment.step, moment.rates);
}

void Board::epoch(Moment const& moment) {
  if (!is_open()) return;
  scalars(train_, "epoch/", moment.step, moment.values);
  Course course;
  course.epochs.push_back(moment);
  if (moment.validation.empty() && moment.validation_tables.empty()) return tables(train_, course);
  auto& events = run(validation_, "validation");
  scalars(events, "", moment.step, moment.validation);
  tables(events, course);
}

void Board::test(Moment const& moment) {
  if (!is_open()) return;
  auto& events = run(test_, "test");
  scalars(events, "", moment.step, moment.values);
  Course course;
  course.test = moment;
  tables(events, course);
}

} // namespace command
