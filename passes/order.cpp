// Writes the order of its sum onto every `dot` and `reduce`, from the extents that are summed and the dtype alone.
// Nothing later may change it: whatever the schedule, the target or the batch, the bits are those of this order.
//
// Orders of sums (ir/order.h says what each means).
//
//     %0 = dot %x, %w {contract_lhs=[1], contract_rhs=[0]} : f32[batch,10]          %x: f32[batch,784]
//     %1 = reduce_sum %0 {axes=[1]} : f32[batch]
//     %2 = reduce_sum %1 {axes=[0]} : f32[]
//  becomes
//     %0 = dot %x, %w {contract_lhs=[1], contract_rhs=[0], order=chain} : f32[batch,10]
//     %1 = reduce_sum %0 {axes=[1], order=lanes} : f32[batch]
//     %2 = reduce_sum %1 {axes=[0], order=blocks(256, lanes)} : f32[]
#include "ir/contraction.h"
#include "ir/index_map.h"
#include "ir/op.h"
#include "ir/walk.h"
#include "passes/pass.h"

#include <algorithm>

namespace nnc {
namespace {

// The longest sums that are taken without blocks: of constant extents only. An accumulator then adds at most 1024
// elements in a row, or 256 in lanes, and 1024 times 0.1 is still exact to 1e-5.
constexpr i64 longest_chain = 1024, longest_lanes = 256 * order_lanes;
constexpr i64 block = 256; // elements of a block, about
constexpr i64 enough = 64; // for a block of a reduce to be one value of a symbolic axis: then all blocks are equal

using Axes = std::vector<i64>;

// So many values of an axis whose extent is known, at most `most`, that all blocks are equal, if half of that is
// enough.
i64 even_run(i64 extent, i64 most) {
  for (i64 run = most; run > most / 2; --run)
    if (extent % run == 0) return run;
  return most;
}

// Blocks where a sum is long, or its length unknown: the axes that fit a block from the last one on, and as many values
// of the next one as fit; one where its extent is unknown and `enough` elements are behind it.
Order in_blocks(Order::Kind kind, Shape const& extents, i64 enough = block) {
  auto all = element_count(extents).constant();
  if (all && *all <= (kind == Order::Kind::chain ? longest_chain : longest_lanes)) return {kind};
  i64 unit = 1;
  size_t axis = extents.size() - 1;
  for (; axis > 0; --axis) {
    auto extent = extents[axis].constant();
    if (!extent || unit * *extent > block) break;
    unit *= *extent;
  }
  auto const extent = extents[axis].constant();
  i64 const most = !extent && unit >= enough ? 1 : std::max<i64>(1, block / unit);
  return {kind, extent ? even_run(*extent, most) : most, static_cast<i64>(axis)};
}

Order order_of_reduce(Function const& f, Node const& n) {
  auto const& x = f.type(n.operands[0]);
  auto axes = n.attributes.get<Axes>("axes");
  if (!is_float(x.dtype) || axes.empty()) return {};
  bool along_rows = std::find(axes.begin(), axes.end(), x.rank() - 1) != axes.end();
  return in_blocks(along_rows ? Order::Kind::lanes : Order::Kind::chain, extents_of(x.shape, axes), enough);
}

// The columns say how many outputs a sum shares its lhs with. A sum over the taps of a window is one chain; one
// over images and the positions in them, which the derivative of a kernel is, may be long.
Order order_of_product(Function const& f, Node const& n) {
  if (!is_float(f.type(n.result()).dtype)) return {};
  auto const axes = contract_axes(f, n);
  auto const space = space_of(f, n);
  auto const outputs = element_count(extents_of(space, axes.columns)),
             summed = element_count(extents_of(space, axes.depth));
  auto const windows = window_axes(f, n);
  if (!axes.depth.empty() && windows[static_cast<size_t>(axes.depth.front())] && summed.is_constant()) return {};
  bool const by_windows = std::find(windows.begin(), windows.end(), true) != windows.end();
  bool const few = !by_windows && summed.is_constant() && outputs.constant().value_or(few_columns + 1) <= few_columns;
  return in_blocks(few ? Order::Kind::lanes : Order::Kind::chain, extents_of(space, axes.depth));
}

bool takes_order(Node const& n) {
  auto const& op = info(n.op);
  return std::any_of(op.attributes.begin(), op.attributes.end(), [](auto const& a) { return a.name == "order"; });
}

bool write_orders(Function& f) {
  bool changed = false;
  each_node(f.body.nodes, [&](Node& n) {
    if (!takes_order(n) || n.attributes.has("order")) return;
    n.attributes.set("order", info(n.op).has(contracts) ? order_of_product(f, n) : order_of_reduce(f, n));
    changed = true;
  });
  return changed;
}

} // namespace

PassResult order(Module m, PassContext&) { return each_function(std::move(m), write_orders); }

} // namespace nnc
