// The jobs of a command line, one after the other.
#pragma once

#include "nnc/nnc.hpp"
#include "tools/nnc/screen.h"
#include "tools/nnc/switches.h"

namespace command {

// Exit statuses of the command; 128 and the number of the signal for a training that one has ended.
enum Status { done = 0, wrong = 1, misused = 2, bug = 3, signalled = 128 };

// Does everything that the line asks for; throws nnc::Failure, and Mistake for files that clash. `tested` gets what the
// test behind a training measures.
Status run_jobs(Line const&, Screen&, nnc::Reports* tested = nullptr);

} // namespace command
