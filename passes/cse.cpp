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
// without regard to their order. In a scope, what is around it is known; what is in it is known to nobody else.
#include "passes/cse.h"

#include "ir/op.h"
#include "passes/pass.h"
#include "passes/rewrite.h"

#include <algorithm>
#include <bit>
#include <unordered_map>

namespace nnc {
namespace {

u64 mixed(u64 seed, u64 x) {
  return (seed ^ (x + 0x9E3779B97F4A7C15U + (seed << 6) + (seed >> 2))) * 0xBF58476D1CE4E5B9U;
}

u64 hash_of(bool x) { return x; }
u64 hash_of(i64 x) { return static_cast<u64>(x); }
u64 hash_of(f64 x) { return std::bit_cast<u64>(x); }
u64 hash_of(std::string const& x) { return std::hash<std::string>()(x); }
u64 hash_of(Dim const& d) { return d.is_constant() ? hash_of(*d.constant()) : hash_of(d.text()); }
u64 hash_of(Order const& o) { return mixed(mixed(static_cast<u64>(o.kind), hash_of(o.block)), hash_of(o.axis)); }
u64 hash_of(Place const& p) { return mixed(static_cast<u64>(p.kind), hash_of(p.index)); }
template <class T>
u64 hash_of(std::vector<T> const& all) {
  u64 h = all.size();
  for (auto const& x : all) h = mixed(h, hash_of(x));
  return h;
}

class Duplicates {
public:
  explicit Duplicates(Rewriter const& rewriter) : rewriter_(rewriter), f_(rewriter.function) {}

  // A node that was kept before and computes the same, or null; `n`, which is then kept, is remembered.
  Node const* seen(Node const& n) {
    auto& bucket = table_[hash(n)];
    for (ValueId v : bucket) {
      ++compared_;
      auto const* known = rewriter_.definition(v); // nothing, if it stands in another scope
      if (known && same(*known, n)) return known;
    }
    bucket.push_back(n.result());
    return nullptr;
  }
  i64 compared() const { return compared_; }

private:
  // Equal literals are one value to us, whatever their number.
  ValueId canonical(ValueId v) const {
    auto const& value = f_.values[v];
    return value.constant ? f_.literals.value(f_, value.type.dtype, *value.constant, value.at) : v;
  }
  std::vector<ValueId> key(Node const& n) const {
    std::vector<ValueId> k;
    for (auto v : n.operands) k.push_back(canonical(v));
    if (info(n.op).has(commutative)) std::sort(k.begin(), k.end());
    return k;
  }
  // Of all that `same` compares: many slices of one value must not meet.
  u64 hash(Node const& n) const {
    u64 h = static_cast<u64>(n.op);
    for (auto v : key(n)) h = mixed(h, v);
    for (auto const& [name, value] : n.attributes)
      h = mixed(mixed(h, hash_of(name)), std::visit([](auto const& x) { return hash_of(x); }, value));
    auto const& type = f_.type(n.result());
    return mixed(mixed(h, static_cast<u64>(type.dtype)), hash_of(type.shape));
  }
  bool same(Node const& a, Node const& b) const {
    return a.op == b.op && a.results.size() == b.results.size() && a.attributes == b.attributes &&
           f_.type(a.result()) == f_.type(b.result()) && key(a) == key(b);
  }

  Rewriter const& rewriter_;
  Function& f_;
  std::unordered_map<u64, std::vector<ValueId>> table_; // first results
  i64 compared_ = 0;
};

} // namespace

bool merge_duplicates(Function& f, i64* compared) {
  Rewriter rewriter(f);
  rewriter.hold_variables();
  Duplicates duplicates(rewriter);
  rewriter.run([&](Node&& n) {
    auto* same = info(n.op).has(structural) ? nullptr : duplicates.seen(n);
    if (!same) return rewriter.keep(std::move(n));
    for (size_t i = 0; i < n.results.size(); ++i) rewriter.replace(n.results[i], same->results[i]);
  });
  if (compared) *compared += duplicates.compared();
  return rewriter.changed;
}

PassResult cse(Module m, PassContext&) { return each_function(std::move(m), [](Function& f) { return merge_duplicates(f); }); }

} // namespace nnc
