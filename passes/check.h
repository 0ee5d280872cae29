// Does a pass keep the meaning of a module? Every function is evaluated on random inputs before and after.
#pragma once

#include "ir/module.h"
#include "ir/tensor.h"

#include <map>
#include <optional>
#include <string>

namespace nnc {

// What to draw the inputs of a function from; the same seed gives the same inputs for arguments of equal name and role.
std::vector<Tensor> random_inputs(Module const&, Function const&, u64 seed);

using Results = std::map<std::pair<std::string, Role>, Tensor>; // of one function, by name and role

// Compares a module with the one before it, pass after pass: each is evaluated once.
class Check {
public:
  Check(Module const& first, u64 seed);

  // The first difference to the module before as a sentence ("result loss of @evaluate"), or nothing; this one is then
  // the one before. Functions that only one side has are compared where `assemble_step` made one from the others.
  // `tolerance` 0 means equal bits.
  std::optional<std::string> difference(Module const& after, f64 tolerance);

private:
  std::map<std::string, Results> all_of(Module const&) const;
  std::optional<std::string> first_difference(Module const& after, std::map<std::string, Results> const& now,
                                              f64 tolerance) const;

  u64 seed_;
  Module module_; // the one before, as text too, and what its functions gave
  std::string text_;
  std::map<std::string, Results> known_;
};

} // namespace nnc
