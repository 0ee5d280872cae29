// What --explain says of a program.
#pragma once

#include "nnc/nnc.hpp"

#include <string>

namespace command {

// Which numbers the code is made for, and what needs them.
std::string constants_text(nnc::Program const&);

} // namespace command
