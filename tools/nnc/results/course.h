// The course of a training in numbers, as its milestones tell it or its log.
#pragma once

#include "nnc/nnc.hpp"

#include <optional>
#include <string>
#include <vector>

namespace command {

// Losses and metrics at a step: means since the moment before, and over the validation split.
struct Moment {
  std::int64_t step = 0, epoch = 0;
  std::vector<nnc::Number> values, validation, rates;
  std::vector<nnc::Table> tables, validation_tables;
};

struct Course {
  std::string name;           // the file of the log, or nothing
  std::vector<Moment> epochs; // their ends, and that of the training
  std::vector<Moment> steps;  // more often, where that is known
  std::optional<Moment> test; // its values and tables
  bool empty() const { return epochs.empty() && steps.empty(); }
  Moment const* last() const { return !epochs.empty() ? &epochs.back() : steps.empty() ? nullptr : &steps.back(); }
};

Moment moment_of(nnc::Milestone const&);
Moment moment_of(nnc::Trained const&, nnc::Reports const&); // of a test

// The trainings of a file that --log wrote, which appends. One that was resumed goes on with the one before; where the
// step goes back a new one begins. The first has this name, the others a number behind it. Throws nnc::Failure, with
// the line at fault.
std::vector<Course> courses_of_log(std::string const& file, std::string const& name);

} // namespace command
