// Orders of sums (ir/order.h says what each means).
//
//     %0 = dot %x, %w {contract_lhs=[1], contract_rhs=[0]} : f32[batch,10]          %x: f32[batch,784]
//     %1 = reduce_sum %0 {axes=[1]} : f32[batch]
//     %2 = reduce_sum %1 {axes=[0]} : f32[]
//  becomes
//     %0 = dot %x, %w {contract_lhs=[1], contract_rhs=[0], order=chain} : f32[batch,10]
//     %1 = reduce_sum %0 {axes=[1], order=lanes} : f32[batch]
//     %2 = reduce_sum %1 {axes=[0], order=blocks(256, lanes)} : f32[]
#include "passes/order.h"

#include "ir/op.h"

#include <algorithm>

namespace nnc {
namespace {

// Longer sums are taken in blocks: their rounding error grows with the block, not the length.
constexpr i64 longest = 4096;
constexpr i64 block = 256;
constexpr i64 few_outputs = 4; // so few columns do not fill a vector; the lanes then run along the sum

using Axes = std::vector<i64>;

// Blocks where a sum is long, or its length unknown.
Order in_blocks(Order::Kind kind, Dim const& extent) {
  auto known = extent.constant();
  return {kind, known && *known <= longest ? 0 : block};
}

Order order_of_reduce(Function const& f, Node const& n) {
  auto const& x = f.type(n.operands[0]);
  auto axes = n.attributes.get<Axes>("axes");
  if (!is_float(x.dtype) || axes.empty()) return {};
  bool along_rows = std::find(axes.begin(), axes.end(), x.rank() - 1) != axes.end();
  auto outermost = *std::min_element(axes.begin(), axes.end());
  return in_blocks(along_rows ? Order::Kind::lanes : Order::Kind::chain, x.shape[static_cast<size_t>(outermost)]);
}

// Products of the extents that are summed and of the free extents of the right side.
Order order_of_dot(Function const& f, Node const& n) {
  auto const& rhs = f.type(n.operands[1]);
  if (!is_float(rhs.dtype)) return {};
  auto const contract = n.attributes.get<Axes>("contract_rhs");
  auto const batch = n.attributes.get_or<Axes>("batch_rhs", {});
  Dim summed = 1, outputs = 1;
  for (i64 a = 0; a < rhs.rank(); ++a) {
    auto among = [&](Axes const& axes) { return std::find(axes.begin(), axes.end(), a) != axes.end(); };
    if (among(contract)) summed = summed * rhs.shape[static_cast<size_t>(a)];
    else if (!among(batch)) outputs = outputs * rhs.shape[static_cast<size_t>(a)];
  }
  bool known = summed.is_constant();
  bool few = known && outputs.constant().value_or(few_outputs + 1) <= few_outputs;
  return in_blocks(few ? Order::Kind::lanes : Order::Kind::chain, summed);
}

bool takes_order(Node const& n) {
  auto const& op = info(n.op);
  return std::any_of(op.attributes.begin(), op.attributes.end(), [](auto const& a) { return a.name == "order"; });
}

bool write_orders(Function& f, std::vector<Node>& nodes) {
  bool changed = false;
  for (auto& n : nodes) {
    for (auto& r : n.regions) changed |= write_orders(f, r.nodes);
    if (!takes_order(n) || n.attributes.has("order")) continue;
    n.attributes.set("order", info(n.op).has(contracts) ? order_of_dot(f, n) : order_of_reduce(f, n));
    changed = true;
  }
  return changed;
}

} // namespace

PassResult order(Module m, PassContext&) {
  bool changed = false;
  for (auto& f : m.functions) changed |= write_orders(f, f.body.nodes);
  return {std::move(m), changed};
}

} // namespace nnc
