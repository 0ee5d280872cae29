// What --explain says of a program.
#pragma once

#include "nnc/nnc.hpp"

#include <string>
#include <vector>

namespace command {

// Which numbers the code is made for, and what needs them.
std::string constants_text(nnc::Program const&);
// What is in memory while a batch is trained, the largest first.
std::string memory_text(nnc::Program const&);
// Why a value, or a kernel that is called after it, is not one with what reads it and what it reads. `trace`: what the
// passes said. Throws nnc::Failure for a name that no kernel has.
std::string fusion_text(std::string const& name, std::vector<std::string> const& trace);

} // namespace command
