// A folder for TensorBoard: a run each for the training, the validation split and the test, so that their curves lie
// over each other.
//
//   train        loss, accuracy, ... at steps; epoch/loss, ... over whole epochs; rate/adam.lr; pictures; the program
//   validation   loss, accuracy, ... and tables such as a confusion matrix at the ends of epochs
//   test         the same, once
#pragma once

#include "tools/nnc/results/course.h"
#include "tools/nnc/results/events.h"

namespace command {

class Board {
public:
  void open(std::string const& folder); // throws nnc::Failure
  bool is_open() const { return train_.is_open(); }
  void text(std::string const& tag, std::string const& words); // as it is
  void picture(std::string const& tag, std::int64_t step, Picture const&);
  void step(Moment const&);
  void epoch(Moment const&);
  void test(Moment const&);
  std::string const& trouble() const { return trouble_; } // the first that there was; empty: none

private:
  Events& run(Events&, char const* name);
  void scalars(Events&, std::string const& prefix, std::int64_t step, std::vector<nnc::Number> const&);
  void tables(Events&, Course const&);
  void note(Events const&, bool good);
  Events train_, validation_, test_;
  std::string folder_, trouble_;
};

} // namespace command
