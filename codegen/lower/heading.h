// What people read above the code of a kernel.
#pragma once

#include "codegen/lower/storage.h"

#include <map>

namespace nnc {

// "pointwise of f32, div: mlp.nn:6", then what it reads and what it writes, each tensor with its place: "slot(1) %h:
// f32[batch,512]".
std::vector<std::string> heading(Storage const&, Node const& kernel, Sources const&);

using Headings = std::map<std::string, std::vector<std::string>>; // by the name of a kernel's code
// The headings as comments in a text of LLVM: below the labels of assembly, or above the definitions of IR.
std::string with_headings(std::string_view text, Headings const&, std::string_view comment);

} // namespace nnc
