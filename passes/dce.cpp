// Keeps what a result is computed from.
//
//     %a = exp %x : f32[8]
//     %b = log %x : f32[8]
//     return %b
//  becomes
//     %b = log %x : f32[8]
//     return %b
#include "passes/dce.h"

#include "ir/scan.h"
#include "ir/walk.h"
#include "passes/pass.h"
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
    if (n.op == OpCode::scan) return keep_scan(n);
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
    if (n.attributes.has("places")) return;
    for (size_t i = n.results.size(); i-- > 0;) {
      if (needed_[n.results[i]]) continue;
      auto const at = static_cast<std::ptrdiff_t>(i);
      n.results.erase(n.results.begin() + at);
      for (auto& r : n.regions) r.results.erase(r.results.begin() + at);
      changed = true;
    }
  }

  // A carry is needed where it is read or is a result; what the next one is computed from is needed then, which may be
  // another carry.
  void keep_scan(Node& n) {
    Scan const s(n);
    for (size_t i = 0; i < s.stacks(); ++i)
      if (needed_[s.stack(i)]) need(s.given(i));
    for (bool more = true; more;) {
      more = false;
      for (size_t i = 0; i < s.carries; ++i)
        if (!needed_[s.next(i)] && (needed_[s.last(i)] || needed_[s.carried(i)])) {
          need(s.next(i));
          more = true;
        }
      std::vector<bool> const before = needed_;
      mark(s.body().nodes);
      more |= before != needed_;
    }
    drop_parts(n);
    run(n.regions.front().nodes);
    for (size_t i = 0; i < own_operands(n); ++i) need(n.operands[i]);
    for (auto v : n.regions.front().results) need(v);
    list_captures(f_, n);
    for (size_t i = own_operands(n); i < n.operands.size(); ++i) need(n.operands[i]);
  }
  // What the values that are needed are computed from; a node with regions may need all that it reads.
  void mark(std::vector<Node> const& nodes) {
    for (size_t i = nodes.size(); i-- > 0;)
      if (any(nodes[i].results)) each_read(nodes[i], [&](ValueId v) { need(v); });
  }
  void drop_parts(Node& n) {
    if (n.attributes.has("places")) return; // others count on them
    Scan const s(n);
    auto drop = [&](auto& list, size_t i) {
      list.erase(list.begin() + static_cast<std::ptrdiff_t>(i));
      changed = true;
    };
    auto& body = n.regions.front();
    i64 carries = static_cast<i64>(s.carries);
    for (size_t i = n.results.size(); i-- > s.carries;)
      if (!needed_[n.results[i]]) drop(n.results, i), drop(body.results, i);
    for (size_t i = s.carries; i-- > 0;) {
      if (needed_[n.results[i]] || needed_[body.arguments[s.sequences + i]]) continue;
      drop(n.results, i), drop(body.results, i), drop(body.arguments, s.sequences + i);
      drop(n.operands, s.sequences + i);
      --carries;
    }
    for (size_t i = s.sequences; i-- > 0;)
      if (!needed_[body.arguments[i]]) drop(body.arguments, i), drop(n.operands, i);
    if (carries) n.attributes.set("carries", carries);
    else n.attributes.erase("carries");
  }

  Function& f_;
  std::vector<bool> needed_; // per value
};

} // namespace

bool drop_unused(Function& f) {
  bool const scopes = std::any_of(f.body.nodes.begin(), f.body.nodes.end(), holds_scopes);
  bool changed = false;
  for (bool more = true; more;) {
    Needed needed(f);
    needed.run(f.body.nodes);
    changed |= needed.changed;
    more = needed.changed && scopes; // what a part of a scan read that is none now
  }
  return compact(f) || changed;
}

PassResult dce(Module m, PassContext&) { return each_function(std::move(m), drop_unused); }

} // namespace nnc
