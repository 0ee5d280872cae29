// The jobs of a command line, one after the other.
#pragma once

#include "tools/nnc/screen.h"
#include "tools/nnc/switches.h"

namespace command {

// Exit statuses of the command.
enum Status { done = 0, wrong = 1, misused = 2, bug = 3, interrupted = 130 };

// Does everything that the line asks for; throws nnc::Failure.
Status run_jobs(Line const&, Screen&);

} // namespace command
