// Elementwise functions: of numbers while compiling, of numbers that only tune, and of tensors.
#include "frontend/elaborate/builtin.h"
#include "frontend/elaborate/known.h"

#include <fmt/core.h>

namespace nnc::front {

namespace {

bool gives_bool(OpCode op) {
  Type const number = scalar_of(DType::f64);
  return result_types(op, {&number, 1}, {}, nullptr).front().dtype == DType::bool_;
}

template <OpCode op>
Any unary(BuiltinCall& c) {
  return c.e.unary(op, c[0], c.at);
}

// The smaller or larger of two: of numbers while compiling, else by element.
template <OpCode op>
Any extremum(BuiltinCall& c) {
  auto const &a = c[0], &b = c[1];
  auto pick = [](f64 x, f64 y) { return known_value(op, {x, y}); };
  auto *p = a.get<Dim>(), *q = b.get<Dim>();
  if (p && q) {
    auto difference = (*p - *q).constant();
    if (!difference)
      c.e.fail(c.at, fmt::format("which of {} and {} is larger is not known while compiling", shown(*p), shown(*q)));
    return (*difference >= 0) == (op == OpCode::max) ? a : b;
  }
  if (!a.tensor() && !b.tensor() && c.e.is_number(a) && c.e.is_number(b))
    return Any{pick(c.e.as_float(a, c.places[0], "an operand"), c.e.as_float(b, c.places[1], "an operand"))};
  if (c.e.is_number(a) && c.e.is_number(b)) {
    auto known = [&](Any const& v) {
      return v.tensor() ? v.tensor()->known : std::optional(c.e.as_float(v, c.at, "an operand"));
    };
    auto x = known(a), y = known(b);
    return c.e.tunable(op, {a, b}, x && y ? std::optional(pick(*x, *y)) : std::nullopt, c.at);
  }
  return c.e.elementwise(op, {a, b}, c.at);
}

// select(c, a, b): a where c holds, else b. A condition that is known chooses while compiling.
Any select(BuiltinCall& c) {
  if (auto* known = c[0].get<bool>()) return *known ? c[1] : c[2];
  if (!c[0].tensor()) c.e.fail(c.places[0], fmt::format("the condition of `select` is {}, not a bool", shown(c[0])));
  if (c[0].tensor()->tunes && c.e.is_number(c[1]) && c.e.is_number(c[2])) {
    std::optional<f64> known;
    auto& t = *c[0].tensor();
    auto number = [&](Any const& v) {
      return v.tensor() ? v.tensor()->known : std::optional(c.e.as_float(v, c.at, "an operand"));
    };
    if (t.known) known = *t.known != 0 ? number(c[1]) : number(c[2]);
    return c.e.tunable(OpCode::select, {c[0], c[1], c[2]}, known, c.at);
  }
  return c.e.elementwise(OpCode::select, {c[0], c[1], c[2]}, c.at);
}

Any convert(BuiltinCall& c) {
  auto* d = c[1].get<DType>();
  if (!d) c.e.fail(c.places[1], fmt::format("`dtype` is {}, not a dtype", shown(c[1])));
  return c.e.convert(c[0], *d, c.at);
}

Any grad(BuiltinCall& c) { return c.e.gradient(c[0], c[1], c.at); }

} // namespace

Any Elaborator::unary(OpCode op, Any const& v, Location at) {
  if (v.is<f64>() || v.is<Dim>()) {
    if (op == OpCode::abs && v.is<Dim>() && v.get<Dim>()->constant())
      return *v.get<Dim>()->constant() < 0 ? Any{Dim(0) - *v.get<Dim>()} : v;
    if (v.is<Dim>() && !v.get<Dim>()->constant()) return unary(op, number_of(*v.get<Dim>(), at), at);
    f64 y = known_value(op, {as_float(v, at, "the operand")});
    return gives_bool(op) ? Any{y != 0} : Any{y};
  }
  if (!v.tensor()) fail(at, fmt::format("`{}` works on numbers and tensors, got {}", info(op).name, shown(v)));
  if (v.tensor()->tunes) {
    if (op == OpCode::stop_gradient) return v;
    std::optional<f64> known;
    if (v.tensor()->known) known = known_value(op, {*v.tensor()->known});
    return tunable(op, {v}, known, at);
  }
  return elementwise(op, {v}, at);
}

std::vector<Builtin> const& elementwise_builtins() {
  static std::vector<Builtin> const all{
      {"exp(x)", unary<OpCode::exp>},
      {"expm1(x)", unary<OpCode::expm1>},
      {"log(x)", unary<OpCode::log>},
      {"log1p(x)", unary<OpCode::log1p>},
      {"tanh(x)", unary<OpCode::tanh>},
      {"erf(x)", unary<OpCode::erf>},
      {"sqrt(x)", unary<OpCode::sqrt>},
      {"rsqrt(x)", unary<OpCode::rsqrt>},
      {"sin(x)", unary<OpCode::sin>},
      {"cos(x)", unary<OpCode::cos>},
      {"abs(x)", unary<OpCode::abs>},
      {"sign(x)", unary<OpCode::sign>},
      {"floor(x)", unary<OpCode::floor>},
      {"round(x)", unary<OpCode::round>},
      {"is_nan(x)", unary<OpCode::is_nan>},
      {"is_finite(x)", unary<OpCode::is_finite>},
      {"stop_gradient(x)", unary<OpCode::stop_gradient>},
      {"maximum(a, b)", extremum<OpCode::max>},
      {"minimum(a, b)", extremum<OpCode::min>},
      {"select(c, a, b)", select},
      {"convert(x, dtype)", convert},
      {"grad(y, x)", grad},
  };
  return all;
}

} // namespace nnc::front
