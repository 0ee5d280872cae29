// Finds a literal of a function by its dtype and bits, so that equal ones are one value. Keeps up with values that
// others add; values that are renumbered behind its back are noticed and read again.
#pragma once

#include "ir/module.h"

#include <unordered_map>

namespace nnc {

class Literals {
public:
  // The literal with these bits: a known one, or a new one that is said to stand at `at`.
  ValueId value(Function&, DType, Scalar, Location at);

private:
  static u64 hash(DType, Scalar);
  void read_on(Function const&);
  std::unordered_multimap<u64, ValueId> known_;
  size_t read_ = 0; // values below this one are in `known_` if they are literals
};

} // namespace nnc
