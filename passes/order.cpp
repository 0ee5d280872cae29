// Writes the order of its sum onto every `dot` and `reduce`, from the extents that are summed and the dtype alone.
// Nothing later may change it: whatever the schedule, the target or the batch, the bits are those of this order.
//
// Orders of sums (ir/order.h says what each means). A sum over a few last axes and some in front of others becomes two.
//
//     %0 = dot %x, %w {contract_lhs=[1], contract_rhs=[0]} : f32[batch,10]          %x: f32[batch,784]
//     %1 = reduce_sum %0 {axes=[1]} : f32[batch]
//     %2 = reduce_sum %1 {axes=[0]} : f32[]
//  becomes
//     %0 = dot %x, %w {contract_lhs=[1], contract_rhs=[0], order=chain} : f32[batch,10]
//     %1 = reduce_sum %0 {axes=[1], order=lanes} : f32[batch]
//     %2 = reduce_sum %1 {axes=[0], order=blocks(256, lanes)} : f32[]
#include "passes/order.h"

#include "ir/contraction.h"
#include "ir/index_map.h"
#include "ir/op.h"
#include "ir/walk.h"
#include "passes/pass.h"
#include "passes/rewrite.h"

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

// How many of the reduced axes are the last ones, if these hold too few elements for the lanes, and the others lie in
// front of axes that stay: a sum along memory would go from one short piece to the next. 0: none are.
//
//     %s = reduce_sum %x {axes=[1, 3]} : f32[batch,8]                               %x: f32[batch,784,8,4]
//  becomes
//     %0 = reduce_sum %x {axes=[1]} : f32[batch,8,4]
//     %s = reduce_sum %0 {axes=[2]} : f32[batch,8]
size_t short_last_axes(Function const& f, Node const& n) {
  if (!info(n.op).has(reduces) || !info(n.op).join || n.attributes.has("order")) return 0;
  auto const axes = n.attributes.get<Axes>("axes");
  auto const& shape = f.type(n.operands[0]).shape;
  size_t count = 0;
  Dim elements = 1;
  while (count < axes.size() && axes[axes.size() - 1 - count] == static_cast<i64>(shape.size() - 1 - count))
    elements = elements * shape[shape.size() - 1 - count++];
  bool const few = elements.constant().value_or(order_lanes) < order_lanes;
  return few && count > 0 && count < axes.size() ? count : 0;
}

} // namespace

bool split_short_sums(Function& f) {
  Rewriter rewriter(f);
  rewriter.run([&](Node&& n) {
    size_t const count = short_last_axes(f, n);
    if (count == 0) return rewriter.keep(std::move(n));
    std::vector<Node> made;
    Builder make(f, made);
    make.at = n.at;
    auto const axes = n.attributes.get<Axes>("axes");
    Axes const first(axes.begin(), axes.end() - static_cast<std::ptrdiff_t>(count));
    ValueId const each = make.make(n.op, {n.operands[0]}, {{"axes", first}});
    Axes last;
    for (i64 a = f.type(each).rank() - static_cast<i64>(count); a < f.type(each).rank(); ++a) last.push_back(a);
    ValueId const value = make.make(n.op, {each}, {{"axes", last}});
    for (auto& x : made) rewriter.keep(std::move(x));
    rewriter.replace(n.result(), value);
  });
  return rewriter.changed;
}

Order order_of_sum(Function const& f, Node const& n) {
  return info(n.op).has(contracts) ? order_of_product(f, n) : order_of_reduce(f, n);
}

namespace {

bool write_orders(Function& f) {
  bool changed = split_short_sums(f);
  each_node(f.body.nodes, [&](Node& n) {
    if (!takes_order(n) || n.attributes.has("order")) return;
    n.attributes.set("order", order_of_sum(f, n));
    changed = true;
  });
  return changed;
}

} // namespace

PassResult order(Module m, PassContext&) { return each_function(std::move(m), write_orders); }

} // namespace nnc
