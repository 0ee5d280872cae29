// What must hold of the numbers that only tune.
#pragma once

#include "ir/module.h"

#include <map>
#include <string>

namespace nnc {

// Throws Error with the message of every condition of @require that these values break.
void check_ranges(Module const&, std::map<std::string, f64, std::less<>> const& scalars);

} // namespace nnc
