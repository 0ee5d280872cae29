// What `nnc --data-info DATA` says of a data set.
#pragma once

#include "tools/nnc/switches.h"

#include <string>

namespace command {

std::string data_info_text(Line const&); // throws nnc::Failure

// The words of a data set, and behind them what --split says.
std::string with_split(std::string const& words, Line const&);

} // namespace command
