// Copies around scopes, and regions as functions.
//
//     %h, %hs = scan %x, %h0 {carries=1, length=9} : ... (%xt, %hp) { %hn = add %hp, %xt;  -> %hn, %hn }    %x:
//     argument
//  becomes
//     %0 = convert %x;  %1 = convert %h0
//     %h, %hs = scan %0, %1 {carries=1, length=9} : ... (%xt, %hp) { ...  %2 = convert %hn;  -> %hn, %2 }
//
// The carries live where their first values do, so each of these is a copy that nobody else reads. A sequence lies in
// the arena, where its elements follow each other in the same way for every kernel.
#include "passes/fuse/scopes.h"

#include "ir/builder.h"
#include "ir/index_map.h"
#include "ir/scan.h"
#include "ir/walk.h"

#include <unordered_map>
#include <unordered_set>

namespace nnc::fusion {
namespace {

class Separation {
public:
  explicit Separation(Function& f) : f_(f) {}

  bool run() {
    std::unordered_set<ValueId> outside; // in buffers that are no part of the arena
    for (auto const& r : f_.results)
      if (!is_report(r.role)) outside.insert(r.value);
    list(f_.body.nodes, outside);
    return changed_;
  }

private:
  void list(std::vector<Node>& nodes, std::unordered_set<ValueId> const& outside) {
    auto old = std::move(nodes);
    nodes.clear();
    std::unordered_map<ValueId, size_t> made;
    for (auto& n : old) {
      if (holds_scopes(n)) scope(n, nodes, made, outside);
      for (auto v : n.results) made[v] = nodes.size();
      nodes.push_back(std::move(n));
    }
  }

  void scope(Node& n, std::vector<Node>& around, std::unordered_map<ValueId, size_t>& made,
             std::unordered_set<ValueId> const& outside) {
    for (auto& r : n.regions) {
      list(r.nodes, {});
      results(r);
    }
    auto const copy = [&](ValueId& v) {
      v = copied_value(around, v);
      made[v] = around.size() - 1;
    };
    for (size_t i = 0; i < own_operands(n); ++i) {
      auto& v = n.operands[i];
      bool const sequence = n.op == OpCode::scan && i < Scan(n).sequences;
      bool const first = n.op == OpCode::scan && !sequence;
      if (first || f_.values[v].constant || (sequence && !is_in_arena(around, made, outside, v))) copy(v);
    }
    list_captures(f_, n);
  }

  bool is_in_arena(std::vector<Node> const& around, std::unordered_map<ValueId, size_t> const& made,
                   std::unordered_set<ValueId> const& outside, ValueId v) const {
    for (;;) {
      auto const at = made.find(v);
      if (at == made.end() || outside.contains(v)) return false;
      if (!is_alias(f_, around[at->second])) return true;
      v = around[at->second].operands[0];
    }
  }

  // Each a value of its own of a node that is no scope.
  void results(Region& r) {
    std::unordered_set<ValueId> fine;
    for (auto const& n : r.nodes)
      if (!holds_scopes(n)) fine.insert(n.results.begin(), n.results.end());
    for (auto& v : r.results)
      if (!fine.erase(v)) v = copied_value(r.nodes, v);
  }

  ValueId copied_value(std::vector<Node>& nodes, ValueId v) {
    Builder make(f_, nodes);
    make.at = f_.values[v].at;
    changed_ = true;
    return make.make(OpCode::convert, {v}, {}, f_.type(v), f_.values[v].name);
  }

  Function& f_;
  bool changed_ = false;
};

} // namespace

bool separate_scopes(Function& f) { return Separation(f).run(); }

RegionAsFunction::RegionAsFunction(Function& f, Node& node, Region& region, std::vector<bool> const& known)
    : outer_(f), node_(node), region_(region) {
  inner.limit = f.limit;
  for (auto v : region.arguments) inner.arguments.push_back({v, Role::none});
  for (size_t i = own_operands(node); i < node.operands.size(); ++i)
    inner.arguments.push_back({node.operands[i], known[node.operands[i]] ? Role::scalar : Role::none});
  for (auto v : region.results) inner.results.push_back({"", v, Role::none});
  inner.values = std::move(f.values);
  inner.body.nodes = std::move(region.nodes);
  if (node.op == OpCode::scan) carries();
}

// As what is read and replaced by a step, by a name.
void RegionAsFunction::carries() {
  Scan const s(node_);
  for (size_t i = 0; i < s.carries; ++i) {
    auto& name = inner.values[s.carried(i)].name;
    names_.push_back(name);
    name = "carry " + std::to_string(i);
    inner.arguments[s.sequences + i].role = Role::state;
    inner.results[i].name = name;
    inner.results[i].role = Role::state;
  }
}

RegionAsFunction::~RegionAsFunction() {
  outer_.values = std::move(inner.values);
  region_.nodes = std::move(inner.body.nodes);
  for (size_t i = 0; i < inner.results.size(); ++i) region_.results[i] = inner.results[i].value;
  if (node_.op != OpCode::scan) return;
  Scan const s(node_);
  for (size_t i = 0; i < s.carries; ++i) outer_.values[s.carried(i)].name = names_[i];
}

} // namespace nnc::fusion
