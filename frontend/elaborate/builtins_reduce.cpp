// Reductions, and the gradient as a value.
#include "frontend/elaborate/builtin.h"

#include <fmt/core.h>

namespace nnc::front {

namespace {

ValueId operand(BuiltinCall& c) {
  if (!c[0].tensor() && !is_number(c[0])) {
    std::optional<std::string> help;
    if (c[0].is<bool>()) help = "convert it first: `f32(x)`";
    c.e.errors.fail(c.places[0], fmt::format("`{}` works on tensors, got {}", c.name, shown(c[0])), help);
  }
  return c.e.tensors.as_tensor(c[0], c.places[0]);
}

// The reduced axes come back as extents of 1 when `keep` asks for them.
Any kept(BuiltinCall& c, ValueId reduced, Shape shape, std::vector<i64> const& axes, Any const& keep) {
  if (!c.e.constants.as_bool(keep, c.at, "`keep`")) return c.e.tensors.tensor(reduced);
  for (i64 a : axes) shape[static_cast<size_t>(a)] = 1;
  return c.e.tensors.tensor(c.e.tensors.builder(c.at).reshape(reduced, shape));
}

// An extreme of no elements is infinite; a mean, which is the library's, divides by their `count`.
void warn_of_nothing(BuiltinCall& c, std::string const& what, Type const& type, std::vector<i64> const& axes) {
  for (i64 a : axes)
    if (type.shape[static_cast<size_t>(a)] == Dim(0))
      return c.e.errors.warn(c.at, fmt::format("{} of no element: the operand is {}", what, shown(type)));
}

// `max(0, x)`: elsewhere the larger of two.
template <OpCode op>
void refuse_two_operands(BuiltinCall& c) {
  auto is_tensor = [](Any const& v) { return v.tensor() && !v.tensor()->tunes; };
  if (!is_tensor(c[1]) && !c[1].is<f64>() && (is_tensor(c[0]) || c[1].is<None>())) return;
  std::optional<std::string> help;
  if (op == OpCode::reduce_max) help = "the larger of two is `maximum(a, b)`";
  if (op == OpCode::reduce_min) help = "the smaller of two is `minimum(a, b)`";
  if (op == OpCode::reduce_sum) help = "the sum of two is `a + b`";
  if (op == OpCode::reduce_prod) help = "the product of two is `a * b`";
  c.e.errors.fail(c.at, fmt::format("`{}` reduces axes of one tensor, got {} and {}", c.name, shown(c[0]), shown(c[1])),
                  help);
}

template <OpCode op>
Any reduce(BuiltinCall& c) {
  refuse_two_operands<op>(c);
  ValueId x = operand(c);
  Type const type = c.e.now.graph->type(x);
  if (type.dtype == DType::bool_)
    c.e.errors.fail(c.places[0], fmt::format("`{}` works on numbers, got {}", c.name, shown(type)),
                    "convert it first: `f32(x)`");
  auto axes = c.e.constants.as_axes(c[1], type.rank(), c.places[1]);
  if (op == OpCode::reduce_max || op == OpCode::reduce_min) warn_of_nothing(c, fmt::format("`{}`", c.name), type, axes);
  ValueId out = axes.empty() ? x : c.e.tensors.builder(c.at).reduce(op, x, axes);
  return kept(c, out, type.shape, axes, c[2]);
}

template <OpCode op>
Any position(BuiltinCall& c) {
  ValueId x = operand(c);
  Type const type = c.e.now.graph->type(x);
  i64 axis = c.e.constants.as_axis(c[1], type.rank(), c.places[1]);
  ValueId out = c.e.tensors.builder(c.at).make(op, {x}, {{"axis", axis}});
  return kept(c, out, type.shape, {axis}, c[2]);
}

// count(x, axis): how many elements a reduction over these axes takes together; an int, perhaps with `batch`.
Any count(BuiltinCall& c) {
  Type const type = c.e.now.graph->type(operand(c));
  auto axes = c.e.constants.as_axes(c[1], type.rank(), c.places[1]);
  if (c.e.now.is_in_library()) warn_of_nothing(c, "a mean", type, axes);
  Dim n = 1;
  for (i64 a : axes) n = n * type.shape[static_cast<size_t>(a)];
  return Any{n};
}

// grad(y, x): the derivative of a scalar by a value that it was computed from, or by a list of them.
Any gradient(Elaborator& e, Any const& y, Any const& x, Location at) {
  if (!y.tensor() || y.tensor()->tunes) e.errors.fail(at, fmt::format("`grad` derives a tensor, got {}", shown(y)));
  if (Graph* g = y.tensor()->graph; e.now.graph != g && e.now.graph->is_inside(g)) { // where y was computed
    GraphGuard guard(e.now, g);
    return gradient(e, y, x, at);
  }
  ValueId value = e.tensors.as_tensor(y, at);
  if (e.now.graph->type(value).rank() != 0 || !is_float(e.now.graph->type(value).dtype))
    e.errors.fail(at, fmt::format("`grad` derives a float scalar, got {}", shown(y)),
                  "reduce it first: `grad(sum(y), x)`");
  List by = x.list() ? *x.list() : List{x};
  auto reached = reached_by_derivative(*e.now.graph, value);
  std::vector<ValueId> operands{value};
  std::vector<Type> types;
  for (auto const& v : by) {
    if (!v.tensor() || v.tensor()->tunes || !is_float(type_of(v).dtype))
      e.errors.fail(at, fmt::format("`grad` derives by float tensors, got {}", shown(v)));
    operands.push_back(e.tensors.as_tensor(v, at));
    if (!reached[operands.back()])
      e.errors.fail(at, fmt::format("the value does not depend on this {}, so there is no derivative", shown(v)),
                    "a name that was bound anew in between stands for another value");
    types.push_back(type_of(v));
  }
  auto results = e.tensors.builder(at).make_many(OpCode::grad, operands, {}, types);
  if (!x.list()) return e.tensors.tensor(results.front());
  List out;
  for (ValueId r : results) out.push_back(e.tensors.tensor(r));
  return list_of(std::move(out));
}

Any grad(BuiltinCall& c) { return gradient(c.e, c[0], c[1], c.at); }

} // namespace

std::vector<Builtin> const& reduce_builtins() {
  static std::vector<Builtin> const all{
      {"sum", reduce<OpCode::reduce_sum>},
      {"product", reduce<OpCode::reduce_prod>},
      {"max", reduce<OpCode::reduce_max>},
      {"min", reduce<OpCode::reduce_min>},
      {"argmax", position<OpCode::argmax>},
      {"argmin", position<OpCode::argmin>},
      {"count", count},
      {"grad", grad},
  };
  return all;
}

} // namespace nnc::front
