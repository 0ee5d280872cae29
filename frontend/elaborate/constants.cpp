#include "frontend/elaborate/constants.h"
#include "frontend/elaborate/budget.h"
#include "frontend/elaborate/errors.h"
#include "frontend/elaborate/suggestions.h"
#include "frontend/elaborate/tunables.h"

#include <algorithm>
#include <cmath>
#include <fmt/core.h>

namespace nnc::front {

// A whole number that is none is a literal with a point or a quotient.
std::optional<std::string> help_for_int(f64 x) {
  if (!(std::abs(x) < 1e15) || std::floor(x) != x) return {};
  return fmt::format("the int is written `{:.0f}`; `//` divides and gives one", x);
}

Dim Constants::as_int(Any const& v, Location at, std::string const& what) {
  if (auto* d = v.get<Dim>()) return *d;
  auto* x = v.get<f64>();
  if (x) errors_.fail(at, fmt::format("{} is {}, not an int", what, shown(v)), help_for_int(*x));
  if (v.tensor() && v.tensor()->tunes) errors_.fail(at, fmt::format("{} is {}, not an int", what, shown(v)));
  if (v.tensor()) errors_.fail(at, fmt::format("{} is {}: it must be known while compiling", what, shown(v)));
  errors_.fail(at, fmt::format("{} is {}, not an int", what, shown(v)),
               suggestions_.unquoted(v, Suggestions::Needed::number));
}

i64 Constants::as_constant(Any const& v, Location at, std::string const& what) {
  Dim d = as_int(v, at, what);
  if (auto c = d.constant()) return *c;
  errors_.fail(at, fmt::format("{} is {}, which is not known while compiling: `batch` stays symbolic", what, shown(d)));
}

f64 Constants::as_float(Any const& v, Location at, std::string const& what) {
  if (auto* x = v.get<f64>()) return *x;
  if (auto* d = v.get<Dim>())
    if (auto c = d->constant()) return static_cast<f64>(*c);
  if (auto known = tunables_.force(v, at, what)) return *known;
  errors_.fail(at, fmt::format("{} is {}, not a number that is known while compiling", what, shown(v)),
               suggestions_.unquoted(v, Suggestions::Needed::number));
}

bool Constants::as_bool(Any const& v, Location at, std::string const& what) {
  if (auto* b = v.get<bool>()) return *b;
  errors_.fail(at, fmt::format("{} is {}, not true or false", what, shown(v)));
}

std::string Constants::as_string(Any const& v, Location at, std::string const& what) {
  if (auto* s = v.get<std::string>()) return *s;
  errors_.fail(at, fmt::format("{} is {}, not a string", what, shown(v)));
}

List Constants::as_list(Any const& v, Location at, std::string const& what) {
  if (auto* l = v.list()) {
    budget_.spend(l->size(), at);
    return *l;
  }
  errors_.fail(at, fmt::format("{} is {}, not a list", what, shown(v)));
}

Shape Constants::as_shape(Any const& v, Location at, std::string const& what) {
  Shape out;
  if (auto* d = v.get<Dim>()) {
    if (*d == Dim(0))
      errors_.fail(at, fmt::format("{} is 0, which makes no element", what), "a shape is a list, `[3, 4]`");
    return {*d};
  }
  for (auto const& item : as_list(v, at, what)) {
    if (auto* x = item.get<f64>(); x)
      errors_.fail(at, fmt::format("{} has the fraction {} as an extent", what, shown(*x)),
                   help_for_int(*x).value_or("`//` divides and gives an int"));
    Dim d = as_int(item, at, "an extent of " + what);
    if (auto c = d.constant(); c && *c < 0) errors_.fail(at, fmt::format("{} has the negative extent {}", what, *c));
    out.push_back(d);
  }
  return out;
}

i64 Constants::as_axis(Any const& v, int rank, Location at) {
  i64 axis = as_constant(v, at, "`axis`");
  if (axis < -rank || axis >= rank)
    errors_.fail(at, fmt::format("axis {} of a tensor with {} {}", axis, rank, rank == 1 ? "axis" : "axes"));
  return axis < 0 ? axis + rank : axis;
}

std::vector<i64> Constants::as_axes(Any const& v, int rank, Location at) {
  std::vector<i64> out;
  if (v.is<None>())
    for (int i = 0; i < rank; ++i) out.push_back(i);
  else if (!v.list()) out.push_back(as_axis(v, rank, at));
  else
    for (auto const& item : *v.list()) out.push_back(as_axis(item, rank, at));
  std::sort(out.begin(), out.end());
  if (std::adjacent_find(out.begin(), out.end()) != out.end()) errors_.fail(at, "the same axis is given twice");
  return out;
}

} // namespace nnc::front
