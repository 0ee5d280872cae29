// Kernels in an order that every edge allows: of the groups that may come next, the one whose last node comes first.
#include "passes/fuse/emit.h"

#include <algorithm>
#include <unordered_map>
#include <unordered_set>

namespace nnc::fusion {
namespace {

char const* kind_name(Kind k) {
  switch (k) {
  case Kind::rows: return "rows";
  case Kind::contract: return "contract";
  default: return "loops";
  }
}

std::vector<GroupId> in_order(Graph const& graph, Groups const& groups) {
  std::unordered_map<GroupId, size_t> waits;
  std::unordered_map<GroupId, std::vector<GroupId>> next;
  for (NodeId n = 0; n < graph.size(); ++n) {
    if (!groups.exists(n)) continue;
    waits.try_emplace(groups.of(n), 0);
    for (auto m : graph.next[n])
      if (groups.of(m) != groups.of(n)) {
        next[groups.of(n)].push_back(groups.of(m));
        ++waits[groups.of(m)];
      }
  }
  auto later = [&](GroupId a, GroupId b) { return groups[a].last > groups[b].last; };
  std::vector<GroupId> ready, sorted;
  for (NodeId n = 0; n < graph.size(); ++n)
    if (groups.exists(n) && groups.of(n) == n && waits[n] == 0) ready.push_back(n);
  std::make_heap(ready.begin(), ready.end(), later);
  while (!ready.empty()) {
    std::pop_heap(ready.begin(), ready.end(), later);
    auto g = ready.back();
    ready.pop_back();
    sorted.push_back(g);
    for (auto c : next[g])
      if (--waits[c] == 0) {
        ready.push_back(c);
        std::push_heap(ready.begin(), ready.end(), later);
      }
  }
  return sorted;
}

class Emitter {
public:
  Emitter(Graph const& graph, Groups const& groups, Function& f)
      : graph_(graph), groups_(groups), f_(f), old_(std::move(f.body.nodes)), used_(old_.size()) {}

  void run(std::vector<GroupId> const& order) {
    std::vector<NodeId> scalars;
    for (NodeId n = 0; n < old_.size(); ++n)
      if (graph_.classes[n] == Class::scalar) scalars.push_back(n);
    if (!scalars.empty()) kernel(scalars, "scalars", 0);
    for (auto g : order) {
      auto const& group = groups_[g];
      if (graph_.classes[group.last] == Class::alias) nodes_.push_back(old_[group.last]);
      else kernel(group.nodes, kind_name(group.kind), group.row_axes);
    }
    find_results();
    f_.body.nodes = std::move(nodes_);
  }

private:
  // A free node gets new values in every kernel but the first that holds it.
  ValueId bring(Node& kernel, std::unordered_map<ValueId, ValueId>& here, ValueId v) {
    auto p = graph_.producer[v];
    if (p == no_node || graph_.classes[p] != Class::free) return v;
    if (auto known = here.find(v); known != here.end()) return known->second;
    Node copy = old_[p];
    for (auto& x : copy.operands) x = bring(kernel, here, x);
    if (used_[p]) {
      f_.values.push_back(Value(f_.values[v]));
      copy.results = {static_cast<ValueId>(f_.values.size() - 1)};
    }
    used_[p] = true;
    auto result = copy.result();
    kernel.regions.front().nodes.push_back(std::move(copy));
    return here[v] = result;
  }

  void kernel(std::vector<NodeId> members, std::string_view kind, i64 row_axes) {
    std::sort(members.begin(), members.end());
    Node k{.op = OpCode::kernel,
           .operands = {},
           .results = {},
           .attributes = {},
           .regions = std::vector<Region>(1),
           .at = old_[members.back()].at};
    std::unordered_map<ValueId, ValueId> here;
    for (auto n : members) {
      Node inner = old_[n];
      for (auto& v : inner.operands) v = bring(k, here, v);
      if (info(inner.op).has(contracts)) k.at = inner.at;
      k.regions.front().nodes.push_back(std::move(inner));
    }
    bool rows = kind == "rows";
    k.attributes.set("kind", std::string(rows ? "loops" : kind));
    if (rows) k.attributes.set("row_axes", row_axes);
    find_operands(k);
    nodes_.push_back(std::move(k));
  }

  void find_operands(Node& k) const {
    std::unordered_set<ValueId> defined, read;
    for (auto const& n : k.regions.front().nodes) defined.insert(n.results.begin(), n.results.end());
    for (auto const& n : k.regions.front().nodes)
      for (auto v : n.operands)
        if (!defined.count(v) && !f_.values[v].constant && read.insert(v).second) k.operands.push_back(v);
  }

  // What is read after its kernel is a result of it.
  void find_results() {
    std::vector<bool> outside(f_.values.size());
    for (auto const& n : nodes_)
      for (auto v : n.operands) outside[v] = true;
    for (auto const& r : f_.results) outside[r.value] = true;
    for (auto& n : nodes_)
      for (auto const& r : n.regions)
        for (auto const& inner : r.nodes)
          for (auto v : inner.results)
            if (outside[v]) n.results.push_back(v);
  }

  Graph const& graph_;
  Groups const& groups_;
  Function& f_;
  std::vector<Node> old_, nodes_;
  std::vector<bool> used_; // per old node: a kernel holds the original
};

} // namespace

bool emit_kernels(Graph const& graph, Groups const& groups, Function& f) {
  auto const order = in_order(graph, groups);
  size_t count = 0;
  for (NodeId n = 0; n < graph.size(); ++n) count += groups.exists(n) && groups.of(n) == n;
  if (order.size() != count) return false;
  Emitter(graph, groups, f).run(order);
  return true;
}

} // namespace nnc::fusion
