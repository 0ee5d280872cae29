#include "frontend/elaborate/tensor.h"
#include "frontend/elaborate/budget.h"
#include "frontend/elaborate/errors.h"
#include "frontend/elaborate/suggestions.h"

#include "ir/tensor.h"

#include <algorithm>
#include <cmath>
#include <fmt/core.h>
#include <limits>
#include <set>

namespace nnc::front {

Builder& Tensors::builder(Location at) {
  if (!now_.graph) errors_.fail(at, "a tensor cannot be made here: this is computed while compiling");
  if (budget_.is_spent()) throw Failure{.diagnostic = {}, .silent = true};
  now_.graph->builder.at = errors_.user_place(at);
  return now_.graph->builder;
}

Any Tensors::tensor(ValueId id) { return Any{TensorValue{.graph = now_.graph, .id = id}}; }

// A symbolic extent as an i32 scalar: `batch` itself is the sum over one 1 for each example, c0 + c1 * batch is
// computed.
ValueId Tensors::batch_value(Dim const& d, Location at) {
  auto [it, fresh] = now_.graph->extents.try_emplace(shown(d), no_value);
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
  return now_.graph->extents[shown(d)] = value;
}

Any Tensors::number_of(Dim const& d, Location at) {
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
void Tensors::refuse_value_of_step(Any const& v, Location at) {
  bool const initial = now_.graph && now_.graph->kind == Graph::Kind::initialize;
  if (!initial) errors_.fail(at, fmt::format("{} belongs to the step and cannot be used here", shown(v)));
  if (v.tensor()->tunes)
    errors_.fail(at, fmt::format("an initial value needs a constant, {} is an argument that only tunes", shown(v)),
                 "write the number, or name it outside of the model: `const scale = 0.1`");
  errors_.fail(at, fmt::format("an initial value depends on no input, {} is computed in a step", shown(v)));
}

ValueId Tensors::value_here(Any const& v, Location at) {
  auto const& t = *v.tensor();
  if (now_.graph && (t.graph == now_.graph || now_.graph->is_inside(t.graph)))
    return now_.graph->value_of(t.graph, t.id);
  refuse_value_of_step(v, at);
}

ValueId Tensors::as_tensor(Any const& v, DType dtype, Location at) {
  if (auto* t = v.tensor()) {
    ValueId const id = value_here(v, at);
    if (t->tunes && now_.graph->type(id).dtype == DType::f64) {
      if (is_float(dtype)) return builder(at).convert(id, dtype);
      errors_.fail(at, fmt::format("a number that only tunes is a float and cannot meet {}", name(dtype)));
    }
    if (now_.graph->type(id).dtype == dtype) return id;
    errors_.fail(at, fmt::format("expected {}, got {}", name(dtype), shown(v)),
                 fmt::format("`{}(x)` converts", name(dtype)));
  }
  Builder& make = builder(at);
  if (auto* x = v.get<f64>()) {
    if (!is_float(dtype))
      errors_.fail(at, fmt::format("the float {} is no {}", shown(*x), name(dtype)),
                   fmt::format("convert the tensor: `f32(x)`"));
    if (!holds(dtype, *x)) errors_.fail(at, fmt::format("{} is outside of {}", shown(*x), name(dtype)));
    return make.constant(dtype, *x);
  }
  if (auto* d = v.get<Dim>()) {
    auto c = d->constant();
    if (!c) return make.convert(batch_value(*d, at), dtype);
    if (dtype == DType::bool_)
      errors_.fail(at, fmt::format("the int {} is no bool", *c), "convert the tensor: `i32(x)`");
    bool fits = is_float(dtype) ? holds(dtype, static_cast<f64>(*c)) : holds(dtype, *c);
    if (!fits) errors_.fail(at, fmt::format("{} is outside of {}", *c, name(dtype)));
    if (is_float(dtype)) return make.constant(dtype, static_cast<f64>(*c));
    return make.integer(dtype, *c);
  }
  if (auto* b = v.get<bool>()) {
    if (dtype != DType::bool_)
      errors_.fail(at, fmt::format("{} is no {}", shown(v), name(dtype)), fmt::format("`{}(x)` converts", name(dtype)));
    return make.integer(DType::bool_, *b);
  }
  errors_.fail(at, fmt::format("expected a tensor or a number, got {}", shown(v)), suggestions_.help_for_value(v, at));
}

ValueId Tensors::as_tensor(Any const& v, Location at) {
  if (auto* t = v.tensor())
    return as_tensor(v, t->tunes && type_of(v).dtype == DType::f64 ? DType::f32 : type_of(v).dtype, at);
  if (v.is<f64>()) return as_tensor(v, DType::f32, at);
  if (v.is<bool>()) return as_tensor(v, DType::bool_, at);
  return as_tensor(v, DType::i32, at);
}

// The dtype of the tensors among the operands, which must agree; of numbers alone f32 or i32.
namespace {

// The name of an operand in the text of `a - b`, where it is one: what a help speaks of.
std::string operand_name(std::string_view text, bool first) {
  constexpr std::string_view letters = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_";
  auto const left = text.find_first_not_of(letters), right = text.find_last_not_of(letters);
  if (left == 0 || left == std::string_view::npos || right + 1 == text.size()) return "x";
  if (text.substr(left, right - left).find_first_not_of(" +-*/%^<>=!") != std::string_view::npos) return "x";
  return std::string(first ? text.substr(0, left) : text.substr(right + 1));
}

} // namespace

DType Tensors::common_dtype(std::vector<Any> const& values, Location at, std::string const& what) {
  Any const* first = nullptr;
  bool any_float = false, any_bool = false;
  for (auto const& v : values) {
    any_float |= v.is<f64>() || (v.tensor() && v.tensor()->tunes);
    any_bool |= v.is<bool>();
    if (!v.tensor() || v.tensor()->tunes) continue;
    if (first && type_of(*first).dtype != type_of(v).dtype)
      errors_.fail(at, fmt::format("{} of {} and {}: there is no silent conversion", what, shown(*first), shown(v)),
                   fmt::format("convert one of them: `{}({})`",
                               name(is_float(type_of(v).dtype) ? type_of(v).dtype : type_of(*first).dtype),
                               operand_name(errors_.source_of(at), is_float(type_of(v).dtype))));
    if (!first) first = &v;
  }
  if (first) return type_of(*first).dtype;
  return any_float ? DType::f32 : any_bool ? DType::bool_ : DType::i32;
}

Shape Tensors::common_shape(std::vector<ValueId> const& values, Location at, std::string const& what) {
  Shape out;
  ValueId from = no_value; // gave the shape so far, for the message
  for (ValueId v : values) {
    Shape const& s = now_.graph->type(v).shape;
    if (s.size() > out.size()) out.insert(out.begin(), s.size() - out.size(), Dim(1));
    for (size_t i = 1; i <= s.size(); ++i) {
      Dim& have = out[out.size() - i];
      Dim const& want = s[s.size() - i];
      if (have == want || want == Dim(1)) continue;
      if (!(have == Dim(1)))
        errors_.fail(at, fmt::format("the shapes of {} do not broadcast: {} against {}", what,
                                     shown(now_.graph->type(from)), shown(now_.graph->type(v))));
      have = want;
    }
    if (from == no_value || s.size() == out.size()) from = v;
  }
  warn_of_batch_twice(out, values, at, what);
  return out;
}

// [batch] against [batch, 1] is [batch, batch]: hardly what is meant.
void Tensors::warn_of_batch_twice(Shape const& out, std::vector<ValueId> const& values, Location at,
                                  std::string const& what) {
  Dim const batch(Symbol::batch);
  if (values.size() != 2 || out.size() != 2 || !(out[0] == batch) || !(out[1] == batch)) return;
  auto const &a = now_.graph->type(values[0]), &b = now_.graph->type(values[1]);
  Shape const column{batch, 1}, row{batch};
  bool const drops = (a.shape == column && b.shape == row) || (a.shape == row && b.shape == column);
  if (!drops) return;
  errors_.warn(at,
               fmt::format("{} of {} and {} makes {}: each example meets every other one", what, shown(a), shown(b),
                           shown(Type{a.dtype, out})),
               "`x[:, 0]` takes the last axis of the column away");
}

// Where no node made it since, one that changes nothing does.
Any Tensors::own_value(Any const& v, size_t nodes_before, Location at) {
  auto* t = v.tensor();
  if (!t || t->tunes || !is_float(type_of(v).dtype)) return v;
  ValueId const id = value_here(v, at);
  auto const& nodes = now_.graph->function.body.nodes;
  for (size_t i = nodes.size(); i-- > nodes_before;)
    if (std::find(nodes[i].results.begin(), nodes[i].results.end(), id) != nodes[i].results.end()) return v;
  return tensor(builder(at).make(OpCode::reshape, {id}, {}, now_.graph->type(id)));
}

// Broadcasts to a shape that is known to fit. Extents of 1 that stretch are reshaped away first: the operator has no
// stretching of its own.
ValueId Tensors::stretch(ValueId v, Shape const& to, Location at) {
  Shape from = now_.graph->type(v).shape;
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

Any Tensors::convert(Any const& v, DType dtype, Location at) {
  if (v.tensor()) {
    return tensor(builder(at).convert(value_here(v, at), dtype));
  }
  if (auto* d = v.get<Dim>(); d && !d->is_constant()) return tensor(as_tensor(v, dtype, at));
  if (auto* b = v.get<bool>(); b && dtype != DType::bool_) return convert(Any{Dim(*b)}, dtype, at);
  if (auto* x = v.get<f64>(); x && is_int(dtype)) { // as at run time; what the dtype does not hold is an error
    return tensor(as_tensor(Any{Dim(saturate_to(DType::i64, *x))}, dtype, at));
  }
  return tensor(as_tensor(v, dtype, at));
}

} // namespace nnc::front
