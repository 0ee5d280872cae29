// What goes along the lines of an axis.
#include "frontend/elaborate/builtin.h"

#include <algorithm>
#include <fmt/core.h>

namespace nnc::front {

namespace {

ValueId numbers(BuiltinCall& c, size_t i) {
  std::optional<std::string> help;
  if (c[i].is<bool>() || (c[i].tensor() && type_of(c[i]).dtype == DType::bool_)) help = "convert it first: `i32(x)`";
  if (!c[i].tensor() || c[i].tensor()->tunes || help)
    c.e.errors.fail(c.places[i], fmt::format("`{}` works on tensors of numbers, got {}", c.name, shown(c[i])), help);
  return c.e.tensors.as_tensor(c[i], c.places[i]);
}

// An element is put in its place among so many by going through them.
constexpr i64 most_picked = 64;

// sorted(x, axis, first): the values and the indices that they had. Where so many first ones are enough, no more than
// these need to be there.
Any sorted(BuiltinCall& c) {
  ValueId const x = numbers(c, 0);
  i64 const axis = c.e.constants.as_axis(c[1], c.e.now.graph->type(x).rank(), c.places[1]);
  Attributes attributes{{"axis", axis}};
  if (!c[2].is<None>()) {
    auto const first = c.e.constants.as_int(c[2], c.places[2], "the number of elements").constant();
    auto const all = c.e.now.graph->type(x).shape[static_cast<size_t>(axis)].constant();
    if (first && all && *first >= 0 && *first <= std::min(*all, most_picked)) attributes.set("first", *first);
  }
  List out;
  for (ValueId const v : c.e.tensors.builder(c.at).make_all(OpCode::sort, {x}, std::move(attributes)))
    out.push_back(c.e.tensors.tensor(v));
  return list_of(std::move(out));
}

Any largest_so_far(BuiltinCall& c) {
  ValueId const x = numbers(c, 0);
  i64 const axis = c.e.constants.as_axis(c[1], c.e.now.graph->type(x).rank(), c.places[1]);
  return c.e.tensors.tensor(c.e.tensors.builder(c.at).make(OpCode::cumulative_max, {x}, {{"axis", axis}}));
}

// recurrence(a, b, start, axis, reverse): y[t] = a[t] * y[t-1] + b[t]
Any recurrence(BuiltinCall& c) {
  ValueId const b = numbers(c, 1);
  Type const type = c.e.now.graph->type(b);
  i64 const axis = c.e.constants.as_axis(c[3], type.rank(), c.places[3]);
  Type line = type;
  line.shape.erase(line.shape.begin() + axis);
  auto const beside = [&](size_t i, Shape const& shape, std::string_view what) {
    ValueId const v = c.e.tensors.as_tensor(c[i], type.dtype, c.places[i]);
    Type const& have = c.e.now.graph->type(v);
    if (have.rank() > 0 && have.shape != shape)
      c.e.errors.fail(c.places[i], fmt::format("`{}` of a recurrence over {} is {} or a number, got {}", what,
                                               shown(type), shown(Type{type.dtype, shape}), shown(c[i])));
    return v;
  };
  ValueId const a = beside(0, type.shape, "a"), start = beside(2, line.shape, "start");
  Attributes attributes{{"axis", axis}};
  if (c.e.constants.as_bool(c[4], c.places[4], "`reverse`")) attributes.set("reverse", true);
  return c.e.tensors.tensor(c.e.tensors.builder(c.at).make(OpCode::recurrence, {a, b, start}, attributes));
}

} // namespace

std::vector<Builtin> const& line_builtins() {
  static std::vector<Builtin> const all{
      {"sorted", sorted},
      {"largest_so_far", largest_so_far},
      {"recurrence", recurrence},
  };
  return all;
}

} // namespace nnc::front
