// One node for every computation.
//
//     %a = exp %x : f32[8]
//     %b = exp %x : f32[8]
//     %c = mul %a, %b : f32[8]
//  becomes
//     %a = exp %x : f32[8]
//     %c = mul %a, %a : f32[8]
//
// Random bits are a function of their path, so equal ones are equal. The operands of commutative operators are compared
// without regard to their order.
#include "passes/cse.h"

#include "ir/op.h"
#include "passes/rewrite.h"

#include <algorithm>
#include <unordered_map>

namespace nnc {
namespace {

u64 mixed(u64 seed, u64 x) {
  return (seed ^ (x + 0x9E3779B97F4A7C15U + (seed << 6) + (seed >> 2))) * 0xBF58476D1CE4E5B9U;
}

class Duplicates {
public:
  explicit Duplicates(Function& f) : f_(f) {}

  // A node that was seen before and computes the same, or null; `n` is remembered.
  Node const* seen(Node const& n) {
    auto& bucket = table_[hash(n)];
    for (auto const& known : bucket)
      if (same(known, n)) return &known;
    bucket.push_back(n);
    return nullptr;
  }

private:
  // Equal literals are one value to us, whatever their number.
  ValueId canonical(ValueId v) const {
    auto const& value = f_.values[v];
    return value.constant ? literals_.value(f_, value.type.dtype, *value.constant, value.at) : v;
  }
  std::vector<ValueId> key(Node const& n) const {
    std::vector<ValueId> k;
    for (auto v : n.operands) k.push_back(canonical(v));
    if (info(n.op).has(commutative)) std::sort(k.begin(), k.end());
    return k;
  }
  u64 hash(Node const& n) const {
    u64 h = static_cast<u64>(n.op);
    for (auto v : key(n)) h = mixed(h, v);
    return mixed(h, n.attributes.empty() ? 0 : 1);
  }
  bool same(Node const& a, Node const& b) const {
    return a.op == b.op && a.results.size() == b.results.size() && a.attributes == b.attributes &&
           f_.type(a.result()) == f_.type(b.result()) && key(a) == key(b);
  }

  Function& f_;
  std::unordered_map<u64, std::vector<Node>> table_;
  mutable Literals literals_;
};

bool merge_duplicates(Function& f) {
  Rewriter rewriter(f);
  rewriter.hold_variables();
  Duplicates duplicates(f);
  rewriter.run([&](Node&& n) {
    auto* same = info(n.op).has(structural) ? nullptr : duplicates.seen(n);
    if (!same) return rewriter.keep(std::move(n));
    for (size_t i = 0; i < n.results.size(); ++i) rewriter.replace(n.results[i], same->results[i]);
  });
  return rewriter.changed;
}

} // namespace

PassResult cse(Module m, PassContext&) {
  bool changed = false;
  for (auto& f : m.functions) changed |= merge_duplicates(f);
  return {std::move(m), changed};
}

} // namespace nnc
