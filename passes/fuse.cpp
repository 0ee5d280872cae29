// From nodes to kernels.
//
//     %z = dot %x, %w {contract_lhs=[1], contract_rhs=[0]} : f32[batch,512]
//     %0 = broadcast %b {axes=[1]} : f32[batch,512]
//     %1 = add %z, %0 : f32[batch,512]
//     %h = max %1, 0 : f32[batch,512]
//  becomes
//     %h = kernel %x, %w, %b {kind="contract"} { the same nodes }
//
// Numbers that are known before the step (scheduled learning rates, corrections of moments) form kernels of kind
// "scalars". Cheap nodes and movements of data (broadcast, slice, pad ...) are copied into every kernel that reads
// them. Four sweeps group the rest:
//
// - rows: a reduction over the last axes draws in what follows at the same rows; softmax and its gradient are one
//   kernel
// - readers, backwards: a group whose values have one reader joins it where it fits; nothing more is stored by this
// - producers, forwards: what is still alone and reads a stored value at the same index is computed where that is
// - scalars: whole sums over one space that do not depend on each other are taken together (loss and accuracy)
//
// What is then cheaper to compute again than to store (passes/fuse/recompute.h) is copied into its readers, too, and
// the others are grouped anew.
#include "passes/fuse.h"

#include "ir/walk.h"
#include "passes/dce.h"
#include "passes/fuse/emit.h"
#include "passes/fuse/groups.h"
#include "passes/fuse/recompute.h"
#include "passes/fuse/scopes.h"
#include "passes/pass.h"
#include "passes/rewrite.h"

#include <algorithm>
#include <fmt/core.h>
#include <functional>
#include <map>
#include <optional>
#include <set>

