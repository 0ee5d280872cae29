// Random schedules. Whatever the verifier lets through must give the same bits, so that it is asked which ones to keep.
#pragma once

#include "ir/contraction.h"
#include "ir/memory.h"
#include "ir/op.h"
#include "ir/scratch.h"
#include "ir/verify.h"
#include "passes/pass.h"

#include <doctest/doctest.h>

#include <random>

namespace nnc::schedules {

// Kernels that have no schedule get theirs.
inline Module decided(Module m) {
  PassContext context;
  if (m.target) context.target = *m.target;
  return pass_named("schedule")->run(std::move(m), context).module;
}

class Draw {
public:
  Draw(Module& m, u32 seed) : m_(m), random_(seed) {}

  // Changes the schedules of all kernels; says how many changes were kept. Afterwards the functions have the scratch
  // that these take.
  int run() {
    int kept = 0;
    for (auto& f : m_.functions) {
      if (is_planned(f)) f.scratch = i64{1} << 40;
      for (auto& n : f.body.nodes)
        for (int i = 0; n.kernel && n.kernel->schedule && i < 12; ++i) {
          auto const before = n.kernel->schedule;
          change(f, n);
          bool const fine = verify(m_).empty();
          kept += fine && before != n.kernel->schedule;
          if (!fine) n.kernel->schedule = before;
        }
      if (is_planned(f)) f.scratch = scratch_bytes(f, m_.target.value_or(Target{}));
    }
    return kept;
  }

private:
  i64 below(i64 n) { return static_cast<i64>(random_() % static_cast<u64>(n)); }
  i64 one_of(std::initializer_list<i64> list) { return *(list.begin() + below(static_cast<i64>(list.size()))); }

  void change(Function const& f, Node& n) {
    auto& s = *n.kernel->schedule;
    if (below(8) == 0) s.parallel = !s.parallel;
    switch (n.kernel->kind) {
    case KernelKind::scalars: break;
    case KernelKind::pointwise:
    case KernelKind::scatter:
    case KernelKind::lines:
      s.pointwise.lanes = i64{1} << below(6);
      if (n.kernel->kind == KernelKind::pointwise) {
        s.pointwise.unit = s.pointwise.lanes * (1 + below(40));
        s.pointwise.jam = below(4) ? 0 : 1 + below(2);
        s.pointwise.sums = static_cast<PointwiseSchedule::Sums>(below(sum_walks.size()));
        cut(s);
      }
      break;
    case KernelKind::rows:
      rows(n, s.rows);
      cut(s);
      break;
    case KernelKind::contract: contract(f, n, s.contract); break;
    }
  }

  void cut(Schedule& s) {
    if (below(3)) return;
    s.cut.clear();
    for (i64 loop = 0; loop < 4; ++loop)
      if (below(2)) s.cut.push_back(loop);
  }

  void rows(Node const& n, RowsSchedule& s) {
    s = {.unrolled = below(2) == 0, .keep = {}};
    for (size_t i = 0; i < n.regions.front().nodes.size(); ++i)
      if (info(n.regions.front().nodes[i].op).has(costly) && below(2)) s.keep.push_back(static_cast<i64>(i));
  }

  // A few fields anew, and strides that fit.
  void contract(Function const& f, Node const& n, ContractSchedule& s) {
    auto const c = contraction_of(f, n, numbers_of_threads(f));
    if (below(2)) s.tile_rows = one_of({1, 2, 3, 4, 5, 6, 8, 16});
    if (c.kind == Order::Kind::lanes) return;
    static std::vector<i64> const panels[] = {{1}, {2}, {2, 1}, {3}, {3, 2}};
    if (below(2)) s.panels = panels[below(5)];
    if (below(2)) s.depth_chunk = one_of({0, 1, 3, 7, 64, 500}) * std::max<i64>(1, c.block);
    if (below(2)) s.row_chunk = row_padding * below(5);
    if (below(2)) s.row_chunk_long = row_padding * below(3);
    if (below(2)) s.pack_lhs = static_cast<ContractSchedule::Pack>(below(4));
    if (below(2)) s.split = static_cast<ContractSchedule::Split>(below(3));
    if (below(3) == 0) s.direct = !s.direct;
    s.depth_outside = packs_by_chunks(s) && c.columns.is_constant() && below(2);
    if (below(3) == 0) s.finish_rows = !c.box && !s.finish_rows;
    s.box_rows = s.pack_lhs == ContractSchedule::Pack::windows && c.box && c.box->rows_in_order && below(2);
    s.lhs_ahead = s.pack_lhs == ContractSchedule::Pack::none ? one_of({0, 1, 24}) : 0;
    if (below(3) == 0) s.prefetch = !s.prefetch;
    if (below(3) == 0) s.rhs_once = !s.rhs_once;
    bool const known = s.depth_chunk || c.depth.is_constant();
    i64 const depth = known && !s.depth_chunk ? *c.depth.constant() : s.depth_chunk;
    bool const whole = s.pack_lhs == ContractSchedule::Pack::whole;
    bool const windows = s.pack_lhs == ContractSchedule::Pack::windows;
    s.lhs_stride = s.pack_lhs == ContractSchedule::Pack::none || windows || (whole && !c.depth.is_constant())
                       ? 0
                       : packed_depth(c, s) + below(40);
    s.rhs_stride = c.rhs.plain || c.rhs.along_inner ? 0 : (depth + 15) / 16 * 16 + below(40);
  }

  Module& m_;
  std::mt19937 random_;
};

} // namespace nnc::schedules
