#include "tools/nnc/chronicle.h"

#include "tools/nnc/output.h"
#include "tools/nnc/paths.h"
#include "tools/nnc/results/figure.h"

#include <algorithm>
#include <fmt/core.h>
#include <iterator>

namespace command {

std::int64_t Chronicle::steps_between(nnc::Program const& program, nnc::Data const& data) const {
  if (!wanted()) return 0;
  auto const rows = data.train_examples() - program.validation(data);
  return std::max<std::int64_t>(1, rows / program.batch() / 50);
}

void Chronicle::begin(nnc::Program const& program, nnc::Data const& data) {
  title_ = fmt::format("{}, {}", program.summary(), data.name());
}

void Chronicle::finish(std::function<void(std::string const&)> const& failed) const {
  if (!wanted()) return;
  try {
    write_output(line_.plot, drawn(figure_of({course_}, title_), line_.plot));
  } catch (nnc::Failure const& failure) {
    failed(failure.what());
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