namespace nnc {
namespace {

using namespace fusion;

// Results that have a buffer of their own are distinct values of nodes: a copy where the function gives an argument, a
// literal, or one value twice.
bool separate_results(Function& f) {
  std::vector<bool> taken(f.values.size()), is_argument(f.values.size()); // or of a scope
  for (auto const& n : f.body.nodes)
    for (auto v : n.results)
      if (holds_scopes(n)) is_argument[v] = true;
  for (auto const& a : f.arguments) is_argument[a.value] = true;
  auto const all_replaced = f.replaced_arguments();
  bool changed = false;
  for (size_t i = 0; i < f.results.size(); ++i) {
    auto& r = f.results[i];
    bool buffer = !is_report(r.role);
    auto replaced = all_replaced[i];
    if (replaced && f.arguments[*replaced].value == r.value) continue; // unchanged, in place already
    bool fine = !is_argument[r.value] && !f.values[r.value].constant && !(buffer && taken[r.value]);
    if (fine) {
      if (buffer) taken[r.value] = true;
      continue;
    }
    Builder make(f);
    make.at = f.values[r.value].at;
    r.value = make.make(OpCode::convert, {r.value}, {}, f.type(r.value), r.name);
    changed = true;
  }
  return changed;
}

bool is_rows(Groups const& groups, GroupId g) { return groups[g].kind == Kind::rows; }

// Forwards: a node joins the rows that it reads. A reduction of a value joins others of the same value and rows.
void gather_rows(Graph const& graph, Groups& groups) {
  std::map<std::pair<ValueId, i64>, NodeId> reducers; // operand and row axes -> a reduction of it
  for (NodeId n = 0; n < graph.size(); ++n) {
    if (!groups.exists(n)) continue;
    for (auto const& a : graph.accesses[n])
      if (a.producer != no_node && is_rows(groups, groups.of(a.producer)))
        groups.try_merge(groups.of(a.producer), groups.of(n));
    if (!is_reduction(graph.node(n)) || !is_rows(groups, groups.of(n))) continue;
    auto [it, first] = reducers.try_emplace({graph.node(n).operands[0], groups[groups.of(n)].row_axes}, n);
    if (!first) groups.try_join(groups.of(it->second), groups.of(n));
  }
}

// What is computed from a dot at its index, and read by rows or by another dot: best once, on the accumulators.
bool follows_dot(Graph const& graph, Groups& groups, NodeId n) {
  for (auto member : groups[groups.of(n)].nodes)
    for (auto const& a : graph.accesses[member])
      if (a.producer != no_node && groups[groups.of(a.producer)].kind == Kind::contract &&
          graph.readers[a.producer].size() == 1 && groups.try_merge(groups.of(a.producer), groups.of(n)))
        return true;
  return false;
}

// Backwards: a group that one other reads becomes part of it.
void join_readers(Graph const& graph, Groups& groups) {
  for (NodeId n = graph.size(); n-- > 0;) {
    if (!groups.exists(n) || groups[groups.of(n)].last != n) continue;
    auto readers = groups.consumers(groups.of(n));
    if (readers.size() != 1) continue;
    bool elsewhere = groups[readers.front()].kind != Kind::pointwise;
    if (elsewhere && follows_dot(graph, groups, n)) continue;
    groups.try_merge(groups.of(n), readers.front());
  }
}

// Forwards: a group that is left over is computed along with what it reads, at the same index.
void join_producers(Graph const& graph, Groups& groups) {
  for (NodeId n = 0; n < graph.size(); ++n) {
    if (!groups.exists(n) || groups[groups.of(n)].kind != Kind::pointwise) continue;
    for (auto const& a : graph.accesses[n])
      if (a.producer != no_node && a.how == How::same) groups.try_merge(groups.of(a.producer), groups.of(n));
  }
}

// Sums to a scalar over the same space.
void join_scalars(Graph const& graph, Groups& groups) {
  std::vector<GroupId> open;
  for (NodeId n = 0; n < graph.size(); ++n) {
    if (!groups.exists(n)) continue;
    auto const g = groups.of(n);
    bool whole = is_rows(groups, g) && groups[g].row_axes == static_cast<i64>(groups[g].space.size());
    if (!whole || groups[g].last != n) continue;
    bool joined = false;
    for (auto& other : open)
      if (!joined && groups.try_join(groups.of(other), g)) joined = true;
    if (!joined) open.push_back(n);
  }
}

bool can_be_grouped(Function const& f) {
  bool nodes_about_nodes = false;
  each_node(f.body.nodes, [&](Node const& n) { nodes_about_nodes |= info(n.op).has(structural) && !holds_scopes(n); });
  return !f.results.empty() && !nodes_about_nodes;
}

Groups groups_of(Graph const& graph, bool together) {
  Groups groups(graph);
  if (!together) return groups;
  gather_rows(graph, groups);
  join_readers(graph, groups);
  join_producers(graph, groups);
  join_scalars(graph, groups);
  return groups;
}

struct Trace {
  std::function<void(std::string const&)> line; // none: nobody asks
  Sources const& sources;
};

// "[dense.y add relu.y] mlp.nn:10": what becomes one kernel; values without a name by their operators.
std::string shown(Graph const& graph, Group const& group, Sources const& sources) {
  constexpr size_t most_shown = 12;
  auto nodes = group.nodes;
  std::sort(nodes.begin(), nodes.end());
  std::string out, before;
  for (size_t i = 0; i < nodes.size(); ++i) {
    auto const& n = graph.node(nodes[i]);
    auto const& name = graph.function.values[n.result()].name;
    if (name.empty() ? i >= most_shown : name == before) continue;
    out += (out.empty() ? "[" : " ") + (name.empty() ? std::string(info(n.op).name) : name);
    before = name;
  }
  auto const at = graph.node(group.last).at;
  return out + (at ? fmt::format("] {}:{}", sources.name(at.file), at.line) : "]");
}

// For each value that one kernel stores and another one reads, why.
void explain(Graph const& graph, Groups& groups, Trace const& trace) {
  auto const& f = graph.function;
  std::set<std::pair<NodeId, GroupId>> said;
  for (NodeId n = 0; n < graph.size(); ++n)
    for (auto const& a : graph.accesses[n]) {
      if (a.producer == no_node || !groups.exists(n) || !groups.exists(a.producer)) continue;
      auto const p = groups.of(a.producer), c = groups.of(n);
      if (p == c || !said.insert({a.producer, c}).second) continue;
      trace.line(fmt::format("fuse: @{}: {} gives {} to {}: {}", f.name, shown(graph, groups[p], trace.sources),
                             f.type(graph.node(a.producer).result()).text(), shown(graph, groups[c], trace.sources),
                             groups.why_apart(p, c)));
    }
}

// The nodes of a function, or of a region as one.
void group(Function& f, bool together, Trace const* trace = nullptr) {
  order_updates(f);
  std::optional<Graph> found(std::in_place, f);
  std::optional<Groups> grouped(groups_of(*found, together));
  auto again = together ? cheaper_again(*found, *grouped) : std::vector<bool>{};
  if (std::find(again.begin(), again.end(), true) != again.end()) {
    found.emplace(f, std::move(again));
    grouped.emplace(groups_of(*found, together));
  }
  Graph const& graph = *found;
  if (trace) explain(graph, *grouped, *trace);
  Groups const& groups = *grouped;
  std::vector<bool> known(f.values.size());
  for (ValueId v = 0; v < known.size(); ++v) known[v] = graph.known_before_step(v);
  for (auto& n : f.body.nodes) {
    if (!holds_scopes(n)) continue;
    for (auto& r : n.regions) {
      RegionAsFunction region(f, n, r, known);
      group(region.inner, together, trace);
    }
    list_captures(f, n); // their order follows the kernels'
  }
  emit_kernels(graph, groups, f);
}

bool make_kernels(Function& f, bool together, Trace const* trace = nullptr) {
  if (!can_be_grouped(f)) return false;
  bool changed = separate_results(f);
  changed |= separate_scopes(f);
  changed |= drop_unused(f); // a kernel that gives nothing is none
  if (f.body.nodes.empty()) return changed;
  group(f, together, trace);
  compact(f);
  return true;
}

} // namespace

bool make_kernel_of_every_node(Function& f) { return make_kernels(f, false); }

PassResult fuse(Module m, PassContext& context) {
  Trace const trace{context.trace, *m.sources};
  auto const sources = m.sources; // the module is moved
  return each_function(std::move(m), [&](Function& f) { return make_kernels(f, true, trace.line ? &trace : nullptr); });
}

} // namespace nnc
