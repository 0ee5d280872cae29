// What must be stored is stored by a kernel: kernels stand with kernels, with reshapes of what is stored, and with
// scans and conds, whose regions give values of their own; numbers that every thread computes for itself need nothing
// that a kernel stores; each result with a buffer is a value of its own that a kernel stores.
#include "ir/host.h"
#include "ir/index_map.h"
#include "ir/memory.h"
#include "ir/op.h"
#include "ir/scan.h"
#include "ir/verify/parts.h"
#include "ir/walk.h"

#include <algorithm>
#include <fmt/core.h>
#include <set>

namespace nnc::verifying {
namespace {

class Stored {
public:
  Stored(Function const& f, KnownValues const& known, Complain const& complain)
      : f_(f), known_(known), complain_(complain, f), given_by_(f.values.size(), nullptr) {
    each_node(f.body.nodes, [&](Node const& n) {
      if (is_kernel(n))
        for (auto v : n.results) given_by_[v] = &n;
    });
  }

  bool run() {
    nodes(f_.body.nodes);
    results();
    return complain_.none();
  }

  // Of any function.
  void results() {
    std::vector<bool> taken(f_.values.size());
    auto const unchanged = unchanged_results(f_);
    for (size_t i = 0; i < f_.results.size(); ++i) {
      auto const& r = f_.results[i];
      if (is_report(r.role) ? is_at_hand(r) : unchanged[i]) continue;
      if (!is_stored(r)) complain_(at(r), fmt::format("result {} is stored by no kernel", r.name));
      else if (!is_report(r.role) && taken[r.value])
        complain_(at(r),
                  fmt::format("{} is another result already, and needs a copy to be {}", shown(f_, r.value), r.name));
      taken[r.value] = taken[r.value] || !is_report(r.role);
    }
  }

private:
  Location at(Result const& r) const { return f_.values[r.value].at; }
  bool is_at_hand(Result const& r) const { return f_.values[r.value].constant || given_by_[stored(r.value)]; }
  bool is_stored(Result const& r) const {
    auto const* k = given_by_[r.value];
    return k && !is_kernel(*k, KernelKind::scalars);
  }
  ValueId stored(ValueId v) const { return known_.roots.empty() ? v : known_.roots[v]; }

  void nodes(std::vector<Node> const& list) {
    for (auto const& n : list) {
      if (holds_scopes(n)) {
        for (auto const& r : n.regions) nodes(r.nodes);
        scope(n);
      } else if (is_alias(f_, n)) {
        if (f_.values[n.operands[0]].constant)
          complain_(n.at, "a reshape outside of a kernel is of a value that is stored");
      } else if (n.op != OpCode::kernel) {
        complain_(n.at, "beside kernels there are reshapes and nodes with regions only");
      } else if (is_kernel(n, KernelKind::scalars)) {
        for (auto v : n.operands)
          if (!known_.numbers[v]) complain_(n.at, fmt::format("{} is not known before the kernels run", shown(f_, v)));
      }
    }
  }

  // What a region gives is stored by a kernel in it, each value once; so is what a scan walks over and starts from.
  void scope(Node const& n) {
    auto const stored = [&](ValueId v) {
      auto const* k = f_.values[v].constant ? nullptr : given_by_[v];
      return k && !is_kernel(*k, KernelKind::scalars);
    };
    for (auto const& r : n.regions) {
      std::set<ValueId> own, taken;
      for (auto const& inner : r.nodes) own.insert(inner.results.begin(), inner.results.end());
      for (auto v : r.results)
        if (!stored(v) || !own.contains(v) || !taken.insert(v).second)
          complain_(n.at, fmt::format("{}, which a region of {} gives, is no value of its own of a kernel in it",
                                      shown(f_, v), info(n.op).name));
    }
    if (n.op != OpCode::scan) return;
    Scan const s(n);
    for (size_t i = 0; i < s.carries; ++i)
      if (!stored(s.first(i)) || std::count(n.operands.begin(), n.operands.end(), s.first(i)) > 1)
        complain_(n.at, fmt::format("{}, where a carry of scan lives, is no value of its own of a kernel",
                                    shown(f_, s.first(i))));
  }

  Function const& f_;
  KnownValues const& known_; // empty of functions without kernels
  Complaints complain_;
  std::vector<Node const*> given_by_; // per value: its kernel
};

bool is_finished(Node const& n) {
  if (holds_scopes(n)) return true; // what it holds is looked at
  return n.kernel && n.kernel->places && (n.kernel->schedule || n.kernel->kind == KernelKind::scalars);
}
Node const* unfinished(Function const& f, std::vector<Node> const& nodes) {
  for (auto const& n : nodes) {
    if (!is_alias(f, n) && !is_finished(n)) return &n;
    if (holds_scopes(n))
      for (auto const& r : n.regions)
        if (auto const* inner = unfinished(f, r.nodes)) return inner;
  }
  return nullptr;
}

} // namespace

bool verify_stored(Function const& f, KnownValues const& known, Complain const& complain) {
  return Stored(f, known, complain).run();
}

void verify_results(Function const& f, Complain const& complain) {
  KnownValues const nothing;
  Stored(f, nothing, complain).results();
}

void verify_all_passes(Function const& f, Complain const& complain) {
  if (auto const* n = unfinished(f, f.body.nodes))
    complain(n->at ? n->at : f.at,
             fmt::format("no code can be made of @{}: passes up to plan_memory are missing", f.name));
}

} // namespace nnc::verifying
