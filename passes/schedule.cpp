// Says how fast, never what: tiles and packing of contractions, which kernels are worth splitting, how many threads.
// Whatever it writes, the bits of the results are the same.
//
// Schedules from extents and from the numbers of the target; each kind of kernel has a file in passes/schedule/.
//
//     %h = kernel %x, %w {kind="contract"} { ... dot ... }        batch x 784 by 784 x 512, 16 registers of 32 bytes
//  becomes
//     %h = kernel %x, %w {kind="contract", parallel=true, tile_rows=4, panels=[3, 2], split="columns"} { ... }
#include "ir/memory.h"
#include "ir/scan.h"
#include "ir/walk.h"
#include "passes/fuse.h"
#include "passes/memory/places.h"
#include "passes/pass.h"
#include "passes/schedule/decide.h"

#include <algorithm>

namespace nnc {
namespace {

class Scheduler {
public:
  Scheduler(Module const& m, Function& f)
      : f_(f), target_(*m.target), extents_(scheduling::ordinary_extents(m)), numbers_(numbers_of_threads(f)),
        in_place_(f.values.size()) {
    auto const replaced = f.replaced_arguments();
    memory::Replacing const replacing(f, f.body.nodes);
    for (size_t i = 0; i < replaced.size(); ++i)
      if (replaced[i])
        in_place_[f.results[i].value] = replacing.is_in_place(f.arguments[*replaced[i]].value, f.results[i].value);
  }

  bool run() {
    nodes(f_.body.nodes, 1);
    if (changed_) f_.threads = scheduling::worthwhile_threads(total_);
    return changed_;
  }

private:
  void nodes(std::vector<Node>& list, f64 rounds) {
    for (auto& n : list) {
      if (holds_scopes(n))
        for (auto& r : n.regions)
          nodes(r.nodes, n.op == OpCode::scan ? rounds * static_cast<f64>(Scan(n).length) : rounds);
      if (!n.kernel || n.kernel->schedule || n.kernel->kind == KernelKind::scalars) continue;
      f64 const ns = scheduling::cost(f_, n, extents_);
      n.kernel->schedule = decide(n);
      n.kernel->schedule->parallel = scheduling::worth_splitting(f_, n, ns);
      total_ += ns * rounds;
      changed_ = true;
    }
  }

  // What no nest takes is computed element by element.
  Schedule decide(Node& k) {
    Schedule s;
    if (k.kernel->kind == KernelKind::contract) {
      auto const c = contraction_of(f_, k, numbers_);
      if (fits_nest(f_, c)) {
        s.contract = scheduling::decide_contract(c, tensors_of_epilogue(k, c), target_);
        s.contract.prefetch = prefetches(k, c);
        return s;
      }
      k.kernel->kind = KernelKind::pointwise;
    }
    if (k.kernel->kind == KernelKind::rows) s.rows = scheduling::decide_rows(f_, k);
    else s.pointwise = scheduling::decide_pointwise(f_, k, target_);
    if (k.kernel->kind == KernelKind::rows || k.kernel->kind == KernelKind::pointwise)
      s.cut = scheduling::decide_cuts(f_, k, s);
    return s;
  }

  i64 tensors_of_epilogue(Node const& k, Contraction const& c) const {
    auto const& result = f_.type(c.dot->result()).shape;
    auto is_large = [&](ValueId v) { return f_.type(v).shape == result && v != c.lhs.value && v != c.rhs.value; };
    return std::count_if(k.results.begin(), k.results.end(), is_large) +
           std::count_if(k.operands.begin(), k.operands.end(), is_large);
  }

  // Are the results that are updated in place so big that they come from far?
  bool prefetches(Node const& k, Contraction const& c) const {
    auto const rows = c.rows.constant(), batches = c.batches.constant(), columns = c.columns.constant();
    if (!rows || !batches || !columns || c.kind == Order::Kind::lanes) return false;
    i64 const each = bytes(c.dtype) * *batches * *rows * *columns;
    return updated_in_place(k) * each > target_.l2 / 4;
  }
  i64 updated_in_place(Node const& k) const {
    return std::count_if(k.results.begin(), k.results.end(), [&](ValueId v) { return in_place_[v]; });
  }

  Function& f_;
  f64 total_ = 0; // nanoseconds
  bool changed_ = false;
  Target const& target_;
  Bindings extents_;
  std::vector<bool> numbers_;  // per value
  std::vector<bool> in_place_; // per value: a result that will be written over the argument that it replaces
};

} // namespace

PassResult schedule(Module m, PassContext& context) {
  bool changed = !m.target;
  if (!m.target) m.target = context.target;
  for (auto& f : m.functions) {
    changed |= make_kernel_of_every_node(f);
    changed |= Scheduler(m, f).run();
  }
  return {std::move(m), changed};
}

} // namespace nnc
