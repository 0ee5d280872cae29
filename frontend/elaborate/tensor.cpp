// Where numbers meet tensors: conversion, broadcasting, and what a place that needs a constant asks for.
#include "frontend/elaborate/elaborator.h"

#include "ir/tensor.h"

#include <algorithm>
#include <cmath>
#include <fmt/core.h>
#include <limits>
#include <set>

namespace nnc::front {

Builder& Elaborator::builder(Location at) {
  if (!graph_) fail(at, "a tensor cannot be made here: this is computed while compiling");
  if (is_spent()) throw Failure{.diagnostic = {}, .silent = true};
  graph_->builder.at = user_place(at);
  return graph_->builder;
}

Type const& Elaborator::type_of(Any const& v) { return v.tensor()->graph->type(v.tensor()->id); }

Any Elaborator::tensor(ValueId id) { return Any{TensorValue{.graph = graph_, .id = id}}; }

// A symbolic extent as an i32 scalar: `batch` itself is the sum over one 1 for each example, c0 + c1 * batch is
// computed.
ValueId Elaborator::batch_value(Dim const& d, Location at) {
  auto [it, fresh] = graph_->extents.try_emplace(shown(d), no_value);
  if (!fresh) return it->second;
  Builder& make = builder(at);
  Dim base = d.bind({0, {}}), slope = d.bind({1, {}}) - base;
  ValueId value;
  if (d == Dim(Symbol::batch) || !(base + slope * Dim(Symbol::batch) == d)) {
    value = make.reduce(OpCode::reduce_sum, make.broadcast_scalar(make.integer(DType::i32, 1), {d}), {0});
  } else {
    value = batch_value(Symbol::batch, at);
    if (!(slope == Dim(1))) value = make.make(OpCode::mul, {value, make.integer(DType::i32, *slope.constant())});
    if (!(base == Dim(0))) value = make.make(OpCode::add, {value, make.integer(DType::i32, *base.constant())});
  }
  return graph_->extents[shown(d)] = value;
}

Any Elaborator::number_of(Dim const& d, Location at) {
  return tensor(builder(at).convert(batch_value(d, at), DType::f32));
}

namespace {

// Is there a finite value of this dtype that the number rounds to? (Infinities and NaN are what they are.)
bool holds(DType d, f64 x) { return !std::isfinite(x) || std::isfinite(round_to(d, x)); }

bool holds(DType d, i64 x) {
  switch (d) {
  case DType::i32: return x >= std::numeric_limits<i32>::min() && x <= std::numeric_limits<i32>::max();
  case DType::i8: return x >= -128 && x <= 127;
  case DType::u8: return x >= 0 && x <= 255;
  default: return true;
  }
}

} // namespace

// An initial value is computed before the first step: from nothing that a step is given.
void Elaborator::refuse_value_of_step(Any const& v, Location at) {
  bool const initial = graph_ && graph_->kind == Graph::Kind::initialize;
  if (!initial) fail(at, fmt::format("{} belongs to the step and cannot be used here", shown(v)));
  if (v.tensor()->tunes)
    fail(at, fmt::format("an initial value needs a constant, {} is an argument that only tunes", shown(v)),
         "write the number, or name it outside of the model: `const scale = 0.1`");
  fail(at, fmt::format("an initial value depends on no input, {} is computed in a step", shown(v)));
}

ValueId Elaborator::value_here(Any const& v, Location at) {
  auto const& t = *v.tensor();
  if (graph_ && (t.graph == graph_ || graph_->is_inside(t.graph))) return graph_->value_of(t.graph, t.id);
  refuse_value_of_step(v, at);
}

ValueId Elaborator::as_tensor(Any const& v, DType dtype, Location at) {
  if (auto* t = v.tensor()) {
    ValueId const id = value_here(v, at);
    if (t->tunes && graph_->type(id).dtype == DType::f64) {
      if (is_float(dtype)) return builder(at).convert(id, dtype);
      fail(at, fmt::format("a number that only tunes is a float and cannot meet {}", name(dtype)));
    }
    if (graph_->type(id).dtype == dtype) return id;
    fail(at, fmt::format("expected {}, got {}", name(dtype), shown(v)), fmt::format("`{}(x)` converts", name(dtype)));
  }
  Builder& make = builder(at);
  if (auto* x = v.get<f64>()) {
    if (!is_float(dtype))
      fail(at, fmt::format("the float {} is no {}", shown(*x), name(dtype)),
           fmt::format("convert the tensor: `f32(x)`"));
    if (!holds(dtype, *x)) fail(at, fmt::format("{} is outside of {}", shown(*x), name(dtype)));
    return make.constant(dtype, *x);
  }
  if (auto* d = v.get<Dim>()) {
    auto c = d->constant();
    if (!c) return make.convert(batch_value(*d, at), dtype);
    if (dtype == DType::bool_) fail(at, fmt::format("the int {} is no bool", *c));
    bool fits = is_float(dtype) ? holds(dtype, static_cast<f64>(*c)) : holds(dtype, *c);
    if (!fits) fail(at, fmt::format("{} is outside of {}", *c, name(dtype)));
    if (is_float(dtype)) return make.constant(dtype, static_cast<f64>(*c));
    return make.integer(dtype, *c);
  }
  if (auto* b = v.get<bool>()) {
    if (dtype != DType::bool_)
      fail(at, fmt::format("{} is no {}", shown(v), name(dtype)), fmt::format("`{}(x)` converts", name(dtype)));
    return make.integer(DType::bool_, *b);
  }
  fail(at, fmt::format("expected a tensor or a number, got {}", shown(v)), help_for_value(v, at));
}

ValueId Elaborator::as_tensor(Any const& v, Location at) {
  if (auto* t = v.tensor())
    return as_tensor(v, t->tunes && type_of(v).dtype == DType::f64 ? DType::f32 : type_of(v).dtype, at);
  if (v.is<f64>()) return as_tensor(v, DType::f32, at);
  if (v.is<bool>()) return as_tensor(v, DType::bool_, at);
  return as_tensor(v, DType::i32, at);
}

// The dtype of the tensors among the operands, which must agree; of numbers alone f32 or i32.
DType Elaborator::common_dtype(std::vector<Any> const& values, Location at, std::string const& what) {
  Any const* first = nullptr;
  bool any_float = false, any_bool = false;
  for (auto const& v : values) {
    any_float |= v.is<f64>() || (v.tensor() && v.tensor()->tunes);
    any_bool |= v.is<bool>();
    if (!v.tensor() || v.tensor()->tunes) continue;
    if (first && type_of(*first).dtype != type_of(v).dtype)
      fail(at, fmt::format("{} of {} and {}: there is no silent conversion", what, shown(*first), shown(v)),
           fmt::format("convert one of them: `{}(x)`",
                       name(is_float(type_of(v).dtype) ? type_of(v).dtype : type_of(*first).dtype)));
    if (!first) first = &v;
  }
  if (first) return type_of(*first).dtype;
  return any_float ? DType::f32 : any_bool ? DType::bool_ : DType::i32;
}

Shape Elaborator::common_shape(std::vector<ValueId> const& values, Location at, std::string const& what) {
  Shape out;
  ValueId from = no_value; // gave the shape so far, for the message
  for (ValueId v : values) {
    Shape const& s = graph_->type(v).shape;
    if (s.size() > out.size()) out.insert(out.begin(), s.size() - out.size(), Dim(1));
    for (size_t i = 1; i <= s.size(); ++i) {
      Dim& have = out[out.size() - i];
      Dim const& want = s[s.size() - i];
      if (have == want || want == Dim(1)) continue;
      if (!(have == Dim(1)))
        fail(at, fmt::format("the shapes of {} do not broadcast: {} against {}", what, shown(graph_->type(from)),
                             shown(graph_->type(v))));
      have = want;
    }
    if (from == no_value || s.size() == out.size()) from = v;
  }
  warn_of_batch_twice(out, values, at, what);
  return out;
}

// [batch] against [batch, 1] is [batch, batch]: hardly what is meant.
void Elaborator::warn_of_batch_twice(Shape const& out, std::vector<ValueId> const& values, Location at,
                                     std::string const& what) {
  Dim const batch(Symbol::batch);
  if (values.size() != 2 || out.size() != 2 || !(out[0] == batch) || !(out[1] == batch)) return;
  auto const &a = graph_->type(values[0]), &b = graph_->type(values[1]);
  Shape const column{batch, 1}, row{batch};
  bool const drops = (a.shape == column && b.shape == row) || (a.shape == row && b.shape == column);
  if (!drops) return;
  warn(at,
       fmt::format("{} of {} and {} makes {}: each example meets every other one", what, shown(a), shown(b),
                   shown(Type{a.dtype, out})),
       "`x[:, 0]` takes the last axis of the column away");
}

// What an operation gives is a value of its own, so that a derivative by it does not count what other names of its
// operands are used for. Where no node made it since, one that changes nothing does.
Any Elaborator::own_value(Any const& v, size_t nodes_before, Location at) {
  auto* t = v.tensor();
  if (!t || t->tunes || !is_float(type_of(v).dtype)) return v;
  ValueId const id = value_here(v, at);
  auto const& nodes = graph_->function.body.nodes;
  for (size_t i = nodes.size(); i-- > nodes_before;)
    if (std::find(nodes[i].results.begin(), nodes[i].results.end(), id) != nodes[i].results.end()) return v;
  return tensor(builder(at).make(OpCode::reshape, {id}, {}, graph_->type(id)));
}

// Broadcasts to a shape that is known to fit. Extents of 1 that stretch are reshaped away first: the operator has no
// stretching of its own.
ValueId Elaborator::stretch(ValueId v, Shape const& to, Location at) {
  Shape from = graph_->type(v).shape;
  if (from == to) return v;
  Builder& make = builder(at);
  Shape kept;
  std::vector<i64> axes;
  for (size_t i = 0; i < from.size(); ++i) {
    size_t target = to.size() - from.size() + i;
    if (from[i] == Dim(1) && !(to[target] == Dim(1))) continue;
    kept.push_back(from[i]);
    axes.push_back(static_cast<i64>(target));
  }
  if (kept.size() != from.size()) v = make.reshape(v, kept);
  return make.broadcast(v, to, axes);
}

// Operands of one dtype, broadcast to one shape; scalars stay scalars. `select` has a bool in front.
Any Elaborator::elementwise(OpCode op, std::vector<Any> const& operands, Location at) {
  size_t first = op == OpCode::select ? 1 : 0;
  std::vector<Any> typed(operands.begin() + static_cast<i64>(first), operands.end());
  std::string what = fmt::format("`{}`", info(op).word());
  DType dtype = common_dtype(typed, at, what);
  std::vector<ValueId> values;
  if (first && operands[0].tensor() && type_of(operands[0]).dtype != DType::bool_)
    fail(at, fmt::format("the condition of `select` is {}, not a bool", shown(operands[0])), "compare it: `x != 0`");
  if (first) values.push_back(as_tensor(operands[0], DType::bool_, at));
  for (auto const& v : typed) values.push_back(as_tensor(v, dtype, at));
  Shape shape = common_shape(values, at, what);
  for (ValueId& v : values)
    if (graph_->type(v).rank() > 0) v = stretch(v, shape, at);
  return tensor(builder(at).make(op, values));
}

// A number that only tunes, from others and from constants: f64 (comparisons: bool), once per step.
Any Elaborator::tunable(OpCode op, std::vector<Any> const& operands, std::optional<f64> known, Location at) {
  std::vector<ValueId> values;
  for (auto const& v : operands) {
    values.push_back(v.tensor() ? value_here(v, at) : as_tensor(v, v.is<bool>() ? DType::bool_ : DType::f64, at));
  }
  ValueId id = builder(at).make(op, values);
  return Any{TensorValue{.graph = graph_, .id = id, .tunes = true, .known = known}};
}

// The constant behind a number that only tunes; the settings that it was computed from become constants of this
// compilation, and the program is elaborated once more with them.
std::optional<f64> Elaborator::force(Any const& v) {
  auto* t = v.tensor();
  if (!t || !t->tunes || !t->known) return {};
  make_constant(*t->graph, {t->id});
  return t->known;
}

void Elaborator::make_constant(Graph const& graph, std::set<ValueId> needed) {
  auto const& f = graph.function;
  for (size_t i = f.body.nodes.size(); i-- > 0;)
    if (needed.contains(f.body.nodes[i].results.front()))
      needed.insert(f.body.nodes[i].operands.begin(), f.body.nodes[i].operands.end());
  for (auto const& a : f.arguments)
    if (a.role == Role::scalar && needed.contains(a.value)) constants_.insert(f.values[a.value].name);
  std::set<ValueId> outside;
  for (auto const& [captured, here] : graph.inside)
    if (needed.contains(here)) outside.insert(captured);
  if (!outside.empty()) make_constant(*graph.outer, outside);
}

// A whole number that is none is a literal with a point or a quotient.
std::optional<std::string> help_for_int(f64 x) {
  if (!(std::abs(x) < 1e15) || std::floor(x) != x) return {};
  return fmt::format("the int is written `{:.0f}`; `//` divides and gives one", x);
}

Dim Elaborator::as_int(Any const& v, Location at, std::string const& what) {
  if (auto* d = v.get<Dim>()) return *d;
  auto* x = v.get<f64>();
  if (x) fail(at, fmt::format("{} is {}, not an int", what, shown(v)), help_for_int(*x));
  if (v.tensor() && v.tensor()->tunes) fail(at, fmt::format("{} is {}, not an int", what, shown(v)));
  if (v.tensor()) fail(at, fmt::format("{} is {}: it must be known while compiling", what, shown(v)));
  fail(at, fmt::format("{} is {}, not an int", what, shown(v)), unquoted(v, Needed::number));
}

i64 Elaborator::as_constant(Any const& v, Location at, std::string const& what) {
  Dim d = as_int(v, at, what);
  if (auto c = d.constant()) return *c;
  fail(at, fmt::format("{} is {}, which is not known while compiling: `batch` stays symbolic", what, shown(d)));
}

f64 Elaborator::as_float(Any const& v, Location at, std::string const& what) {
  if (auto* x = v.get<f64>()) return *x;
  if (auto* d = v.get<Dim>())
    if (auto c = d->constant()) return static_cast<f64>(*c);
  if (auto known = force(v)) return *known;
  fail(at, fmt::format("{} is {}, not a number that is known while compiling", what, shown(v)),
       unquoted(v, Needed::number));
}

bool Elaborator::as_bool(Any const& v, Location at, std::string const& what) {
  if (auto* b = v.get<bool>()) return *b;
  fail(at, fmt::format("{} is {}, not true or false", what, shown(v)));
}

std::string Elaborator::as_string(Any const& v, Location at, std::string const& what) {
  if (auto* s = v.get<std::string>()) return *s;
  fail(at, fmt::format("{} is {}, not a string", what, shown(v)));
}

List Elaborator::as_list(Any const& v, Location at, std::string const& what) {
  if (auto* l = v.list()) {
    spend(l->size(), at);
    return *l;
  }
  fail(at, fmt::format("{} is {}, not a list", what, shown(v)));
}

Shape Elaborator::as_shape(Any const& v, Location at, std::string const& what) {
  Shape out;
  if (auto* d = v.get<Dim>()) {
    if (*d == Dim(0)) fail(at, fmt::format("{} is 0, which makes no element", what), "a shape is a list, `[3, 4]`");
    return {*d};
  }
  for (auto const& item : as_list(v, at, what)) {
    if (auto* x = item.get<f64>(); x)
      fail(at, fmt::format("{} has the fraction {} as an extent", what, shown(*x)),
           help_for_int(*x).value_or("`//` divides and gives an int"));
    Dim d = as_int(item, at, "an extent of " + what);
    if (auto c = d.constant(); c && *c < 0) fail(at, fmt::format("{} has the negative extent {}", what, *c));
    out.push_back(d);
  }
  return out;
}

i64 Elaborator::as_axis(Any const& v, int rank, Location at) {
  i64 axis = as_constant(v, at, "`axis`");
  if (axis < -rank || axis >= rank)
    fail(at, fmt::format("axis {} of a tensor with {} {}", axis, rank, rank == 1 ? "axis" : "axes"));
  return axis < 0 ? axis + rank : axis;
}

std::vector<i64> Elaborator::as_axes(Any const& v, int rank, Location at) {
  std::vector<i64> out;
  if (v.is<None>())
    for (int i = 0; i < rank; ++i) out.push_back(i);
  else if (!v.list()) out.push_back(as_axis(v, rank, at));
  else
    for (auto const& item : *v.list()) out.push_back(as_axis(item, rank, at));
  std::sort(out.begin(), out.end());
  if (std::adjacent_find(out.begin(), out.end()) != out.end()) fail(at, "the same axis is given twice");
  return out;
}

Any Elaborator::convert(Any const& v, DType dtype, Location at) {
  if (v.tensor()) {
    return tensor(builder(at).convert(value_here(v, at), dtype));
  }
  if (auto* d = v.get<Dim>(); d && !d->is_constant()) return tensor(as_tensor(v, dtype, at));
  if (auto* b = v.get<bool>(); b && dtype != DType::bool_) return convert(Any{Dim(*b)}, dtype, at);
  if (auto* x = v.get<f64>(); x && is_int(dtype)) { // truncates, saturates, NaN becomes 0
    f64 whole = std::isnan(*x) ? 0 : std::trunc(*x);
    return tensor(as_tensor(Any{Dim(static_cast<i64>(std::clamp(whole, -9.2e18, 9.2e18)))}, dtype, at));
  }
  return tensor(as_tensor(v, dtype, at));
}

} // namespace nnc::front
