// What the name of a file promises about its content.
#pragma once

#include "tools/nnc/switches.h"

namespace command {

// Refuses, for the files that are written, the endings of formats that nnc does not write. Throws Mistake.
void check_formats(Line const&);

} // namespace command
