// One drawing of one or several trainings: a panel for each loss and metric, one of the learning rates, and one for
// each table of numbers such as a confusion matrix.
#pragma once

#include "tools/nnc/results/chart.h"
#include "tools/nnc/results/course.h"

namespace command {

std::vector<Chart> charts_of(std::vector<Course> const&);
// Of each training the tables that were measured last, over the test examples if there are any; those of more than two
// axes are left out.
std::vector<Heat> heats_of(std::vector<Course> const&);
Scene scene_of(Heat const&);
Scene figure_of(std::vector<Course> const&, std::string const& title);

} // namespace command
