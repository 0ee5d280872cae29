// What a training sets before its first step: statistics of its data, in the states that ask for them (ir/module.h,
// Statistic).
#pragma once

#include "runtime/walk.h"

namespace nnc {

// Of the rows of the section; `set` knows what was missing. Sums are of f64, in the order of the rows, so the numbers
// are the same for any number of threads.
void set_statistics(SessionState&, Section const&, Dataset const& set);

} // namespace nnc
