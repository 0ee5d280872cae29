// What passes that rewrite nodes share: a walk over the nodes of a function that lets a value be replaced by another,
// and the renumbering of values that nobody names any more.
#pragma once

#include "ir/builder.h"

#include <functional>

namespace nnc {

// Rebuilds the body of a function, and the scopes in it, node by node. What has been replaced is replaced in everything
// that comes later.
class Rewriter {
public:
  using Visit = std::function<void(Node&&)>;
  explicit Rewriter(Function& f) : function(f) {}

  // Takes every node of the old body in order, with operands already replaced; `visit` keeps it (`keep`), drops it
  // after `replace`, or emits others. A node with scopes comes after the nodes in them, which stay in their region.
  // Kernels are kept as they are.
  void run(Visit const& visit);

  // What a `grad` node differentiates by must stay the value that it is: merged with an equal one, or looked through,
  // it would be another variable. From now on `run` keeps the nodes that give these values, and `definition` hides
  // them.
  void hold_variables();

  void keep(Node&&);
  // All later readers of `old` read `now` instead; the user's name moves along when `now` has none.
  void replace(ValueId old, ValueId now);
  ValueId current(ValueId v) const;
  // The kept node that gives v; null for arguments, literals, held values, and what is not in sight.
  Node const* definition(ValueId v) const;

  Function& function;
  bool changed = false;

private:
  struct Position {
    size_t list = 0, index = 0; // list: number in open_, from 1; 0: nowhere
  };
  void walk(std::vector<Node>& list, Visit const&);
  void scopes(Node&, Visit const&);
  bool is_held(ValueId v) const { return v < held_.size() && held_[v]; }
  std::vector<std::vector<Node>> open_;  // the new lists around the node that is visited, the innermost last
  std::vector<ValueId> now_;             // per value; no_value: itself
  std::vector<Position> defined_;        // per value
  std::vector<bool> held_;               // per value
  i64 others_ = 0, left_ = 0, kept_ = 0; // nodes: of other functions, not yet visited, kept; with what they hold
};

// Drops values that no argument, node or result mentions, and numbers the others in order of definition. True when
// anything moved.
bool compact(Function&);
// Copies the nodes of `callee` into `into`, with its arguments bound to `arguments` (by position); gives the values of
// its results. Names and places come along.
std::vector<ValueId> inline_function(Function& target, std::vector<Node>& into, Function const& callee,
                                     std::vector<ValueId> const& arguments);
// The literal with these bits: a new one, or one that the function has already.
ValueId literal(Function&, DType, Scalar);

} // namespace nnc
