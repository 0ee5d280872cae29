// Rules about shapes: nodes that only move elements disappear, meet, or become part of a contraction.
#include "passes/simplify_rules.h"

#include "ir/index_map.h"

#include <algorithm>

namespace nnc {
namespace {

using Axes = std::vector<i64>;

Axes axes_of(Node const& n, std::string_view name) { return n.attributes.get<Axes>(name); }
Axes axes_or_none(Node const& n, std::string_view name) { return n.attributes.get_or<Axes>(name, {}); }

bool contains(Axes const& axes, i64 a) { return std::find(axes.begin(), axes.end(), a) != axes.end(); }

// Reads one tensor, each element by its index alone.
std::optional<IndexMap> view_of(Match& m, Node const& n) {
  if (!info(n.op).has(moves_data) || n.operands.size() != 1) return {};
  return index_map(m.make.function(), n, 0);
}

// What moves every element to where it was, or folds nothing away (a reshape to the same shape, a slice of everything,
// a pad by nothing, a concat of one ...): x -> x
ValueId moves_nothing(Match& m, Node const& n) {
  auto const& op = info(n.op);
  if (!(op.has(moves_data) || op.join) || m.type(n.operands[0]) != m.type(n.result())) return no_value;
  auto const& f = m.make.function();
  auto const map = index_map(f, n, 0);
  return map && is_identity(*map, space_of(f, n).size()) ? n.operands[0] : no_value;
}

// A slice, where every coordinate goes forwards along the axis of its number.
ValueId as_slice(Match& m, ValueId x, IndexMap const& map, Type const& to) {
  std::vector<Dim> start, limit;
  Axes stride;
  if (map.coordinates.size() != to.shape.size()) return no_value;
  for (size_t i = 0; i < map.coordinates.size(); ++i) {
    auto const& c = map.coordinates[i];
    if (c.axes != 1 || c.terms.size() != 1 || c.terms[0].axis != static_cast<i64>(i)) return no_value;
    auto const step = c.terms[0].step.constant().value_or(0);
    if (step < 1 || to.shape[i] == Dim(0)) return no_value;
    start.push_back(c.offset);
    limit.push_back(c.offset + (to.shape[i] - 1) * Dim(step) + 1);
    stride.push_back(step);
  }
  Attributes a{{"start", start}, {"limit", limit}};
  bool const by_more = std::any_of(stride.begin(), stride.end(), [](i64 s) { return s != 1; });
  if (by_more) a.set("stride", stride);
  return m.make.make(OpCode::slice, {x}, a);
}

// The node that reads x by this map, where one does.
ValueId as_one_node(Match& m, ValueId x, IndexMap const& map, Type const& to) {
  Shape const from = m.type(x).shape;
  if (is_identity(map, to.shape.size()) && from == to.shape) return x;
  Axes axes; // where the axes of x go
  for (size_t j = 0; j < map.coordinates.size(); ++j) {
    auto const& c = map.coordinates[j];
    bool const all = c.terms.size() == 1 && c.is_axis(c.terms[0].axis);
    if (all && from[j] == to.shape[static_cast<size_t>(c.terms[0].axis)]) axes.push_back(c.terms[0].axis);
  }
  bool const whole = axes.size() == from.size();
  if (whole && is_selection(map)) return m.make.make(OpCode::broadcast, {x}, {{"axes", axes}}, to);
  if (is_row_major(map, from, to.shape)) return m.make.reshape(x, to.shape);
  if (whole && axes.size() == to.shape.size()) {
    Axes permutation(axes.size());
    for (size_t i = 0; i < axes.size(); ++i) permutation[static_cast<size_t>(axes[i])] = static_cast<i64>(i);
    return m.make.transpose(x, permutation);
  }
  auto const affine = [](IndexMap::Coordinate const& c) { return c.is_affine(); };
  if (!std::all_of(map.coordinates.begin(), map.coordinates.end(), affine)) return no_value;
  return as_slice(m, x, map, to);
}

// Two views in a row where one says the same: reshape(reshape(x)) -> reshape(x), transpose(broadcast(x)) ->
// broadcast(x) where the axes of x keep their order, slice(slice(x)) -> slice(x) ...
ValueId viewed_twice(Match& m, Node const& n) {
  auto const outer = view_of(m, n);
  auto const* x = outer ? m.definition(n.operands[0]) : nullptr;
  auto const inner = x ? view_of(m, *x) : std::nullopt;
  if (!inner) return no_value;
  auto const both = compose(*outer, *inner, m.type(n.operands[0]).shape, m.type(x->operands[0]).shape);
  return both ? as_one_node(m, x->operands[0], *both, Type(m.type(n.result()))) : no_value;
}

// A reshape of a scalar -> broadcast
ValueId reshape_scalar(Match& m, Node const& n) {
  if (n.op != OpCode::reshape || m.type(n.operands[0]).rank() != 0) return no_value;
  return m.make.broadcast_scalar(n.operands[0], m.type(n.result()).shape);
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
    {"moves_nothing", moves_nothing},           {"viewed_twice", viewed_twice},
    {"reshape_scalar", reshape_scalar},         {"reshape_sinks", reshape_sinks},
    {"transpose_into_dot", transpose_into_dot}, {"transpose_of_dot", transpose_of_dot},
    {"sum_of_literal", sum_of_literal},
};

} // namespace

std::span<Rule const> shape_rules() { return rules; }

} // namespace nnc
