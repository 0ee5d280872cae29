// Keeps what a result is computed from.
//
//     %a = exp %x : f32[8]
//     %b = log %x : f32[8]
//     return %b
//  becomes
//     %b = log %x : f32[8]
//     return %b
#include "passes/dce.h"

#include "ir/walk.h"
#include "passes/rewrite.h"

#include <algorithm>

namespace nnc {

namespace {

// Backwards, what is needed known before what gives it.
class Needed {
public:
  explicit Needed(Function& f) : f_(f), needed_(f.values.size()) {
    for (auto const& r : f.results) needed_[r.value] = true;
  }

  void run(std::vector<Node>& nodes) {
    std::vector<bool> alive(nodes.size());
    for (size_t i = nodes.size(); i-- > 0;) {
      // What has its place stays: others may count on the barrier before it.
      alive[i] = (nodes[i].kernel && nodes[i].kernel->places) || any(nodes[i].results);
      if (alive[i]) keep(nodes[i]);
    }
    size_t i = 0;
    changed |= std::erase_if(nodes, [&](Node const&) { return !alive[i++]; }) > 0;
  }

  bool changed = false;

private:
  bool any(std::vector<ValueId> const& values) const {
    return std::any_of(values.begin(), values.end(), [&](ValueId v) { return needed_[v]; });
  }
  void need(ValueId v) { needed_[v] = true; }

  void keep(Node& n) {
    if (!holds_scopes(n)) return each_read(n, [&](ValueId v) { need(v); });
    drop_results(n);
    for (size_t i = 0; i < own_operands(n); ++i) need(n.operands[i]);
    for (auto& r : n.regions) {
      for (auto v : r.results) need(v);
      run(r.nodes);
    }
    list_captures(f_, n);
  }

  // What nobody reads is given by no side.
  void drop_results(Node& n) {
    for (size_t i = n.results.size(); n.op == OpCode::cond && i-- > 0;) {
      if (needed_[n.results[i]]) continue;
      auto const at = static_cast<std::ptrdiff_t>(i);
      n.results.erase(n.results.begin() + at);
      for (auto& r : n.regions) r.results.erase(r.results.begin() + at);
      changed = true;
    }
  }

  Function& f_;
  std::vector<bool> needed_; // per value
};

} // namespace

bool drop_unused(Function& f) {
  Needed needed(f);
  needed.run(f.body.nodes);
  return compact(f) || needed.changed;
}

PassResult dce(Module m, PassContext&) {
  bool changed = false;
  for (auto& f : m.functions) changed |= drop_unused(f);
  return {std::move(m), changed};
}

} // namespace nnc
