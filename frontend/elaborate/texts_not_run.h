// Names that mean nothing, in texts that nothing runs: functions and optimizers that nobody calls, branches that are
// not taken, models that were not chosen.
#pragma once

#include "frontend/elaborate/elaborator.h"

namespace nnc::front {

// What is unknown where something ran has been reported there, and is not said twice.
void check_names(Elaborator&);

} // namespace nnc::front
