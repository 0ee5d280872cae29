// A `scan` taken apart. Of its operands the first are sequences, then come the carries' first values, then captures
// (ir/walk.h); its region takes the elements of the round, then the carries, and gives the next carries, then what is
// stacked; its results are the last carries, then the stacks.
#pragma once

#include "ir/module.h"

#include <span>

namespace nnc {

struct Scan {
  explicit Scan(Node const& n)
      : node(n), length(n.attributes.get<i64>("length")), reverse(n.attributes.get_or("reverse", false)),
        recompute(n.attributes.get_or("recompute", false)),
        carries(static_cast<size_t>(n.attributes.get_or("carries", i64{0}))),
        sequences(body().arguments.size() - carries) {}

  Node const& node;
  i64 length;
  bool reverse, recompute;
  size_t carries, sequences;

  Region const& body() const { return node.regions.front(); }
  size_t stacks() const { return node.results.size() - carries; }
  ValueId sequence(size_t i) const { return node.operands[i]; }
  ValueId element(size_t i) const { return body().arguments[i]; }
  ValueId first(size_t i) const { return node.operands[sequences + i]; }
  ValueId carried(size_t i) const { return body().arguments[sequences + i]; } // in this round
  ValueId next(size_t i) const { return body().results[i]; }
  ValueId last(size_t i) const { return node.results[i]; }
  ValueId given(size_t i) const { return body().results[carries + i]; } // what is stacked
  ValueId stack(size_t i) const { return node.results[carries + i]; }
};

// Of an element a sequence of this length.
inline Type stacked(Type t, i64 length) {
  t.shape.insert(t.shape.begin(), Dim(length));
  return t;
}
// Of a sequence its elements.
inline Type element_of(Type t) {
  t.shape.erase(t.shape.begin());
  return t;
}

} // namespace nnc
