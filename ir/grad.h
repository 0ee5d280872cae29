// What a gradient rule sees: the node's operands x(i), its results y(i) and their derivatives dy(i), and `to`, which
// adds a contribution to the derivative of an operand. Rules emit ordinary nodes, so derivatives have derivatives.
#pragma once

#include "ir/builder.h"

namespace nnc {

class Grad {
public:
  Grad(Builder& b, Node const& node, std::vector<ValueId> dy) : b_(b), node_(node), dy_(std::move(dy)) {
    contributions.assign(node.operands.size(), no_value);
  }
  Builder& builder() { return b_; }
  Node const& node() const { return node_; }
  Attributes const& attributes() const { return node_.attributes; }
  V x(size_t i) { return {&b_, node_.operands[i]}; }
  V y(size_t i = 0) { return {&b_, node_.results[i]}; }
  V dy(size_t i = 0) { return {&b_, dy_[i]}; }
  size_t operand_count() const { return node_.operands.size(); }
  // True for float operands that are worth a formula (not literals). Rules of many operands ask first.
  bool wants(size_t i) const;
  // Contribution to the derivative of operand i. A rank 0 operand of an elementwise node gets the sum over all axes.
  void to(size_t i, V contribution);

  std::vector<ValueId> contributions; // one per operand, no_value where nothing flows

private:
  Builder& b_;
  Node const& node_;
  std::vector<ValueId> dy_;
};

} // namespace nnc
