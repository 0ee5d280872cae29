// What --plot, --tensorboard and --report make of a training: it listens while the training runs. A file that cannot be
// written then costs that file alone.
#pragma once

#include "nnc/nnc.hpp"
#include "tools/nnc/results/board.h"
#include "tools/nnc/results/course.h"
#include "tools/nnc/stages.h"
#include "tools/nnc/switches.h"

#include <functional>
#include <optional>

namespace command {

class Chronicle {
public:
  // `failed` hears of each file that could not be written.
  Chronicle(Line const& line, std::function<void(std::string const&)> failed)
      : line_(line), failed_(std::move(failed)) {}
  bool wanted() const { return !line_.plot.empty() || !line_.tensorboard.empty() || !line_.report.empty(); }
  // Are outputs computed while the training runs?
  bool runs(nnc::Program const&) const;
  // Steps between two calls of `step`, some fifty in an epoch; 0: nobody listens.
  std::int64_t steps_between(nnc::Program const&, nnc::Data const&) const;
  // Before the training, of which it must hear all. Throws nnc::Failure where something cannot be written.
  void begin(nnc::Program const&, nnc::Data const&, nnc::Session&);
  void step(nnc::Milestone const&);
  void epoch(nnc::Milestone const&);
  void test(nnc::Trained const&, nnc::Reports const&);
  void finish(nnc::Trained const&, Stages const&);

private:
  void give(std::string const& file, std::function<std::string()> const& content) const;
  std::string page(nnc::Trained const&, Stages const&) const;
  void show_outputs(std::int64_t step);
  void expect_no_trouble();
  Line const& line_;
  std::function<void(std::string const&)> failed_;
  Course course_;
  Board board_;
  bool failed_once_ = false; // the board
  std::string title_;
  nnc::Program const* program_ = nullptr;
  nnc::Session* session_ = nullptr;
  std::optional<nnc::Data> data_;
  bool shows_outputs_ = false; // as pictures
};

// `nnc plot LOG... -o FILE`: the curves of all trainings of these logs in one drawing. Throws nnc::Failure.
void plot_logs(Line const&);

} // namespace command
