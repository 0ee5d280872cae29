// Walks over nodes and the regions in them: whoever loops over nodes, reads or definitions does it by these.
//
// A kernel's region is closed: passes leave it as it is, and the kernel's results are values of its nodes. The regions
// of all other nodes are *scopes*: passes work in them as in the body of a function, and nothing outside sees a value
// that is defined in one. The operands of a node with regions are its own ones, and behind them its *captures*: the
// values from outside that the regions read or give, each once, in the order of the first mention, without literals.
#pragma once

#include "ir/module.h"

namespace nnc {

inline bool is_kernel(Node const& n) { return n.op == OpCode::kernel; }
inline bool holds_scopes(Node const& n) { return !n.regions.empty() && !is_kernel(n); }

// Every node of a list in the order in which they are computed: what a node's regions hold comes before the node.
template <class Nodes, class Visit>
void each_node(Nodes& nodes, Visit const& visit) {
  for (auto& n : nodes) {
    for (auto& r : n.regions) each_node(r.nodes, visit);
    visit(n);
  }
}

// Every value that a node reads, and that its regions read or give. May visit a value more than once.
template <class AnyNode, class Visit>
void each_read(AnyNode& n, Visit const& visit) {
  for (auto& v : n.operands) visit(v);
  for (auto& r : n.regions) {
    for (auto& inner : r.nodes) each_read(inner, visit);
    for (auto& v : r.results) visit(v);
  }
}

// Every value that a region, or a node with its regions, defines: each once.
template <class AnyNode, class Visit>
void each_definition(AnyNode& n, Visit const& visit);
template <class AnyRegion, class Visit>
void each_definition_in(AnyRegion& r, Visit const& visit) {
  for (auto& v : r.arguments) visit(v);
  for (auto& n : r.nodes) each_definition(n, visit);
}
template <class AnyNode, class Visit>
void each_definition(AnyNode& n, Visit const& visit) {
  for (auto& r : n.regions) each_definition_in(r, visit);
  if (is_kernel(n)) return; // its results are values of its nodes
  for (auto& v : n.results) visit(v);
}

// Every mention of a value in a node and its regions, reads and definitions, in the order in which they are computed.
template <class AnyNode, class Visit>
void each_mention(AnyNode& n, Visit const& visit) {
  for (auto& v : n.operands) visit(v);
  for (auto& r : n.regions) {
    for (auto& v : r.arguments) visit(v);
    for (auto& inner : r.nodes) each_mention(inner, visit);
    for (auto& v : r.results) visit(v);
  }
  for (auto& v : n.results) visit(v);
}

size_t node_count(Node const&); // with what its regions hold
size_t node_count(std::vector<Node> const&);
size_t node_count(Module const&);

size_t own_operands(Node const&); // how many operands are in front of its captures
std::vector<ValueId> captures(Function const&, Node const&);
// Writes the captures behind the node's own operands, after its regions have changed.
void list_captures(Function const&, Node&);

// A copy with values of its own for all that the region defines.
Region copied(Function&, Region const&);

} // namespace nnc
