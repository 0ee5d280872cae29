// What the name of a file promises about its content.
#pragma once

#include "tools/nnc/switches.h"

namespace command {

// Is this the name of a drawing, *.svg or *.png?
void expect_drawing(char const* option, std::string const& file); // throws Mistake
// Refuses, for the files that are written, the endings of formats that nnc does not write. Throws Mistake.
void check_formats(Line const&);

} // namespace command
