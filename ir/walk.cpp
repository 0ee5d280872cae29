#include "ir/walk.h"

#include "ir/node_limit.h"

#include <unordered_map>
#include <unordered_set>

namespace nnc {

size_t node_count(Node const& n) {
  size_t count = 1;
  for (auto const& r : n.regions) count += node_count(r.nodes);
  return count;
}

size_t node_count(std::vector<Node> const& nodes) {
  size_t count = 0;
  for (auto const& n : nodes) count += node_count(n);
  return count;
}

size_t node_count(Module const& m) {
  size_t count = 0;
  for (auto const& f : m.functions) count += node_count(f.body.nodes);
  return count;
}

size_t own_operands(Node const& n) {
  if (n.regions.empty()) return n.operands.size();
  if (n.op == OpCode::scan) return n.regions.front().arguments.size();
  return n.op == OpCode::cond ? 1 : 0; // the condition
}

std::vector<ValueId> captures(Function const& f, Node const& n) {
  std::unordered_set<ValueId> known; // defined inside, or listed
  for (auto const& r : n.regions) each_definition_in(r, [&](ValueId v) { known.insert(v); });
  std::vector<ValueId> list;
  auto read = [&](ValueId v) {
    if (!f.values[v].constant && known.insert(v).second) list.push_back(v);
  };
  for (auto const& r : n.regions) {
    for (auto const& inner : r.nodes) each_read(inner, read);
    for (auto v : r.results) read(v);
  }
  return list;
}

void list_captures(Function const& f, Node& n) {
  auto const list = captures(f, n);
  n.operands.resize(own_operands(n));
  n.operands.insert(n.operands.end(), list.begin(), list.end());
}

Region copied(Function& f, Region const& r) {
  std::unordered_map<ValueId, ValueId> copies;
  each_definition_in(r, [&](ValueId v) {
    copies[v] = static_cast<ValueId>(f.values.size());
    f.values.push_back(Value(f.values[v]));
  });
  auto renamed = [&](ValueId& v) {
    if (auto it = copies.find(v); it != copies.end()) v = it->second;
  };
  Region out = r;
  for (auto& v : out.arguments) renamed(v);
  for (auto& n : out.nodes) each_mention(n, renamed);
  for (auto& v : out.results) renamed(v);
  each_node(out.nodes, [&](Node const& n) { count_node(f, n.at); });
  return out;
}

} // namespace nnc
