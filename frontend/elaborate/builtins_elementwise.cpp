// Elementwise functions, which are those of the operator table: of numbers while compiling, of numbers that only tune,
// and of tensors.
#include "frontend/elaborate/builtin.h"
#include "frontend/elaborate/known.h"
#include "frontend/elaborate/operators.h"

#include <algorithm>
#include <fmt/core.h>

namespace nnc::front {

namespace {

Any of_table(BuiltinCall& c) { return c.e.operators.of_table(c.op, c.values, c.at); }

// select(c, a, b): a where c holds, else b. A condition that is known chooses while compiling.
Any select(BuiltinCall& c) {
  if (auto* known = c[0].get<bool>()) return *known ? c[1] : c[2];
  if (!c[0].tensor())
    c.e.errors.fail(c.places[0], fmt::format("the condition of `select` is {}, not a bool", shown(c[0])));
  if (c[0].tensor()->tunes && is_number(c[1]) && is_number(c[2])) {
    std::optional<f64> known;
    if (auto condition = c[0].tensor()->known) known = known_number(*condition != 0 ? c[1] : c[2]);
    return c.e.operators.tunable(OpCode::select, {c[0], c[1], c[2]}, known, c.at);
  }
  return c.e.operators.elementwise(OpCode::select, {c[0], c[1], c[2]}, c.at);
}

Any convert(BuiltinCall& c) {
  auto* d = c[1].get<DType>();
  if (!d) c.e.errors.fail(c.places[1], fmt::format("`dtype` is {}, not a dtype", shown(c[1])));
  return c.e.tensors.convert(c[0], *d, c.at);
}

} // namespace

std::vector<Builtin> const& elementwise_builtins() {
  static std::vector<Builtin> const all = [] {
    std::vector<Builtin> out{{"select", select}, {"convert", convert}};
    for (auto op : all_ops())
      if (info(op).is_function()) out.push_back({info(op).word(), of_table, op});
    return out;
  }();
  return all;
}

} // namespace nnc::front
