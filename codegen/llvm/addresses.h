// Sums of indices, taken apart by where they change: what a loop does not change is added to an address once, in front
// of the loop. (LLVM's loop strength reduction does as much, and takes a quarter of the time of a compilation.)
#pragma once

#include "codegen/loops/loops.h"

#include <optional>

namespace nnc {

// The terms of an index, as seen from inside of `depth` loops around an instruction.
struct IndexTerms {
  std::vector<Ref> fixed;  // the innermost of these loops does not change them
  std::vector<Ref> moving; // it does
  i64 offset = 0;
};

class IndexDepths {
public:
  explicit IndexDepths(Loops const&);
  IndexTerms terms(Ref index, int depth) const;

private:
  void walk(std::vector<Ref> const& list, int depth);
  void split(Ref index, int depth, IndexTerms&) const;
  Loops const& loops_;
  std::vector<int> depths_; // per instruction, how many loops there are around it
};

} // namespace nnc
