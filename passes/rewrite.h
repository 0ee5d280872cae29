// What passes that rewrite nodes share: a walk over the nodes of a function that lets a value be replaced by another,
// and the renumbering of values that nobody names any more.
#pragma once

#include "ir/builder.h"

#include <functional>

namespace nnc {

// Rebuilds the body of a function node by node. What has been replaced is replaced in everything that comes later.
class Rewriter {
public:
  explicit Rewriter(Function& f) : function(f) {}

  // Takes every node of the old body in order, with operands already replaced; `visit` keeps it (`keep`), drops it
  // after `replace`, or emits others. Kernels are kept as they are.
  void run(std::function<void(Node&&)> const& visit);

  // What a `grad` node differentiates by must stay the value that it is: merged with an equal one, or looked through,
  // it would be another variable. From now on `run` keeps the nodes that give these values, and `definition` hides
  // them.
  void hold_variables();

  void keep(Node&&);
  // All later readers of `old` read `now` instead; the user's name moves along when `now` has none.
  void replace(ValueId old, ValueId now);
  ValueId current(ValueId v) const;
  Node const* definition(ValueId v) const; // the kept node that gives v; null for arguments, literals and held values

  Function& function;
  bool changed = false;

private:
  void remap(Node&);
  bool is_held(ValueId v) const { return v < held_.size() && held_[v]; }
  std::vector<Node> out_;
  std::vector<ValueId> now_; // per value; no_value: itself
  std::vector<i64> defined_; // per value: index in out_, or -1
  std::vector<bool> held_;   // per value
};

// Every value that a node reads, a kernel's literals included.
void each_read(Node const&, std::function<void(ValueId)> const&);
// Drops values that no argument, node or result mentions, and numbers the others in order of definition. True when
// anything moved.
bool compact(Function&);
// Copies the nodes of `callee` into `into`, with its arguments bound to `arguments` (by position); gives the values of
// its results. Names and places come along.
std::vector<ValueId> inline_function(Function& target, std::vector<Node>& into, Function const& callee,
                                     std::vector<ValueId> const& arguments);
// The literal with these bits: a new one, or one that the function has already.
ValueId literal(Function&, DType, Scalar);
size_t node_count(Module const&);

} // namespace nnc
