// Which inputs of a program are used as indices, and how far they may go: so that a label out of range is reported with
// its column and its example, before training starts. (The compiled code clamps and counts whatever comes.)
#pragma once

#include "ir/module.h"
#include "runtime/tensor.h"

#include <vector>

namespace nnc {

struct IndexLimit {
  std::string input;
  i64 count = 0; // the indices 0 .. count-1 exist
  Location at;   // where the input is used as an index
};

// The tightest limit for every input or target that reaches the indices of a gather without arithmetic.
// `elaborated` is a module as the frontend makes it.
std::vector<IndexLimit> index_limits(Module const& elaborated);

// Throws Error for the first of the examples [first, first + examples) of `column` that has an index out of range.
// Its words begin with `where`.
void check_indices(IndexLimit const&, HostTensor const& column, i64 first, i64 examples, std::string const& column_name,
                   std::string const& where = {});

} // namespace nnc
