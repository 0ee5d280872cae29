// Specialising a module: a symbol becomes a number everywhere. The same pipeline then compiles for that batch alone.
#pragma once

#include "ir/module.h"

namespace nnc {

// Writes the number into every type, attribute and slot, and into Module::bindings.
Module bind(Module, Symbol, i64 value);

// False when the symbol stands anywhere but in the outermost extent of a value: such a module is compiled for each
// batch.
bool only_outermost(Function const&, Symbol);

} // namespace nnc
