// Kernels in an order that every edge allows: of the groups that may come next, the one whose last node comes first.
#include "passes/fuse/emit.h"

#include "ir/node_limit.h"
#include "ir/walk.h"

#include <algorithm>
#include <unordered_map>
#include <unordered_set>

namespace nnc::fusion {
namespace {

KernelKind kind_of(Group const& group, Node const& last) {
  switch (group.kind) {
  case Kind::rows: return KernelKind::rows;
  case Kind::contract: return KernelKind::contract;
  case Kind::alone: // an alias makes no kernel
    return info(last.op).has(along_lines) ? KernelKind::lines : KernelKind::scatter;
  case Kind::pointwise: break;
  }
  return KernelKind::pointwise;
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
  if (sorted.size() != groups.count()) throw CompilerBug("fuse: kernels wait for each other in a circle");
  return sorted;
}

class Emitter {
public:
  Emitter(Graph const& graph, Groups const& groups, Function& f)
      : graph_(graph), groups_(groups), f_(f), old_(std::move(f.body.nodes)), used_(old_.size()) {}

  void run(std::vector<GroupId> const& order) {
    scalars();
    for (auto g : order) {
      auto const& group = groups_[g];
      auto const what = graph_.classes[group.last];
      if (what == Class::alias || what == Class::scope) nodes_.push_back(std::move(old_[group.last]));
      else kernel(group.nodes, {.kind = kind_of(group, old_[group.last]), .row_axes = group.row_axes});
    }
    find_results();
    f_.body.nodes = std::move(nodes_);
  }

private:
  // In kernels of some length, each reads what those before it gave.
  void scalars() {
    std::vector<NodeId> some;
    for (NodeId n = 0; n < old_.size(); ++n) {
      if (graph_.classes[n] == Class::scalar) some.push_back(n);
      if (some.empty() || (some.size() < most_nodes && n + 1 < old_.size())) continue;
      kernel(some, {.kind = KernelKind::scalars});
      some.clear();
    }
  }

  using Copies = std::unordered_map<ValueId, ValueId>; // what free values are called in one kernel

  bool is_missing(Copies const& here, ValueId v) const {
    auto p = graph_.producer[v];
    return p != no_node && graph_.classes[p] == Class::free && !here.count(v);
  }
  static ValueId called(Copies const& here, ValueId v) {
    auto it = here.find(v);
    return it == here.end() ? v : it->second;
  }

  // Copies the free nodes that v needs into the kernel, operands first, and says what v is called there.
  ValueId bring(Node& kernel, Copies& here, ValueId v) {
    for (std::vector<ValueId> open{v}; !open.empty();) {
      auto x = open.back();
      if (!is_missing(here, x)) {
        open.pop_back();
        continue;
      }
      auto const& operands = old_[graph_.producer[x]].operands;
      auto const before = open.size();
      for (size_t i = operands.size(); i-- > 0;)
        if (is_missing(here, operands[i])) open.push_back(operands[i]);
      if (open.size() == before) copy(kernel, here, x);
    }
    return called(here, v);
  }

  // A free node gets new values in every kernel but the first that holds it.
  void copy(Node& kernel, Copies& here, ValueId v) {
    auto p = graph_.producer[v];
    count_node(f_, old_[p].at);
    Node node = old_[p];
    for (auto& x : node.operands) x = called(here, x);
    if (used_[p]) {
      f_.values.push_back(Value(f_.values[v]));
      node.results = {static_cast<ValueId>(f_.values.size() - 1)};
    }
    used_[p] = true;
    here[v] = node.result();
    kernel.regions.front().nodes.push_back(std::move(node));
  }

  void kernel(std::vector<NodeId> members, Kernel facts) {
    std::sort(members.begin(), members.end());
    Node k{.op = OpCode::kernel,
           .operands = {},
           .results = {},
           .attributes = {},
           .kernel = std::move(facts),
           .regions = std::vector<Region>(1),
           .at = old_[members.back()].at};
    Copies here;
    for (auto n : members) {
      Node inner = old_[n];
      for (auto& v : inner.operands) v = bring(k, here, v);
      if (info(inner.op).has(contracts)) k.at = inner.at;
      k.regions.front().nodes.push_back(std::move(inner));
    }
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

  // What is read after its kernel is a result of it; a node along lines works in the places of all of its results.
  void find_results() {
    std::vector<bool> outside(f_.values.size());
    for (auto const& n : nodes_)
      for (auto v : n.operands) outside[v] = true;
    for (auto const& r : f_.results) outside[r.value] = true;
    for (auto& n : nodes_) {
      if (!is_kernel(n)) continue;
      for (auto const& inner : n.regions.front().nodes)
        for (auto v : inner.results)
          if (outside[v] || info(inner.op).has(along_lines)) n.results.push_back(v);
    }
  }

  Graph const& graph_;
  Groups const& groups_;
  Function& f_;
  std::vector<Node> old_, nodes_;
  std::vector<bool> used_; // per old node: a kernel holds the original
};

} // namespace

void emit_kernels(Graph const& graph, Groups const& groups, Function& f) {
  auto const order = in_order(graph, groups); // before the emitter takes the nodes
  Emitter(graph, groups, f).run(order);
}

} // namespace nnc::fusion
