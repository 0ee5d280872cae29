// Does a pass keep the meaning of a module? Every function is evaluated on random inputs before and after.
#pragma once

#include "ir/module.h"
#include "ir/tensor.h"

#include <optional>
#include <string>

namespace nnc {

// What to draw the inputs of a function from; the same seed gives the same inputs for arguments of equal name and role.
std::vector<Tensor> random_inputs(Module const&, Function const&, u64 seed);

// The first difference as a sentence ("result loss of @evaluate"), or nothing. Functions that only one side has are
// compared where `assemble_step` made one from the others. `tolerance` 0 means equal bits.
std::optional<std::string> difference(Module const& before, Module const& after, f64 tolerance, u64 seed);

} // namespace nnc
