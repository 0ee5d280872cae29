// What `fuse` knows about the nodes of a function before it groups them: which are never stored, which read what, and
// at which index.
#pragma once

#include "ir/op.h"

#include <optional>
#include <string_view>
#include <vector>

namespace nnc::fusion {

using NodeId = u32; // index in the body of the function
inline constexpr NodeId no_node = ~NodeId{0};

// What becomes of a node.
enum class Class : u8 {
  scalar, // rank 0, from numbers that are known before the step: every thread computes it for itself
  free,   // cheap to compute again or only another index: copied into every kernel that reads it
  alias,  // a reshape of a stored value: the same bytes
  scope,  // a node with regions: it stays one, and what it reads is stored or a number
  plain,  // part of exactly one kernel
};
inline bool is_grouped(Class c) { return c != Class::scalar && c != Class::free; }

// At which index a node that computes element i reads a value.
enum class How : u8 {
  same,       // at i
  outer,      // at the first axes of i (a value that is broadcast along the last ones; a scalar)
  reduced,    // at i and every index of the reduced axes: the operand of a reduction
  contracted, // the operand of a dot
  mapped,     // elsewhere
};

// A stored value that a node reads, directly or through free nodes.
struct Access {
  ValueId value = no_value;
  NodeId producer = no_node; // plain or alias; no_node: an argument
  How how = How::mapped;
  bool plain_path = true;  // only broadcasts and elementwise nodes in between
  bool right_side = false; // contracted: it is the rhs of the dot
};

struct Graph {
  // `again`: per node, what is computed again wherever it is read (recompute.h).
  explicit Graph(Function&, std::vector<bool> again = {});
  Node const& node(NodeId n) const { return function.body.nodes[n]; }
  Shape const& shape(NodeId n) const { return function.type(node(n).result()).shape; }
  NodeId size() const { return static_cast<NodeId>(function.body.nodes.size()); }
  bool known_before_step(ValueId) const;

  Function& function;
  std::vector<Class> classes;                // per node
  std::vector<bool> cut;                     // per node: stored, though it might be computed where it is read
  std::vector<std::vector<Access>> accesses; // per plain and alias node
  std::vector<std::vector<NodeId>>
      readers;                           // per node: plain and alias nodes that read it, directly or through free ones
  std::vector<std::vector<NodeId>> next; // the same, and who overwrites what the node reads: they must come later
  std::vector<NodeId> producer;          // per value; no_node for arguments and literals
  std::vector<bool> is_result;           // per value: of the function

private:
  void classify();
  Class class_of(NodeId) const;
  std::vector<bool> read_across() const;
  void read_by_scopes();
  bool is_virtual(ValueId) const;
  void follow(NodeId reader, Access first);
  void link();
  std::vector<bool> again_;
  std::vector<bool> virtual_; // per node: needs no memory
  std::vector<bool> known_;   // per value: a literal, or an argument that is a number
  std::vector<bool> stored_;  // per value: a result that has a buffer outside, or what a scan walks over
  std::vector<bool> scoped_;  // per value: a node with regions reads it
};

// True when the reduction folds exactly the last axes of its operand; how many.
std::optional<i64> folded_last_axes(Function const&, Node const&);
bool is_reduction(Node const&);

// Readers of an argument that a result replaces come before the node that gives the result, where that makes no circle.
// Reorders the body so that every edge goes forward.
void order_updates(Function&);

} // namespace nnc::fusion
