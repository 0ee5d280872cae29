#include "tools/nnc/chronicle.h"

#include "tools/nnc/output.h"
#include "tools/nnc/paths.h"
#include "tools/nnc/results/figure.h"
#include "tools/nnc/results/writers.h"
#include "tools/nnc/summary.h"

#include <algorithm>
#include <fmt/core.h>
#include <iterator>

namespace command {
namespace {

constexpr std::int64_t shown_outputs = 25; // examples whose outputs are shown after each epoch

} // namespace

bool Chronicle::runs(nnc::Program const& program) const {
  return !line_.tensorboard.empty() && picture_grid_refuses(program.outputs()).why.empty();
}

std::int64_t Chronicle::steps_between(nnc::Program const& program, nnc::Data const& data) const {
  if (!wanted()) return 0;
  auto const rows = data.train_examples() - program.validation(data);
  return std::max<std::int64_t>(1, rows / program.batch() / 50);
}

void Chronicle::begin(nnc::Program const& program, nnc::Data const& data, nnc::Session& session) {
  title_ = fmt::format("{}, {}", program.summary(), data.name());
  if (line_.tensorboard.empty()) return;
  board_.open(line_.tensorboard);
  board_.text("program", summary_text(program));
  session_ = &session;
  if (!runs(program)) return;
  data_ = data;
  part_ = data.test_examples() > 0       ? nnc::Part::test
          : program.validation(data) > 0 ? nnc::Part::validation
                                         : nnc::Part::all;
}

void Chronicle::step(nnc::Milestone const& milestone) {
  if (!wanted()) return;
  course_.steps.push_back(moment_of(milestone));
  board_.step(course_.steps.back());
  expect_no_trouble();
}

void Chronicle::epoch(nnc::Milestone const& milestone) {
  if (!wanted()) return;
  course_.epochs.push_back(moment_of(milestone));
  board_.epoch(course_.epochs.back());
  show_outputs(milestone.step);
  expect_no_trouble();
}

void Chronicle::show_outputs(std::int64_t step) {
  if (!data_) return;
  try {
    Outputs outputs{session_->run(*data_, part_, shown_outputs)};
    for (auto const& array : outputs.arrays)
      if (!array.shape.empty()) outputs.examples = std::max(outputs.examples, std::min(shown_outputs, array.shape[0]));
    board_.picture("outputs", step, pixels(picture_grid_scene(outputs), 1));
  } catch (nnc::Failure const& failure) { // labels out of range, for one
    data_.reset();
    failed_(failure.what());
  }
}

void Chronicle::expect_no_trouble() {
  if (failed_once_ || board_.trouble().empty()) return;
  failed_once_ = true;
  failed_(fmt::format("error: {}; the training goes on", board_.trouble()));
}

void Chronicle::test(nnc::Trained const& trained, nnc::Reports const& reports) {
  if (!wanted()) return;
  course_.test = moment_of(trained, reports);
  board_.test(*course_.test);
  expect_no_trouble();
}

void Chronicle::finish() {
  if (line_.plot.empty()) return;
  try {
    write_output(line_.plot, drawn(figure_of({course_}, title_), line_.plot));
  } catch (nnc::Failure const& failure) {
    failed_(failure.what());
  }
}

void plot_logs(Line const& line) {
  Paths const paths(line); // no log is overwritten
  expect_writable(line.output);
  std::vector<Course> all;
  for (auto const& file : line.logs) std::ranges::move(courses_of_log(file), std::back_inserter(all));
  write_output(line.output, drawn(figure_of(all, ""), line.output));
}

} // namespace command
