#include "tools/nnc/chronicle.h"

#include "tools/nnc/explain.h"
#include "tools/nnc/output.h"
#include "tools/nnc/paths.h"
#include "tools/nnc/results/figure.h"
#include "tools/nnc/results/report.h"
#include "tools/nnc/results/writers.h"
#include "tools/nnc/summary.h"

#include <algorithm>
#include <filesystem>
#include <fmt/core.h>
#include <fstream>
#include <iterator>
#include <sstream>

namespace command {
namespace {

constexpr std::int64_t shown_outputs = 25; // examples whose outputs are shown after each epoch
constexpr std::size_t worst_shown = 24;
constexpr double seconds_for_worst = 5;

std::string stem_of(std::string const& file) { return std::filesystem::path(file).stem().string(); }

// What the program was read from; nothing where that is no file.
std::string text_of(std::string const& file) {
  std::error_code error;
  if (!std::filesystem::is_regular_file(file, error)) return "";
  std::ifstream in(file, std::ios::binary);
  std::stringstream text;
  text << in.rdbuf();
  return text.str();
}

} // namespace

bool Chronicle::runs(nnc::Program const& program) const {
  return !line_.report.empty() ? program.can_run()
                               : !line_.tensorboard.empty() && picture_grid_refuses(program.outputs()).why.empty();
}

std::int64_t Chronicle::steps_between(nnc::Program const& program, nnc::Data const& data) const {
  if (!wanted()) return 0;
  auto const rows = data.train_examples() - program.validation(data);
  return rows > 0 ? std::max<std::int64_t>(1, rows / program.batch() / 50) : 10; // of a stream nobody knows
}

void Chronicle::begin(nnc::Program const& program, nnc::Data const& data, nnc::Session& session) {
  if (!wanted()) return;
  title_ = fmt::format("{}, {}", program.summary(), data.name());
  program_ = &program;
  session_ = &session;
  data_ = data;
  shows_outputs_ = !line_.tensorboard.empty() && picture_grid_refuses(program.outputs()).why.empty();
  if (line_.tensorboard.empty()) return;
  board_.open(line_.tensorboard);
  board_.text("program", summary_text(program));
}

void Chronicle::step(nnc::Milestone const& milestone) {
  if (!wanted()) return;
  course_.steps.push_back(moment_of(milestone));
  course_.steps.back().tables.clear(); // they are drawn as they are at the ends of epochs
  course_.steps.back().validation_tables.clear();
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
  if (!shows_outputs_) return;
  auto const part = data_->test_examples() > 0         ? nnc::Part::test
                    : program_->validation(*data_) > 0 ? nnc::Part::validation
                                                       : nnc::Part::all;
  try {
    Outputs outputs{session_->run(*data_, part, shown_outputs)};
    for (auto const& array : outputs.arrays)
      if (!array.shape.empty()) outputs.examples = std::max(outputs.examples, std::min(shown_outputs, array.shape[0]));
    board_.picture("outputs", step, pixels(picture_grid_scene(outputs), 1));
  } catch (nnc::Failure const& failure) { // labels out of range, for one
    shows_outputs_ = false;
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

// What goes wrong here is said; the training is done.
void Chronicle::give(std::string const& file, std::function<std::string()> const& content) const {
  if (file.empty()) return;
  try {
    write_output(file, content());
  } catch (nnc::Failure const& failure) {
    failed_(failure.what());
  }
}

std::string Chronicle::page(nnc::Trained const& trained, Stages const& stages) const {
  auto const build = nnc::build();
  Account account{.title = title_,
                  .course = course_,
                  .trained = trained,
                  .digest = session_->digest(),
                  .file = line_.file,
                  .text = text_of(line_.file),
                  .summary = summary_text(*program_),
                  .memory = memory_text(*program_),
                  .overview = program_->overview()};
  account.worst =
      worst_examples(*program_, *session_, *data_, worst_shown, seconds_for_worst, [&] { return !trained.stopped; });
  account.circumstances = {{"program", line_.train_name.empty() ? line_.file : line_.file + ":" + line_.train_name},
                           {"data", data_->summary()},
                           {"threads", std::to_string(session_->threads())},
                           {"nnc", fmt::format("{}, LLVM {}", build.version, build.llvm)},
                           {"machine", fmt::format("{} on {}", build.cpu, build.target)}};
  for (auto const& [name, value] :
       {std::pair{"--seed", line_.seed}, {"--epochs", line_.epochs}, {"--steps", line_.steps}})
    if (value) account.circumstances.emplace_back(name, std::to_string(*value));
  if (!line_.load.empty()) account.circumstances.emplace_back("--load", line_.load);
  for (auto const& time : stages.times()) account.stages.push_back({time.stage, time.milliseconds, time.nodes});
  for (auto const& scalar : program_->scalars())
    account.scalars.push_back({scalar.name, session_->scalar(scalar.name)});
  return report_page(account);
}

void Chronicle::finish(nnc::Trained const& trained, Stages const& stages) {
  give(line_.plot, [&] { return drawn(figure_of({course_}, title_), line_.plot); });
  give(line_.report, [&] { return page(trained, stages); });
}

void plot_logs(Line const& line) {
  Paths const paths(line); // no log is overwritten
  expect_writable(line.output);
  std::vector<Course> all;
  for (auto const& file : line.logs) {
    auto const is_namesake = [&](auto const& other) { return stem_of(other) == stem_of(file); };
    bool const alone = std::ranges::count_if(line.logs, is_namesake) == 1;
    std::ranges::move(courses_of_log(file, alone ? stem_of(file) : file), std::back_inserter(all));
  }
  write_output(line.output, drawn(figure_of(all, ""), line.output));
}

} // namespace command
