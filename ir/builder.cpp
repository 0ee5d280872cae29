// Appends typed nodes; literals are shared within a function.
#include "ir/builder.h"

#include "ir/node_limit.h"
#include "ir/scan.h"
#include "ir/tensor.h"
#include "ir/walk.h"

#include <algorithm>
#include <numeric>

namespace nnc {

ValueId Builder::value(Type t, std::string name) {
  function_.values.push_back({std::move(t), std::move(name), at, {}});
  return static_cast<ValueId>(function_.values.size() - 1);
}

std::vector<Type> Builder::types_of(OpCode op, std::vector<ValueId> const& operands, Attributes const& attributes,
                                    Type const* stated) {
  std::vector<Type> types;
  types.reserve(operands.size());
  for (auto v : operands) types.push_back(type(v));
  try {
    return result_types(op, types, attributes, stated);
  } catch (Error& e) {
    for (auto& d : e.diagnostics)
      if (!d.at) d.at = at;
    throw;
  }
}

ValueId Builder::make(OpCode op, std::vector<ValueId> operands, Attributes attributes, std::optional<Type> stated,
                      std::string name) {
  auto results = types_of(op, operands, attributes, stated ? &*stated : nullptr);
  if (results.size() != 1) throw CompilerBug("make is for operators with one result");
  if (stated && results.front() != *stated)
    throw CompilerBug(std::string(info(op).name) + " gives " + results.front().text() + ", stated is " +
                      stated->text());
  return make_many(op, std::move(operands), std::move(attributes), std::move(results), {std::move(name)}).front();
}

std::vector<ValueId> Builder::make_all(OpCode op, std::vector<ValueId> operands, Attributes attributes,
                                       Type const* stated) {
  auto results = types_of(op, operands, attributes, stated);
  return make_many(op, std::move(operands), std::move(attributes), std::move(results));
}

std::vector<ValueId> Builder::make_many(OpCode op, std::vector<ValueId> operands, Attributes attributes,
                                        std::vector<Type> results, std::vector<std::string> names) {
  count_node(function_, at);
  Node n;
  n.op = op;
  n.operands = std::move(operands);
  n.attributes = std::move(attributes);
  n.at = at;
  for (size_t i = 0; i < results.size(); ++i)
    n.results.push_back(value(std::move(results[i]), i < names.size() ? std::move(names[i]) : std::string()));
  into_->push_back(std::move(n));
  return into_->back().results;
}

std::vector<ValueId> Builder::cond(ValueId condition, std::vector<Region> sides) {
  std::vector<Type> types;
  for (auto v : sides.front().results) types.push_back(type(v));
  make_many(OpCode::cond, {condition}, {}, std::move(types));
  Node& n = into_->back();
  n.regions = std::move(sides);
  list_captures(function_, n);
  return n.results;
}

std::vector<ValueId> Builder::scan(std::vector<ValueId> sequences_and_carries, size_t carries, Rounds rounds,
                                   Region body) {
  std::vector<Type> types;
  for (size_t i = 0; i < body.results.size(); ++i)
    types.push_back(i < carries ? type(body.results[i]) : stacked(type(body.results[i]), rounds.count));
  for (auto const& t : types) need_countable(t);
  Attributes attributes{{"length", rounds.count}};
  if (carries) attributes.set("carries", static_cast<i64>(carries));
  if (rounds.reverse) attributes.set("reverse", true);
  if (rounds.recompute) attributes.set("recompute", true);
  make_many(OpCode::scan, std::move(sequences_and_carries), std::move(attributes), std::move(types));
  Node& n = into_->back();
  n.regions.push_back(std::move(body));
  list_captures(function_, n);
  return n.results;
}

ValueId Builder::argument(std::string name, Type t, Role role) {
  need_countable(t);
  auto v = value(std::move(t), std::move(name));
  function_.arguments.push_back({v, role});
  return v;
}

void Builder::result(std::string name, ValueId v, Role role) {
  function_.results.push_back({std::move(name), v, role});
}

ValueId Builder::constant(DType d, f64 c) {
  if (!is_float(d)) return integer(d, saturate_to(d, c));
  return function_.literals.value(function_, d, {.f = round_to(d, c)}, at);
}

ValueId Builder::integer(DType d, i64 c) {
  if (is_float(d)) return constant(d, static_cast<f64>(c));
  return function_.literals.value(function_, d, {.i = wrap_to(d, c)}, at);
}

ValueId Builder::like(ValueId v, f64 c) { return constant(type(v).dtype, c); }

ValueId Builder::convert(ValueId v, DType d) {
  if (type(v).dtype == d) return v;
  return make(OpCode::convert, {v}, {}, Type{d, type(v).shape});
}

ValueId Builder::broadcast(ValueId v, Shape shape, std::vector<i64> axes) {
  if (type(v).shape == shape) return v;
  DType d = type(v).dtype;
  return make(OpCode::broadcast, {v}, {{"axes", std::move(axes)}}, Type{d, std::move(shape)});
}

ValueId Builder::broadcast_scalar(ValueId v, Shape shape) { return broadcast(v, std::move(shape), {}); }

ValueId Builder::reshape(ValueId v, Shape shape) {
  if (type(v).shape == shape) return v;
  DType d = type(v).dtype;
  return make(OpCode::reshape, {v}, {}, Type{d, std::move(shape)});
}

ValueId Builder::transpose(ValueId v, std::vector<i64> permutation) {
  if (std::is_sorted(permutation.begin(), permutation.end())) return v;
  return make(OpCode::transpose, {v}, {{"permutation", std::move(permutation)}});
}

ValueId Builder::reduce(OpCode op, ValueId v, std::vector<i64> axes) {
  if (axes.empty()) return v;
  return make(op, {v}, {{"axes", std::move(axes)}});
}

V apply(OpCode op, std::initializer_list<V> operands) {
  std::vector<ValueId> ids;
  for (auto const& v : operands) ids.push_back(v.id);
  Builder* b = operands.begin()->b;
  return {b, b->make(op, std::move(ids))};
}

namespace {

V number(V v, f64 c) { return {v.b, v.b->like(v.id, c)}; }

} // namespace

V operator+(V a, V b) { return apply(OpCode::add, {a, b}); }
V operator-(V a, V b) { return apply(OpCode::sub, {a, b}); }
V operator*(V a, V b) { return apply(OpCode::mul, {a, b}); }
V operator/(V a, V b) { return apply(OpCode::div, {a, b}); }
V operator-(V a) { return apply(OpCode::neg, {a}); }
V operator+(V a, f64 c) { return a + number(a, c); }
V operator-(V a, f64 c) { return a - number(a, c); }
V operator*(V a, f64 c) { return a * number(a, c); }
V operator/(V a, f64 c) { return a / number(a, c); }
V operator+(f64 c, V a) { return number(a, c) + a; }
V operator-(f64 c, V a) { return number(a, c) - a; }
V operator*(f64 c, V a) { return number(a, c) * a; }
V operator/(f64 c, V a) { return number(a, c) / a; }

} // namespace nnc
