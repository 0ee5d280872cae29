// The derivative of a scan: a scan in the other direction.
#pragma once

#include "ir/builder.h"

#include <functional>
#include <unordered_set>

namespace nnc::reverse {

struct Seed {
  ValueId y, slope; // of what is differentiated by the value y
};

// A contribution to the derivative of a value from outside of a scan that is not summed round by round: `node` reads
// the value as its operand `operand`, and `slope` is the derivative by the node's result in one round.
struct Aside {
  Node node;
  size_t operand;
  ValueId slope;
};
// What may be set aside: what reads one of `values` and beside it only what a round computes. And what has been.
struct Asides {
  std::unordered_set<ValueId> values = {}, of_round = {};
  std::vector<Aside> list = {};
};
// Can the sum of the contributions of all rounds be one node over what the rounds have stacked?
bool sums_over_rounds(Function&, Node const&, size_t operand, ValueId slope);

// Appends to the nodes what the derivatives of the seeds by each of `by` take; no_value where nothing flows.
using AppendSlopes = std::function<std::vector<ValueId>(std::vector<Node>&, std::vector<Seed> const&,
                                                        std::vector<ValueId> const& by, Asides&)>;

struct ScanSlopes {
  std::vector<ValueId> results; // per result of the scan; no_value: nothing flows from it
  std::vector<bool> wanted;     // per operand: its derivative is asked for
};
// The derivatives by the operands, no_value where none is asked for or nothing flows. The scan itself is made to stack
// what its derivative reads.
std::vector<ValueId> slopes_of_scan(Builder&, Node& scan, ScanSlopes const&, AppendSlopes const&);

} // namespace nnc::reverse
