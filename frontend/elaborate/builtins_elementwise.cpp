// Elementwise functions, which are those of the operator table: of numbers while compiling, of numbers that only tune,
// and of tensors.
#include "frontend/elaborate/builtin.h"
#include "frontend/elaborate/known.h"

#include <algorithm>
#include <fmt/core.h>

namespace nnc::front {

namespace {

Any of_table(BuiltinCall& c) { return c.e.of_table(c.op, c.values, c.at); }

// select(c, a, b): a where c holds, else b. A condition that is known chooses while compiling.
Any select(BuiltinCall& c) {
  if (auto* known = c[0].get<bool>()) return *known ? c[1] : c[2];
  if (!c[0].tensor()) c.e.fail(c.places[0], fmt::format("the condition of `select` is {}, not a bool", shown(c[0])));
  if (c[0].tensor()->tunes && c.e.is_number(c[1]) && c.e.is_number(c[2])) {
    std::optional<f64> known;
    if (auto condition = c[0].tensor()->known) known = known_number(*condition != 0 ? c[1] : c[2]);
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

// The larger or the smaller of two extents, one of which is symbolic: known where they differ by a constant.
static Any chosen_extent(Elaborator& e, OpCode op, Dim const& a, Dim const& b, Location at) {
  auto difference = (a - b).constant();
  if (!difference)
    e.fail(at, fmt::format("which of {} and {} is larger is not known while compiling", shown(a), shown(b)));
  return Any{(*difference >= 0) == (op == OpCode::max) ? a : b};
}

Any Elaborator::of_table(OpCode op, std::vector<Any> operands, Location at) {
  if (auto known = known_value(op, operands)) return *known;
  if (operands.size() == 1 && !is_number(operands[0]) && !operands[0].tensor())
    fail(at, fmt::format("`{}` works on numbers and tensors, got {}", info(op).word(), shown(operands[0])));
  if ((op == OpCode::max || op == OpCode::min) && operands[0].is<Dim>() && operands[1].is<Dim>())
    return chosen_extent(*this, op, *operands[0].get<Dim>(), *operands[1].get<Dim>(), at);
  auto tunes = [](Any const& v) { return v.tensor() && v.tensor()->tunes; };
  auto number = [&](Any const& v) { return is_number(v) || v.is<bool>(); };
  if (std::none_of(operands.begin(), operands.end(), tunes) || !std::all_of(operands.begin(), operands.end(), number)) {
    bool const any_tensor = std::any_of(operands.begin(), operands.end(), [](Any const& v) { return v.tensor(); });
    for (auto& v : operands)
      if (!any_tensor && v.is<Dim>() && !v.get<Dim>()->is_constant()) v = number_of(*v.get<Dim>(), at);
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

std::vector<Builtin> const& elementwise_builtins() {
  static std::vector<Builtin> const all = [] {
    std::vector<Builtin> out{{"select(c, a, b)", select}, {"convert(x, dtype)", convert}, {"grad(y, x)", grad}};
    for (auto op : all_ops())
      if (info(op).is_function()) out.push_back({info(op).written, of_table, op});
    return out;
  }();
  return all;
}

} // namespace nnc::front
