#include "ir/contraction.h"

#include "ir/kernel_space.h"
#include "ir/op.h"
#include "ir/view.h"

#include <algorithm>

namespace nnc {
namespace {

using Axes = std::vector<i64>;

constexpr i64 longest_block = 8192;          // a block is never cut
constexpr i64 most_packed_lanes = 64 * 1024; // elements of rhs, when the lanes run along the sum

Node const& dot_of(Node const& kernel) {
  for (auto const& n : kernel.regions.front().nodes)
    if (info(n.op).has(contracts)) return n;
  throw CompilerBug("a contraction without a dot");
}

Axes free_axes(Type const& t, Axes const& batch, Axes const& contract) {
  auto among = [](Axes const& axes, i64 a) { return std::find(axes.begin(), axes.end(), a) != axes.end(); };
  Axes rest;
  for (i64 a = 0; a < t.rank(); ++a)
    if (!among(batch, a) && !among(contract, a)) rest.push_back(a);
  return rest;
}

std::optional<PlainOperand> plain_operand(Function const& f, ContractOperand const& o,
                                          std::optional<View> const& view) {
  if (!view) return {};
  auto stride = [&](Axes const& axes) { return stride_of(f.type(o.value).shape, *view, axes); };
  auto const batch = stride(o.batch), outer = stride(o.outer), inner = stride(o.inner);
  if (!batch || !outer || !inner) return {};
  return PlainOperand{view->stored, *batch, *outer, *inner, view->offset};
}

bool fits_lanes(Contraction const& c) {
  auto const depth = c.depth.constant(), columns = c.columns.constant();
  return c.dtype == DType::f32 && depth && columns && *columns <= few_columns &&
         *columns * (*depth + order_lanes) <= most_packed_lanes;
}

} // namespace

Shape extents_of(Shape const& shape, Axes const& axes) {
  Shape extents;
  for (i64 a : axes) extents.push_back(shape[static_cast<size_t>(a)]);
  return extents;
}

LinearSum linear_sum(Order order, Shape const& summed) {
  LinearSum sum{order, 1, element_count(summed)};
  if (order.block == 0) return sum;
  auto cut = summed.begin() + order.axis;
  sum.order.block *= element_count({cut + 1, summed.end()}).constant().value();
  sum.order.axis = order.axis > 0;
  sum.outer = element_count({summed.begin(), cut});
  sum.period = element_count({cut, summed.end()});
  return sum;
}

Contraction contraction_of(Function const& f, Node const& kernel, std::vector<bool> const& numbers) {
  Contraction c{.dot = &dot_of(kernel)};
  auto const& dot = *c.dot;
  auto axes = [&](char const* name) { return dot.attributes.get_or<Axes>(name, {}); };
  auto operand = [&](size_t i, Axes const& batch, Axes const& contract) {
    ContractOperand o{.value = dot.operands[i], .batch = batch, .outer = {}, .inner = {}, .plain = {}};
    auto free = free_axes(f.type(o.value), batch, contract);
    o.outer = i == 0 ? free : contract;
    o.inner = i == 0 ? contract : free;
    o.plain = plain_operand(f, o, view_of(f, kernel, numbers, o.value));
    o.along_inner = o.outer.empty() || o.outer.back() != f.type(o.value).rank() - 1;
    return o;
  };
  c.dtype = f.type(dot.result()).dtype;
  c.lhs = operand(0, axes("batch_lhs"), axes("contract_lhs"));
  c.rhs = operand(1, axes("batch_rhs"), axes("contract_rhs"));
  if (auto const& p = c.rhs.plain; p && p->inner_stride != 1 && p->outer_stride != 1) c.rhs.plain.reset();
  auto count = [&](ContractOperand const& o, Axes const& list) {
    return element_count(extents_of(f.type(o.value).shape, list));
  };
  auto const sum = linear_sum(order_of(f, dot), extents_of(f.type(c.lhs.value).shape, c.lhs.inner));
  c.kind = sum.order.kind;
  c.block = sum.order.block;
  if (sum.order.axis) c.period = sum.period;
  c.batches = count(c.lhs, c.lhs.batch);
  c.rows = count(c.lhs, c.lhs.outer);
  c.depth = count(c.lhs, c.lhs.inner);
  c.columns = count(c.rhs, c.rhs.inner);
  if (c.kind == Order::Kind::lanes) c.lhs.along_inner = true, c.rhs.along_inner = false; // along the sum
  return c;
}

std::optional<i64> Contraction::blocks() const {
  auto const all = depth.constant(), one = period ? period->constant() : all;
  if (!all || !one) return {};
  return BlockRanges{*all, *one, block}.count();
}

bool fits_nest(Function const& f, Contraction const& c) {
  if (c.dtype != DType::f32 && c.dtype != DType::i32) return false;
  for (auto v : c.dot->operands) {
    if (f.type(v).dtype != c.dtype) return false;
    for (auto const& extent : f.type(v).shape)
      if (extent == Dim(0)) return false;
  }
  if (c.rhs.inner.empty() || !c.columns.is_constant()) return false;
  return c.kind == Order::Kind::lanes ? fits_lanes(c) : c.block <= longest_block;
}

i64 packed_depth(Contraction const& c, ContractSchedule const& s) {
  switch (s.pack_lhs) {
  case ContractSchedule::Pack::none: return 0;
  case ContractSchedule::Pack::whole: return *c.depth.constant();
  case ContractSchedule::Pack::chunks: break;
  }
  return s.depth_chunk;
}

ContractBuffers buffers_of(Contraction const& c, ContractSchedule const& s, i64 lanes) {
  i64 const panel = s.panels.front() * lanes, depth = s.depth_chunk ? s.depth_chunk : *c.depth.constant();
  i64 const rows = s.depth_chunk ? round_up(s.long_chunk(), s.tile_rows) : s.tile_rows;
  ContractBuffers b;
  if (!s.direct) b.panel = panel * (depth + lanes); // a transposing pack writes a little more
  b.rhs_rows = panel * s.rhs_stride;
  if (s.pack_lhs != ContractSchedule::Pack::none) b.lhs = (s.row_chunk + lanes) * s.lhs_stride;
  b.totals = panel * std::max<i64>(rows, 1) * (c.blocked() ? places_of_blocks(c.blocks()) : 1);
  return b;
}

} // namespace nnc
