#include "frontend/elaborate/operators.h"
#include "frontend/elaborate/budget.h"
#include "frontend/elaborate/errors.h"
#include "frontend/elaborate/known.h"
#include "frontend/elaborate/suggestions.h"
#include "frontend/elaborate/tensor.h"

#include <cmath>
#include <fmt/core.h>

namespace nnc::front {

namespace {

bool is_comparison(std::string const& op) {
  auto const code = op_written(op);
  return code && info(*code).has(compares);
}

// The operators // and % are of integers; on floats the language defines them by floor.
f64 computed(OpCode op, f64 a, f64 b) {
  if (op == OpCode::floor_div) return std::floor(a / b);
  if (op == OpCode::mod) return a - std::floor(a / b) * b;
  return known_number(op, {a, b});
}

std::optional<f64> plain_number(Any const& v) {
  if (auto* x = v.get<f64>()) return *x;
  if (auto* d = v.get<Dim>())
    if (auto c = d->constant()) return static_cast<f64>(*c);
  return {};
}

} // namespace

Any Operators::binary(std::string const& op, Any const& a, Any const& b, Location at) {
  if (a.is<Poison>() || b.is<Poison>()) throw Failure{.diagnostic = {}, .silent = true};
  if (op == "@") return product(a, b, at);
  if (op == "and" || op == "or") return logic(op, a, b, at);
  if (is_comparison(op)) return compare(op, a, b, at);
  if (op == "^") {
    size_t const before = now_.nodes_so_far();
    return tensors_.own_value(power(a, b, at), before, at);
  }
  return arithmetic(op, a, b, at);
}

Any Operators::arithmetic(std::string const& op, Any const& a, Any const& b, Location at) {
  auto usable = [](Any const& v) { return v.is<Dim>() || v.is<f64>() || v.tensor(); };
  if (!usable(a) || !usable(b)) {
    std::optional<std::string> help;
    refuse_no_number(usable(a) ? b : a, at);
    if (a.is<std::string>() || b.is<std::string>()) help = "strings are only compared and interpolated: \"{a}{b}\"";
    if (a.list() && b.list()) help = "lists are joined by spreading: `[..a, ..b]`";
    else if (a.is<None>() || b.is<None>())
      help = "`none` is what a function gives that ends without an expression or `return`";
    else if (a.tensor() || b.tensor()) help = suggestions_.help_for_value(a.tensor() ? b : a, at);
    else if (a.list() || b.list()) help = "every item of a list: `map(fn(x) { x * 2 }, xs)`";
    errors_.fail(at, fmt::format("`{}` works on numbers and tensors, got {} and {}", op, shown(a), shown(b)), help);
  }
  OpCode code = *op_written(op);
  if (!a.tensor() && !b.tensor()) return compile_time(op, a, b, at);
  bool const numbers = is_number(a) && is_number(b);
  if ((op == "//" || op == "%") && (numbers || is_float(tensors_.common_dtype({a, b}, at, "`" + op + "`")))) {
    Any quotient = of_table(OpCode::floor, {arithmetic("/", a, b, at)}, at);
    return op == "//" ? quotient : arithmetic("-", a, arithmetic("*", quotient, b, at), at);
  }
  if (numbers) {
    auto x = a.tensor() ? a.tensor()->known : plain_number(a);
    auto y = b.tensor() ? b.tensor()->known : plain_number(b);
    std::optional<f64> known;
    if (x && y) known = computed(code, *x, *y);
    return tunable(code, {a, b}, known, at);
  }
  if (op == "/" && !is_float(tensors_.common_dtype({a, b}, at, "`/`")))
    errors_.fail(at, fmt::format("`/` of integer tensors, {} and {}", shown(a), shown(b)),
                 "`//` rounds down; `f32(x) / y` divides exactly");
  return elementwise(code, {a, b}, at);
}

// Two numbers that are known while compiling; `batch` may be among them.
Any Operators::compile_time(std::string const& op, Any const& a, Any const& b, Location at) {
  if (a.is<Dim>() && b.is<Dim>() && op != "/") return integers(op, *a.get<Dim>(), *b.get<Dim>(), at);
  auto x = plain_number(a), y = plain_number(b);
  if (x && y) {
    if (op == "/" && *y == 0 && a.is<Dim>() && b.is<Dim>()) errors_.fail(at, "`/` by zero");
    return Any{computed(*op_written(op), *x, *y)};
  }
  if (op == "/" && a.is<Dim>() && b.is<Dim>())
    if (auto exact = a.get<Dim>()->divided_by(*b.get<Dim>()); exact && exact->constant())
      return Any{static_cast<f64>(*exact->constant())};
  // a symbolic extent with a float: a number at run time
  auto run_time = [&](Any const& v) {
    return v.is<Dim>() && !v.get<Dim>()->is_constant() ? tensors_.number_of(*v.get<Dim>(), at) : v;
  };
  return elementwise(*op_written(op), {run_time(a), run_time(b)}, at);
}

Any Operators::integers(std::string const& op, Dim const& a, Dim const& b, Location at) {
  if (op == "+") return Any{a + b};
  if (op == "-") return Any{a - b};
  if (op == "*") return Any{a * b};
  auto x = a.constant(), y = b.constant();
  if (y && *y == 0) errors_.fail(at, fmt::format("`{}` by zero", op));
  if (x && y) {
    if (*y == -1) return op == "//" ? Any{Dim(0) - a} : Any{Dim(0)};
    return Any{Dim(known_integer(*op_written(op), {*x, *y}))};
  }
  if (auto exact = a.divided_by(b)) return op == "//" ? Any{*exact} : Any{Dim(0)};
  errors_.fail(
      at, fmt::format("`{} {} {}` is no extent: `batch` stays symbolic, and only what divides without a rest is known",
                      shown(a), op, shown(b)));
}

// In the library the operators are not the user's.
void Operators::refuse_no_number(Any const& value, Location at) {
  if (now_.is_in_library())
    errors_.fail(at, fmt::format("expected a number, got {}", shown(value)),
                 suggestions_.unquoted(value, Suggestions::Needed::number));
}

Any Operators::power(Any const& a, Any const& b, Location at) {
  auto usable = [](Any const& v) { return v.is<Dim>() || v.is<f64>() || v.tensor(); };
  if (!usable(a) || !usable(b))
    errors_.fail(at, fmt::format("`^` works on numbers and tensors, got {} and {}", shown(a), shown(b)));
  auto x = plain_number(a), y = plain_number(b);
  auto* exponent = b.get<Dim>();
  i64 n = exponent ? exponent->constant().value_or(-2) : -2; // -2: no case of its own
  bool tensor = a.tensor() && !a.tensor()->tunes;
  bool float_tensor = tensor && is_float(type_of(a).dtype), int_tensor = tensor && is_int(type_of(a).dtype);
  if (float_tensor && b.is<f64>() && (*y == 2 || *y == 3 || *y == 4)) n = static_cast<i64>(*y);
  bool repeated = a.is<Dim>() || int_tensor ? n >= 0 && n <= 64 : float_tensor && n >= 1 && n <= 4;
  if (repeated) { // multiplication: exact for ints, and x ^ 2 is x * x
    if (n == 0)
      return a.is<Dim>() ? Any{Dim(1)}
                         : elementwise(OpCode::add, {elementwise(OpCode::mul, {a, Any{Dim(0)}}, at), Any{Dim(1)}}, at);
    Any out = a;
    for (i64 i = 1; i < n; ++i) out = arithmetic("*", out, a, at);
    return out;
  }
  if (x && y) return Any{computed(OpCode::pow, *x, *y)};
  if (is_number(a) && is_number(b) && (a.tensor() || b.tensor())) {
    auto p = a.tensor() ? a.tensor()->known : x, q = b.tensor() ? b.tensor()->known : y;
    std::optional<f64> known;
    if (p && q) known = computed(OpCode::pow, *p, *q);
    return tunable(OpCode::pow, {a, b}, known, at);
  }
  if (n == -1) return arithmetic("/", Any{Dim(1)}, a, at);
  return elementwise(OpCode::pow, {a, b}, at);
}

Any Operators::negate(Any const& v, Location at) {
  if (auto* d = v.get<Dim>()) return Any{Dim(0) - *d}; // symbolic ones too
  if (!v.is<f64>() && !v.tensor()) errors_.fail(at, fmt::format("`-` works on numbers and tensors, got {}", shown(v)));
  return of_table(OpCode::neg, {v}, at);
}

Any Operators::logical_not(Any const& v, Location at) {
  if (!v.is<bool>() && (!v.tensor() || type_of(v).dtype != DType::bool_))
    errors_.fail(at, fmt::format("`not` works on bool, got {}", shown(v)));
  return of_table(OpCode::not_, {v}, at);
}

Any Operators::logic(std::string const& op, Any const& a, Any const& b, Location at) {
  auto truth = [&](Any const& v) { return v.is<bool>() || (v.tensor() && type_of(v).dtype == DType::bool_); };
  if (!truth(a) || !truth(b))
    errors_.fail(at, fmt::format("`{}` works on bool, got {} and {}", op, shown(a), shown(b)));
  bool is_and = op == "and";
  for (auto [known, other] : {std::pair(a.get<bool>(), &b), std::pair(b.get<bool>(), &a)}) {
    if (!known) continue;
    return *known == is_and ? *other : Any{*known};
  }
  return of_table(*op_written(op), {a, b}, at);
}

namespace {

// == of things that are no numbers: known while compiling, for every pair of values.
bool same(Any const& a, Any const& b) {
  if (a.is<None>() || b.is<None>()) return a.is<None>() && b.is<None>();
  auto x = plain_number(a), y = plain_number(b);
  if (x && y) return *x == *y;
  if (a.list() && b.list()) {
    auto const &p = *a.list(), &q = *b.list();
    if (p.size() != q.size()) return false;
    for (size_t i = 0; i < p.size(); ++i)
      if (!same(p[i], q[i])) return false;
    return true;
  }
  if (a.as.index() != b.as.index()) return false;
  if (auto* s = a.get<std::string>()) return *s == *b.get<std::string>();
  if (auto* d = a.get<Dim>()) return *d == *b.get<Dim>();
  if (auto* t = a.get<bool>()) return *t == *b.get<bool>();
  if (auto* d = a.get<DType>()) return *d == *b.get<DType>();
  if (auto* f = a.get<FunctionValue>()) return f->function == b.get<FunctionValue>()->function;
  return false;
}

} // namespace

Any Operators::compare(std::string const& op, Any const& a, Any const& b, Location at) {
  OpCode code = *op_written(op);
  bool equality = op == "==" || op == "!=";
  auto x = plain_number(a), y = plain_number(b);
  if (x && y) return Any{computed(code, *x, *y) != 0};
  if (a.tensor() || b.tensor()) {
    auto const& other = a.tensor() ? b : a;
    if (equality && other.is<None>()) return Any{op == "!="};
    auto usable = [](Any const& v) { return v.is<Dim>() || v.is<f64>() || v.is<bool>() || v.tensor(); };
    if (!usable(other)) refuse_no_number(other, at);
    if (!usable(other)) errors_.fail(at, fmt::format("`{}` cannot compare {} and {}", op, shown(a), shown(b)));
    if (is_number(a) && is_number(b)) {
      auto p = a.tensor() ? a.tensor()->known : x, q = b.tensor() ? b.tensor()->known : y;
      std::optional<f64> known;
      if (p && q) known = computed(code, *p, *q);
      return tunable(code, {a, b}, known, at);
    }
    return elementwise(code, {a, b}, at);
  }
  auto *d = a.get<Dim>(), *e = b.get<Dim>();
  if (d && e) {
    Dim difference = *d - *e;
    if (auto c = difference.constant()) return Any{computed(code, static_cast<f64>(*c), 0) != 0};
    errors_.fail(at, fmt::format("whether `{} {} {}` holds is not known while compiling: `batch` stays symbolic",
                                 shown(*d), op, shown(*e)));
  }
  if (equality) {
    if (a.list()) budget_.spend(a.list()->size(), at);
    return Any{same(a, b) == (op == "==")};
  }
  refuse_no_number(x ? b : a, at);
  errors_.fail(at, fmt::format("`{}` cannot compare {} and {}", op, shown(a), shown(b)));
}

// The larger or the smaller of two extents, one of which is symbolic: known where they differ by a constant.
Any Operators::chosen_extent(OpCode op, Dim const& a, Dim const& b, Location at) {
  auto difference = (a - b).constant();
  if (!difference)
    errors_.fail(at, fmt::format("which of {} and {} is larger is not known while compiling", shown(a), shown(b)));
  return Any{(*difference >= 0) == (op == OpCode::max) ? a : b};
}

Any Operators::of_table(OpCode op, std::vector<Any> operands, Location at) {
  if (auto known = known_value(op, operands)) return *known;
  if (operands.size() == 1 && !is_number(operands[0]) && !operands[0].tensor())
    errors_.fail(at, fmt::format("`{}` works on numbers and tensors, got {}", info(op).word(), shown(operands[0])));
  if ((op == OpCode::max || op == OpCode::min) && operands[0].is<Dim>() && operands[1].is<Dim>())
    return chosen_extent(op, *operands[0].get<Dim>(), *operands[1].get<Dim>(), at);
  auto tunes = [](Any const& v) { return v.tensor() && v.tensor()->tunes; };
  auto number = [&](Any const& v) { return is_number(v) || v.is<bool>(); };
  if (std::none_of(operands.begin(), operands.end(), tunes) || !std::all_of(operands.begin(), operands.end(), number)) {
    bool const any_tensor = std::any_of(operands.begin(), operands.end(), [](Any const& v) { return v.tensor(); });
    for (auto& v : operands)
      if (!any_tensor && v.is<Dim>() && !v.get<Dim>()->is_constant()) v = tensors_.number_of(*v.get<Dim>(), at);
    return elementwise(op, operands, at);
  }
  if (op == OpCode::stop_gradient) return operands[0];
  std::vector<f64> numbers;
  for (auto const& v : operands)
    if (auto known = known_number(v)) numbers.push_back(*known);
  std::optional<f64> known;
  DType const of = type_of(*std::find_if(operands.begin(), operands.end(), tunes)).dtype;
  if (numbers.size() == operands.size()) known = known_number(op, numbers, of);
  return tunable(op, operands, known, at);
}

// Operands of one dtype, broadcast to one shape; scalars stay scalars. `select` has a bool in front.
Any Operators::elementwise(OpCode op, std::vector<Any> const& operands, Location at) {
  size_t first = op == OpCode::select ? 1 : 0;
  std::vector<Any> typed(operands.begin() + static_cast<i64>(first), operands.end());
  std::string what = fmt::format("`{}`", info(op).word());
  DType dtype = tensors_.common_dtype(typed, at, what);
  std::vector<ValueId> values;
  if (first && operands[0].tensor() && type_of(operands[0]).dtype != DType::bool_)
    errors_.fail(at, fmt::format("the condition of `select` is {}, not a bool", shown(operands[0])),
                 "compare it: `x != 0`");
  if (first) values.push_back(tensors_.as_tensor(operands[0], DType::bool_, at));
  for (auto const& v : typed) values.push_back(tensors_.as_tensor(v, dtype, at));
  Shape shape = tensors_.common_shape(values, at, what);
  for (ValueId& v : values)
    if (now_.graph->type(v).rank() > 0) v = tensors_.stretch(v, shape, at);
  return tensors_.tensor(tensors_.builder(at).make(op, values));
}

// A number that only tunes, from others and from constants: f64 (comparisons: bool), once per step.
Any Operators::tunable(OpCode op, std::vector<Any> const& operands, std::optional<f64> known, Location at) {
  std::vector<ValueId> values;
  for (auto const& v : operands) {
    values.push_back(v.tensor() ? tensors_.value_here(v, at)
                                : tensors_.as_tensor(v, v.is<bool>() ? DType::bool_ : DType::f64, at));
  }
  ValueId id = tensors_.builder(at).make(op, values);
  return Any{TensorValue{.graph = now_.graph, .id = id, .tunes = true, .known = known}};
}

} // namespace nnc::front
