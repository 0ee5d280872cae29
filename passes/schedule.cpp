// Schedules from extents and from the numbers of the target.
//
//     %h = kernel %x, %w {kind="contract"} { ... dot ... }        batch x 784 by 784 x 512, 16 registers of 32 bytes
//  becomes
//     %h = kernel %x, %w {kind="contract", pack_lhs=false, pack_rhs=true, parallel=true, tile_rows=4, tile_vectors=3} {
//     ... }
//
// A tile of tile_rows x tile_vectors accumulators, tile_vectors operands and one broadcast fill the registers:
// rows * vectors + vectors + 1 <= registers. The right side is packed panel by panel, unless few rows of the left
// side read it, whole vectors at a time; the left side is read in place, unless it is computed.
#include "passes/schedule.h"

#include "ir/kernel.h"
#include "ir/op.h"
#include "passes/fuse.h"

#include <algorithm>

namespace nnc {
namespace {

using Axes = std::vector<i64>;

// Rough costs on one core, in nanoseconds; they only decide about threads.
constexpr f64 ns_per_flop = 1.0 / 60;    // of a contraction
constexpr f64 ns_per_element = 0.06;     // one cheap node, vectorised, in cache
constexpr f64 ns_per_costly = 0.5;       // exp and its like
constexpr f64 ns_worth_splitting = 1500; // a barrier takes some 300
constexpr f64 ns_per_thread = 25000;     // of a step, to make a further thread worthwhile
constexpr i64 most_threads = 64;
constexpr i64 assumed_batch = 32;
constexpr i64 few_rows = 32; // a panel that so few rows read is not worth packing

class Scheduler {
public:
  Scheduler(Module const& m, Function& f) : f_(f), target_(*m.target) {
    extents_ = m.bindings;
    if (!extents_[0]) extents_[0] = m.training ? m.training->batch : assumed_batch;
    if (!extents_[1]) extents_[1] = *extents_[0];
  }

  bool run() {
    bool changed = false;
    f64 total = 0;
    for (auto& n : f_.body.nodes) {
      if (n.op != OpCode::kernel || n.attributes.has("parallel")) continue;
      auto const kind = kernel_kind(n);
      if (kind == KernelKind::scalars) continue;
      if (kind == KernelKind::contract) tile(n);
      f64 ns = cost(n);
      n.attributes.set("parallel", splits(n) && ns >= ns_worth_splitting);
      total += ns;
      changed = true;
    }
    if (changed) f_.threads = static_cast<i64>(std::clamp<f64>(total / ns_per_thread, 1, most_threads));
    return changed;
  }

private:
  f64 elements(ValueId v) const { return static_cast<f64>(element_count(f_.type(v).shape).value(extents_)); }

  static Node const& dot_of(Node const& k) {
    auto const& nodes = k.regions.front().nodes;
    return *std::find_if(nodes.begin(), nodes.end(), [](Node const& n) { return info(n.op).has(contracts); });
  }

  // The product of the extents of these axes, at least 1.
  f64 summed(ValueId operand, Axes const& axes) const {
    f64 product = 1;
    for (i64 a : axes)
      product *= std::max(1.0, static_cast<f64>(f_.type(operand).shape[static_cast<size_t>(a)].value(extents_)));
    return product;
  }

  f64 cost(Node const& k) const {
    f64 ns = 0;
    for (auto const& n : k.regions.front().nodes) {
      auto const& op = info(n.op);
      if (op.has(contracts))
        ns += 2 * elements(n.result()) * summed(n.operands[0], n.attributes.get<Axes>("contract_lhs")) * ns_per_flop;
      else
        ns += std::max(elements(n.result()), op.has(reduces) ? elements(n.operands[0]) : 0) *
              (op.has(costly) || op.has(random) ? ns_per_costly : ns_per_element);
    }
    return ns;
  }

  // Is there more than one unit of work? A sum to a scalar has none, a scatter adds in the order of its indices.
  bool splits(Node const& k) const {
    if (kernel_kind(k) == KernelKind::scatter) return false;
    return std::any_of(k.results.begin(), k.results.end(), [&](ValueId v) { return f_.type(v).rank() > 0; });
  }

  // Does it lie in memory, perhaps seen as another shape or with its axes in another order?
  static bool reads_as_is(Node const& k, ValueId v) {
    for (auto const& n : k.regions.front().nodes)
      if ((n.op == OpCode::reshape || n.op == OpCode::transpose) && n.result() == v)
        return reads_as_is(k, n.operands[0]);
    return std::find(k.operands.begin(), k.operands.end(), v) != k.operands.end();
  }

  void tile(Node& k) const {
    auto const& dot = dot_of(k);
    auto const lhs = dot.operands[0], rhs = dot.operands[1];
    auto const contract_lhs = dot.attributes.get<Axes>("contract_lhs"),
               contract_rhs = dot.attributes.get<Axes>("contract_rhs");
    auto last = [&](ValueId v) { return f_.type(v).rank() - 1; };
    bool rhs_by_rows = contract_rhs.empty() || contract_rhs.back() != last(rhs);

    auto const batch_lhs = dot.attributes.get_or<Axes>("batch_lhs", {}),
               batch_rhs = dot.attributes.get_or<Axes>("batch_rhs", {});
    f64 columns = elements(rhs) / summed(rhs, contract_rhs) / summed(rhs, batch_rhs);
    i64 const lanes = target_.vector_bytes / bytes(DType::f32);
    auto vectors = static_cast<i64>((columns + static_cast<f64>(lanes) - 1) / static_cast<f64>(lanes));
    i64 tile_vectors = vectors == 4 ? 2 : std::clamp<i64>(vectors, 1, 3);
    i64 tile_rows = tile_vectors == 1 || target_.registers >= 32 ? 8 : 4;
    while (tile_rows > 1 && tile_rows * tile_vectors + tile_vectors + 1 > target_.registers) tile_rows /= 2;

    Dim rows = element_count(f_.type(lhs).shape);
    for (auto const& axes : {contract_lhs, batch_lhs})
      for (i64 a : axes) rows = rows.divided_by(f_.type(lhs).shape[static_cast<size_t>(a)]).value_or(rows);
    bool whole = static_cast<i64>(columns) % lanes == 0; // no vector reaches beyond a row
    bool direct = rhs_by_rows && whole && reads_as_is(k, rhs) && rows.constant().value_or(few_rows + 1) <= few_rows;

    k.attributes.set("tile_rows", tile_rows);
    k.attributes.set("tile_vectors", tile_vectors);
    k.attributes.set("pack_lhs", !reads_as_is(k, lhs));
    k.attributes.set("pack_rhs", !direct);
  }

  Function& f_;
  Target target_;
  Bindings extents_;
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
