// Kernels that go element by element: how many elements at a time, and what threads do not share.
#include "ir/index_map.h"
#include "ir/kernel_space.h"
#include "ir/op.h"
#include "passes/schedule/decide.h"

#include <algorithm>

namespace nnc::scheduling {
namespace {

constexpr i64 line = 16;       // elements of a cache line, which threads do not share
constexpr i64 most_lanes = 32; // of partial sums: so many vectors hide the latency of each other

// Of a run of `n` elements: a register full, more where partial sums of several vectors hide their latency, one where a
// reduction inside needs the lanes for itself.
i64 lanes_for(Dim const& n, Function const& f, Node const& k, Target const& target) {
  if (has_order(f, k, Order::Kind::lanes)) return 1;
  auto const c = n.constant();
  if (!c) return row_padding; // rows in slots are padded to it, so that whole vectors may be written
  i64 w = target.lanes();
  for (auto r : k.results) w = std::min(w, target.lanes(f.type(r).dtype));
  if (has_order(f, k, Order::Kind::chain))
    while (w < most_lanes && *c % (2 * w) == 0) w *= 2;
  if (*c % w != 0 && *c < 2 * w)
    for (w = 1; w < *c;) w *= 2;
  return *c == 1 ? 1 : w;
}

// Lines at a time: two registers of neighbours, which hide each other's latency; fewer where each line lies by itself,
// for rows of a power of two elements meet in one set of the cache.
i64 lanes_for_lines(Function const& f, Node const& k, Target const& target) {
  auto const& shape = f.type(k.results.front()).shape;
  auto const axis = static_cast<std::ptrdiff_t>(node_of(k).attributes.get<i64>("axis"));
  if (element_count({shape.begin() + axis + 1, shape.end()}) == Dim(1)) return 4;
  i64 w = target.lanes();
  for (auto r : k.results) w = std::min(w, target.lanes(f.type(r).dtype));
  return std::min(2 * w, row_padding);
}

// Sums of few terms are no loops, as long as the code stays short. Those of windows go along the axes, where guards
// are known.
PointwiseSchedule::Sums decide_sums(Function const& f, Node const& k) {
  using Sums = PointwiseSchedule::Sums;
  constexpr i64 most_unrolled_nodes = 128;
  auto const& nodes = k.regions.front().nodes;
  auto const longest = longest_chain(f, k);
  if (longest && *longest > 1 && *longest <= most_unrolled &&
      *longest * static_cast<i64>(nodes.size()) <= most_unrolled_nodes)
    return Sums::unrolled;
  auto const of_windows = [&](Node const& n) { return info(n.op).has(contracts) && is_guarded(*index_map(f, n, 0)); };
  return std::any_of(nodes.begin(), nodes.end(), of_windows) ? Sums::by_axes : Sums::as_one;
}

// Few sums over much, as the derivative of a depthwise kernel: one walk for all of them reads it once.
void decide_jam(PointwiseSchedule& s, Function const& f, Node const& k, Target const& target) {
  constexpr i64 other_registers = 6;
  if (s.sums != PointwiseSchedule::Sums::by_axes || !order_of(f, *contraction_in(k)).block) return;
  i64 axes = 0;
  auto const rank = f.type(k.results.front()).rank();
  for (i64 a = 1; a < rank; ++a)
    if (jammed_sums(f, k, a)) axes = a;
  if (axes == 0) return;
  i64 const sums = *jammed_sums(f, k, axes), lanes = target.lanes(f.type(k.results.front()).dtype),
            most = target.registers - other_registers;
  if (sums > most) return;
  s.jam = axes;
  i64 const run = innermost_run(f, k)->constant().value_or(s.lanes);
  while (s.lanes > lanes && (sums * (s.lanes / lanes) > most || run < 2 * s.lanes)) s.lanes /= 2; // for two threads
}

} // namespace

PointwiseSchedule decide_pointwise(Function const& f, Node const& k, Target const& target) {
  PointwiseSchedule s;
  if (k.kernel->kind == KernelKind::scatter) return s.lanes = target.lanes(f.type(k.results.front()).dtype), s;
  if (k.kernel->kind == KernelKind::lines) return s.lanes = lanes_for_lines(f, k, target), s;
  auto const run = innermost_run(f, k);
  if (!run) return s;
  s.lanes = lanes_for(*run, f, k, target);
  s.sums = decide_sums(f, k);
  decide_jam(s, f, k, target);
  s.unit = std::max(s.lanes, line);
  return s;
}

} // namespace nnc::scheduling
