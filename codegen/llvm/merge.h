// Objects that were made side by side become one, as `ld -r` would do it.
#pragma once

#include "ir/basic.h"

#include <llvm/ADT/SmallVector.h>

#include <string>
#include <vector>

namespace nnc {

// Relocatable ELF files of one machine. Symbols that one part defines and another one uses are joined; symbols that are
// hidden from other modules become local. Throws CompilerBug when a symbol stays undefined.
std::vector<u8> merge_objects(std::vector<llvm::SmallVector<char, 0>> const& parts);

// The undefined symbols of a relocatable ELF file, for tests.
std::vector<std::string> undefined_symbols(std::vector<u8> const& object);

} // namespace nnc
