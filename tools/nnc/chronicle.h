// What --plot makes of a training: it listens while the training runs, and writes at its end.
#pragma once

#include "nnc/nnc.hpp"
#include "tools/nnc/results/course.h"
#include "tools/nnc/switches.h"

#include <functional>

namespace command {

class Chronicle {
public:
  explicit Chronicle(Line const& line) : line_(line) {}
  bool wanted() const { return !line_.plot.empty(); }
  // Steps between two calls of `step`, some fifty in an epoch; 0: nobody listens.
  std::int64_t steps_between(nnc::Program const&, nnc::Data const&) const;
  void begin(nnc::Program const&, nnc::Data const&);
  void step(nnc::Milestone const& m) { keep(course_.steps, m); }
  void epoch(nnc::Milestone const& m) { keep(course_.epochs, m); }
  void test(nnc::Trained const& trained, nnc::Reports const& reports) { course_.test = moment_of(trained, reports); }
  // `failed` hears of each file that could not be written; the training is not lost with it.
  void finish(std::function<void(std::string const&)> const& failed) const;

private:
  void keep(std::vector<Moment>& moments, nnc::Milestone const& m) const {
    if (wanted()) moments.push_back(moment_of(m));
  }
  Line const& line_;
  Course course_;
  std::string title_;
};

// `nnc plot LOG... -o FILE`: the curves of all trainings of these logs in one drawing. Throws nnc::Failure.
void plot_logs(Line const&);

} // namespace command
