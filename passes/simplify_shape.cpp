// Rules about shapes: nodes that only move elements disappear, meet, or become part of a contraction.
#include "passes/simplify_rules.h"

#include <algorithm>
#include <numeric>

namespace nnc {
namespace {

using Axes = std::vector<i64>;

Axes axes_of(Node const& n, std::string_view name) { return n.attributes.get<Axes>(name); }
Axes axes_or_none(Node const& n, std::string_view name) { return n.attributes.get_or<Axes>(name, {}); }

Axes first_axes(int n) {
  Axes a(static_cast<size_t>(n));
  std::iota(a.begin(), a.end(), 0);
  return a;
}

bool contains(Axes const& axes, i64 a) { return std::find(axes.begin(), axes.end(), a) != axes.end(); }

// reshape, broadcast, transpose, slice, pad, concat of one, reverse of nothing, reduce over nothing: x -> x
ValueId moves_nothing(Match& m, Node const& n) {
  if (n.operands.empty() || m.type(n.operands[0]) != m.type(n.result())) return no_value;
  auto const same = first_axes(m.type(n.result()).rank());
  switch (n.op) {
  case OpCode::reshape: return n.operands[0];
  case OpCode::broadcast: return axes_of(n, "axes") == same ? n.operands[0] : no_value;
  case OpCode::transpose: return axes_of(n, "permutation") == same ? n.operands[0] : no_value;
  case OpCode::concat: return n.operands.size() == 1 ? n.operands[0] : no_value;
  case OpCode::reverse: return axes_of(n, "axes").empty() ? n.operands[0] : no_value;
  case OpCode::reduce_sum:
  case OpCode::reduce_prod:
  case OpCode::reduce_max:
  case OpCode::reduce_min: return axes_of(n, "axes").empty() ? n.operands[0] : no_value;
  default: return no_value;
  }
}

// A slice of everything, a pad by nothing: x -> x
ValueId whole_slice(Match& m, Node const& n) {
  if (n.op != OpCode::slice && n.op != OpCode::pad) return no_value;
  if (m.type(n.operands[0]) != m.type(n.result())) return no_value;
  std::vector<Dim> const none(m.type(n.result()).shape.size(), 0);
  if (n.op == OpCode::pad)
    return n.attributes.get<std::vector<Dim>>("low") == none && n.attributes.get<std::vector<Dim>>("high") == none
               ? n.operands[0]
               : no_value;
  for (i64 s : axes_or_none(n, "stride"))
    if (s != 1) return no_value;
  return n.attributes.get<std::vector<Dim>>("start") == none ? n.operands[0] : no_value;
}

// reshape(reshape(x)) -> reshape(x)
ValueId reshape_twice(Match& m, Node const& n) {
  auto* inner = n.op == OpCode::reshape ? m.made_by(n.operands[0], OpCode::reshape) : nullptr;
  return inner ? m.make.reshape(inner->operands[0], m.type(n.result()).shape) : no_value;
}

// A reshape of a scalar, or of a scalar that is broadcast: -> broadcast
ValueId reshape_scalar(Match& m, Node const& n) {
  if (n.op != OpCode::reshape) return no_value;
  auto x = n.operands[0];
  if (auto* b = m.made_by(x, OpCode::broadcast); b && m.type(b->operands[0]).rank() == 0) x = b->operands[0];
  return m.type(x).rank() == 0 ? m.make.broadcast_scalar(x, m.type(n.result()).shape) : no_value;
}

// broadcast(broadcast(x)) -> broadcast(x)
ValueId broadcast_twice(Match& m, Node const& n) {
  auto* inner = n.op == OpCode::broadcast ? m.made_by(n.operands[0], OpCode::broadcast) : nullptr;
  if (!inner) return no_value;
  auto const outer = axes_of(n, "axes");
  auto axes = axes_of(*inner, "axes");
  for (auto& a : axes) a = outer[static_cast<size_t>(a)];
  return m.make.make(OpCode::broadcast, {inner->operands[0]}, {{"axes", axes}}, m.type(n.result()));
}

// transpose(transpose(x)) -> transpose(x);  transpose(broadcast(x)) -> broadcast(x), where the axes of x
// keep their order
ValueId transpose_of_moved(Match& m, Node const& n) {
  if (n.op != OpCode::transpose) return no_value;
  auto const p = axes_of(n, "permutation");
  if (auto* inner = m.made_by(n.operands[0], OpCode::transpose)) {
    auto const q = axes_of(*inner, "permutation");
    Axes both;
    for (i64 a : p) both.push_back(q[static_cast<size_t>(a)]);
    return m.make.transpose(inner->operands[0], both);
  }
  auto* b = m.made_by(n.operands[0], OpCode::broadcast);
  if (!b) return no_value;
  auto axes = axes_of(*b, "axes");
  for (auto& a : axes) a = std::find(p.begin(), p.end(), a) - p.begin();
  if (!std::is_sorted(axes.begin(), axes.end())) return no_value; // it transposes the operand itself
  return m.make.make(OpCode::broadcast, {b->operands[0]}, {{"axes", axes}}, m.type(n.result()));
}

// op(reshape(x), c) -> reshape(op(x, c)) for elementwise op and rank 0 c: elementwise chains grow together, and the
// reshape ends where it costs nothing
ValueId reshape_sinks(Match& m, Node const& n) {
  if (!is_elementwise(n)) return no_value;
  std::vector<ValueId> operands;
  Shape const* inside = nullptr;
  for (auto v : n.operands) {
    auto* r = m.made_by(v, OpCode::reshape);
    if (!r && m.type(v).rank() != 0) return no_value;
    auto x = r ? r->operands[0] : v;
    if (r) {
      if (inside && *inside != m.type(x).shape) return no_value;
      inside = &m.type(x).shape;
    }
    operands.push_back(x);
  }
  if (!inside) return no_value;
  Type const stated{m.type(n.result()).dtype, *inside}; // a copy: making a node moves the values
  return m.make.reshape(m.make.make(n.op, operands, n.attributes, stated), m.type(n.result()).shape);
}

// One side of a contraction whose operand is a transpose: the axes that the operand itself has. Empty when the free
// axes would come in another order.
struct Side {
  ValueId operand;
  Axes contract, batch;
};
std::optional<Side> without_transpose(Match& m, ValueId v, Axes const& contract, Axes const& batch) {
  auto* t = m.made_by(v, OpCode::transpose);
  if (!t) return {};
  auto const p = axes_of(*t, "permutation");
  i64 last = -1;
  for (size_t a = 0; a < p.size(); ++a) {
    if (contains(contract, static_cast<i64>(a)) || contains(batch, static_cast<i64>(a))) continue;
    if (p[a] < last) return {};
    last = p[a];
  }
  Side s{t->operands[0], contract, batch};
  for (auto& a : s.contract) a = p[static_cast<size_t>(a)];
  for (auto& a : s.batch) a = p[static_cast<size_t>(a)];
  return s;
}

ValueId make_dot(Match& m, Node const& n, Side const& lhs, Side const& rhs) {
  auto attributes = n.attributes;
  attributes.set("contract_lhs", lhs.contract);
  attributes.set("contract_rhs", rhs.contract);
  if (!lhs.batch.empty()) {
    attributes.set("batch_lhs", lhs.batch);
    attributes.set("batch_rhs", rhs.batch);
  }
  return m.make.make(OpCode::dot, {lhs.operand, rhs.operand}, attributes);
}

// dot(transpose(x), y) -> dot(x, y) over other axes; the order of the sum stays
ValueId transpose_into_dot(Match& m, Node const& n) {
  if (n.op != OpCode::dot) return no_value;
  Side lhs{n.operands[0], axes_of(n, "contract_lhs"), axes_or_none(n, "batch_lhs")};
  Side rhs{n.operands[1], axes_of(n, "contract_rhs"), axes_or_none(n, "batch_rhs")};
  auto l = without_transpose(m, lhs.operand, lhs.contract, lhs.batch);
  auto r = without_transpose(m, rhs.operand, rhs.contract, rhs.batch);
  return l || r ? make_dot(m, n, l.value_or(lhs), r.value_or(rhs)) : no_value;
}

bool few(Dim const& d) { return d.constant().value_or(few_columns + 1) <= few_columns; }

// transpose(dot(x, y)) -> dot(y, x) for two matrices. Not where `order` would tell the sides apart (few outputs to a
// row), unless the batch comes to the front by it: it can be nowhere else.
ValueId transpose_of_dot(Match& m, Node const& n) {
  auto* d = n.op == OpCode::transpose ? m.made_by(n.operands[0], OpCode::dot) : nullptr;
  if (!d || m.type(n.result()).rank() != 2 || axes_of(n, "permutation") != Axes{1, 0}) return no_value;
  auto const& shape = m.type(n.result()).shape;
  Side lhs{d->operands[0], axes_of(*d, "contract_lhs"), axes_or_none(*d, "batch_lhs")};
  Side rhs{d->operands[1], axes_of(*d, "contract_rhs"), axes_or_none(*d, "batch_rhs")};
  bool one_free_each = m.type(lhs.operand).shape.size() == lhs.contract.size() + 1 &&
                       m.type(rhs.operand).shape.size() == rhs.contract.size() + 1;
  if (!lhs.batch.empty() || !one_free_each || (few(shape[0]) != few(shape[1]) && shape[0].is_constant()))
    return no_value;
  return make_dot(m, *d, rhs, lhs);
}

// The sum over a scalar that is broadcast, where it is exact: integers over constant extents, and ones
ValueId sum_of_literal(Match& m, Node const& n) {
  auto* b = n.op == OpCode::reduce_sum ? m.made_by(n.operands[0], OpCode::broadcast) : nullptr;
  auto c = b ? m.literal(b->operands[0]) : std::nullopt;
  if (!c) return no_value;
  Dim count = 1;
  for (i64 a : axes_of(n, "axes")) count = count * m.type(n.operands[0]).shape[static_cast<size_t>(a)];
  auto known = count.constant();
  auto const dtype = m.type(n.result()).dtype;
  if (!known) return no_value;
  if (is_float(dtype) && (c->f != 1 || *known > (1 << 8))) return no_value; // every partial sum fits every float dtype
  i64 const wrapped = static_cast<i64>(static_cast<u64>(*known) * static_cast<u64>(c->i));
  auto sum = is_float(dtype) ? m.make.constant(dtype, static_cast<f64>(*known)) : m.make.integer(dtype, wrapped);
  return m.make.broadcast_scalar(sum, m.type(n.result()).shape);
}

constexpr Rule rules[] = {
    {"moves_nothing", moves_nothing},       {"whole_slice", whole_slice},
    {"reshape_twice", reshape_twice},       {"reshape_scalar", reshape_scalar},
    {"broadcast_twice", broadcast_twice},   {"transpose_of_moved", transpose_of_moved},
    {"reshape_sinks", reshape_sinks},       {"transpose_into_dot", transpose_into_dot},
    {"transpose_of_dot", transpose_of_dot}, {"sum_of_literal", sum_of_literal},
};

} // namespace

std::span<Rule const> shape_rules() { return rules; }

} // namespace nnc
