// What `nnc FILE` says of a program when it has no job to do.
#pragma once

#include "nnc/nnc.hpp"

#include <string>

namespace command {

std::string summary_text(nnc::Program const&);
// Of a file with several train blocks, or several models and no train block; empty: there is nothing to choose.
std::string choices_text(std::string const& file, std::vector<nnc::Choice> const&);

std::string bytes_text(std::int64_t bytes); // "31.4 kB"

} // namespace command
