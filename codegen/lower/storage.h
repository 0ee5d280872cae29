// Where the values of one function live while its kernels run, as `plan_memory` has decided, and how symbolic extents
// become numbers at run time.
#pragma once

#include "codegen/loops/builder.h"
#include "codegen/lower/frame.h"

namespace nnc {

struct Storage {
  explicit Storage(Function const&);
  Function const& function;
  Frame frame;
  std::vector<ValueId> root;                       // by value: whose bytes it has, see ir/memory.h
  std::vector<bool> numbers;                       // by value: it is in no buffer, see ir/memory.h
  std::vector<std::optional<Place>> places;        // by value: of arguments and results of kernels, and their reshapes
  std::vector<i64> argument_number, scalar_number; // by root; -1: none
  std::optional<Role> role(ValueId) const;         // of an argument or a reshape of it

private:
  void find_places(std::vector<Node> const&);
  void places_of_scope(Node const&);
};

// c[0] + c[1] * batch + c[2] * batch^2, or nothing for an extent that is no such polynomial.
std::optional<std::array<i64, 3>> polynomial_in_batch(Dim const&);
Ref extent(LoopBuilder&, Dim const&);          // its exact value
Ref extent_in_slots(LoopBuilder&, Dim const&); // with batch rounded up to row_padding

// What code is made for; an Error with the place for the rest.
void check_compiled(Function const&);

} // namespace nnc
