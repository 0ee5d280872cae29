// Weights from a file of somebody else: rules change their names and their layout, floats are widened, and whatever
// does not fit is told at once.
#pragma once

#include "runtime/checkpoint.h"

namespace nnc {

// Renames parameters and states by rules, see LoadOptions::rename; the average of a parameter goes where the parameter
// goes, unless a rule names the average. Throws Error for a rule that is none, one that
// nothing is left for, and two tensors of one name.
Checkpoint renamed(Checkpoint, std::vector<std::string> const& rules, std::string const& from);

// A tensor of the program.
struct Wanted {
  std::string name;
  DType dtype;
  std::vector<i64> shape;
};

// The tensors of a file that are wanted, in their order and types: f16 and bf16 become f32 or f64, f32 becomes f64,
// which changes no value. `surplus` are those that the program does not know. Throws Error, which lists all that is
// missing, surplus or of another type.
std::vector<NamedTensor> fitted(std::vector<Wanted> const&, std::vector<NamedTensor> const& given,
                                std::vector<NamedTensor> const& surplus, std::string const& from);

} // namespace nnc
