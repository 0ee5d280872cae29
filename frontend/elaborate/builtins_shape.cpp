// Shapes and places: making, reshaping, joining and indexing tensors; random bits.
#include "frontend/elaborate/batch_number.h"
#include "frontend/elaborate/builtin.h"
#include "frontend/elaborate/suggestions.h"

#include <algorithm>
#include <fmt/core.h>

namespace nnc::front {

namespace {

DType dtype_of(BuiltinCall& c, size_t i) {
  auto* d = c[i].get<DType>();
  std::optional<std::string> help;
  if (c[i].is<Dim>()) help = "a shape is one list, `zeros([3, 4])`";
  else help = c.e.suggestions.unquoted(c[i], Suggestions::Needed::dtype);
  if (!d) c.e.errors.fail(c.places[i], fmt::format("`dtype` is {}, not a dtype", shown(c[i])), help);
  return *d;
}

ValueId operand(BuiltinCall& c, size_t i = 0) {
  if (!c[i].tensor() || c[i].tensor()->tunes) {
    if (is_number(c[i])) return c.e.tensors.as_tensor(c[i], c.places[i]);
    c.e.errors.fail(c.places[i], fmt::format("`{}` works on tensors, got {}", c.name, shown(c[i])));
  }
  return c.e.tensors.as_tensor(c[i], c.places[i]);
}

Shape const& shape_of(BuiltinCall& c, ValueId v) { return c.e.now.graph->type(v).shape; }

Any full(BuiltinCall& c) {
  Shape shape = c.e.constants.as_shape(c[0], c.places[0], "`shape`");
  ValueId v = c.e.tensors.as_tensor(c[1], dtype_of(c, 2), c.places[1]);
  if (c.e.now.graph->type(v).rank() != 0)
    c.e.errors.fail(c.places[1], fmt::format("`full` repeats a scalar, got {}", shown(c[1])));
  return c.e.tensors.tensor(shape.empty() ? v : c.e.tensors.builder(c.at).broadcast_scalar(v, shape));
}

Any iota(BuiltinCall& c) {
  Shape shape = c.e.constants.as_shape(c[0], c.places[0], "`n`");
  if (shape.size() != 1) c.e.errors.fail(c.places[0], "`iota` counts along one axis");
  return c.e.tensors.tensor(
      c.e.tensors.builder(c.at).make(OpCode::iota, {}, {{"axis", i64{0}}}, Type{dtype_of(c, 1), shape}));
}

// What is left is known with the size of the batch only.
Any reshape_in_numbers(BuiltinCall& c, ValueId x, Shape const& shape, size_t open) {
  auto& batch = c.e.batch_number;
  auto const what = fmt::format("an extent that `reshape` of {} finds", shown(c[0]));
  Dim const have = element_count(shape_of(c, x)), want = element_count(shape);
  i64 const elements = batch.of(have, c.at, what), each = batch.of(want, c.at, what);
  if (each == 0 || elements % each != 0)
    c.e.errors.fail(c.at, fmt::format("{} cannot be reshaped to {}: {} does not divide {}{}", shown(c[0]), shown(c[1]),
                                      each, elements, batch.in_batch(have * want)));
  Shape numbers;
  for (auto const& d : shape) numbers.push_back(batch.of(d, c.at, what));
  numbers[open] = elements / each;
  ValueId out = c.e.tensors.builder(c.at).reshape(batch.fix_all(x, c.at, what), numbers);
  for (size_t i = 0; i < shape.size(); ++i)
    if (i != open) out = batch.open(out, static_cast<i64>(i), shape[i], c.at);
  return c.e.tensors.tensor(out);
}

// One extent may be none: it is what is left.
Any reshape(BuiltinCall& c) {
  ValueId x = operand(c);
  List wanted = c[1].is<Dim>() ? List{c[1]} : c.e.constants.as_list(c[1], c.places[1], "`shape`");
  Shape shape;
  std::optional<size_t> open;
  for (auto& item : wanted) {
    if (item.is<None>() || (item.is<Dim>() && *item.get<Dim>() == Dim(-1))) {
      if (open) c.e.errors.fail(c.places[1], "`reshape` can find one extent only");
      open = shape.size();
      item = Any{Dim(1)};
    }
    shape.push_back(c.e.constants.as_int(item, c.places[1], "an extent of `shape`"));
  }
  Dim have = element_count(shape_of(c, x)), want = element_count(shape);
  if (open) {
    auto rest = want == Dim(0) ? std::nullopt : have.divided_by(want);
    if (!rest) return reshape_in_numbers(c, x, shape, *open);
    shape[*open] = *rest;
  } else if (!(have == want))
    c.e.errors.fail(
        c.at,
        fmt::format("{} has {} elements, {} has {}", shown(c[0]), shown(have), shown(list_of(shape)), shown(want)),
        have.mentions(Symbol::batch) && want.is_constant()
            ? std::optional("the number of examples stays open: `batch` stands for it in the list")
            : std::nullopt);
  return c.e.tensors.tensor(shape == shape_of(c, x) ? x : c.e.tensors.builder(c.at).reshape(x, shape));
}

// transpose(x): the last two axes change places; transpose(x, [2, 0, 1]): axis i of the result is that axis of x.
Any transpose(BuiltinCall& c) {
  ValueId x = operand(c);
  int rank = c.e.now.graph->type(x).rank();
  std::vector<i64> permutation;
  if (c[1].is<None>()) {
    if (rank < 2) c.e.errors.fail(c.at, fmt::format("`transpose` needs two axes, got {}", shown(c[0])));
    for (int i = 0; i < rank; ++i) permutation.push_back(i);
    std::swap(permutation[rank - 1], permutation[rank - 2]);
  } else
    for (auto const& item : c.e.constants.as_list(c[1], c.places[1], "`axes`"))
      permutation.push_back(c.e.constants.as_axis(item, rank, c.places[1]));
  auto sorted = permutation;
  std::sort(sorted.begin(), sorted.end());
  if (static_cast<int>(sorted.size()) != rank || std::adjacent_find(sorted.begin(), sorted.end()) != sorted.end())
    c.e.errors.fail(c.places[1], fmt::format("`axes` must name each of the {} axes once", rank));
  return c.e.tensors.tensor(c.e.tensors.builder(c.at).transpose(x, permutation));
}

Any broadcast(BuiltinCall& c) {
  ValueId x = operand(c);
  Shape to = c.e.constants.as_shape(c[1], c.places[1], "`shape`"), from = shape_of(c, x);
  bool fits = from.size() <= to.size();
  for (size_t i = 1; fits && i <= from.size(); ++i)
    fits = from[from.size() - i] == Dim(1) || from[from.size() - i] == to[to.size() - i];
  if (!fits) c.e.errors.fail(c.at, fmt::format("{} does not broadcast to {}", shown(c[0]), shown(list_of(to))));
  return c.e.tensors.tensor(c.e.tensors.stretch(x, to, c.at));
}

Any concat(BuiltinCall& c) {
  List items = *c[0].list();
  if (items.size() == 1 && items.front().list()) items = *items.front().list();
  if (items.empty()) c.e.errors.fail(c.at, "`concat` of nothing");
  std::vector<ValueId> values;
  for (auto const& item : items) {
    std::optional<std::string> help;
    if (item.is<Dim>()) help = "the axis is given by name, `concat(x, y, axis = 1)`";
    if (!item.tensor()) c.e.errors.fail(c.at, fmt::format("`concat` joins tensors, got {}", shown(item)), help);
    if (DType const d = type_of(items.front()).dtype; type_of(item).dtype != d)
      c.e.errors.fail(
          c.at, fmt::format("`concat` of {} and {}: there is no silent conversion", shown(items.front()), shown(item)),
          fmt::format("convert one of them: `{}(x)`", name(is_float(d) ? d : type_of(item).dtype)));
    values.push_back(c.e.tensors.as_tensor(item, c.at));
  }
  Type const first = c.e.now.graph->type(values.front());
  i64 axis = c.e.constants.as_axis(c[1], first.rank(), c.at);
  for (ValueId v : values) {
    Shape s = shape_of(c, v), t = first.shape;
    if (s.size() == t.size()) s[static_cast<size_t>(axis)] = t[static_cast<size_t>(axis)];
    if (s != t)
      c.e.errors.fail(c.at, fmt::format("`concat` along axis {}: {} does not fit {}", axis,
                                        shown(c.e.now.graph->type(v)), shown(first)));
  }
  if (values.size() == 1) return c.e.tensors.tensor(values.front());
  return c.e.tensors.tensor(c.e.tensors.builder(c.at).make(OpCode::concat, values, {{"axis", axis}}));
}

Any reverse(BuiltinCall& c) {
  ValueId x = operand(c);
  return c.e.tensors.tensor(c.e.tensors.builder(c.at).make(
      OpCode::reverse, {x}, {{"axes", c.e.constants.as_axes(c[1], c.e.now.graph->type(x).rank(), c.at)}}));
}

// pad(x, low, high): so many rows in front and behind along each axis.
Any pad(BuiltinCall& c) {
  ValueId x = operand(c);
  Type const type = c.e.now.graph->type(x);
  auto rows = [&](size_t i) {
    std::vector<Dim> out;
    for (auto const& item : c.e.constants.as_list(c[i], c.places[i], i == 1 ? "`low`" : "`high`"))
      out.push_back(c.e.constants.as_int(item, c.places[i], "a width of `pad`"));
    if (static_cast<int>(out.size()) != type.rank())
      c.e.errors.fail(c.places[i], fmt::format("`pad` needs one width per axis of {}", shown(type)));
    return out;
  };
  ValueId fill = c.e.tensors.as_tensor(c[3], type.dtype, c.places[3]);
  return c.e.tensors.tensor(
      c.e.tensors.builder(c.at).make(OpCode::pad, {x, fill}, {{"high", rows(2)}, {"low", rows(1)}}));
}

// How `gather` and `scatter_add` go into a table: the arguments from `axis` on, axis, batch and size. Runs may need a
// number for the extent that they lie in.
Attributes indexing(BuiltinCall& c, ValueId& table, ValueId ids, size_t axis) {
  Type const t = c.e.now.graph->type(table), i = c.e.now.graph->type(ids);
  if (!is_int(i.dtype))
    c.e.errors.fail(c.places[1], fmt::format("`{}` is indexed by ints, got {}", c.name, shown(c[1])));
  Attributes out{{"axis", c.e.constants.as_axis(c[axis], t.rank(), c.at)}};
  i64 const place = out.get<i64>("axis"), batch = c.e.constants.as_constant(c[axis + 1], c.places[axis + 1], "`batch`");
  bool const shared = batch >= 0 && batch <= place && batch <= i.rank() &&
                      std::equal(t.shape.begin(), t.shape.begin() + batch, i.shape.begin());
  if (!shared)
    c.e.errors.fail(c.places[axis + 1],
                    fmt::format("`batch` is {}: {} and {} do not share so many axes in front of axis {}", batch,
                                shown(c[0]), shown(c[1]), place));
  if (batch > 0) out.set("batch", batch);
  if (c[axis + 2].is<None>()) return out;
  i64 const size = c.e.constants.as_constant(c[axis + 2], c.places[axis + 2], "`size`");
  Dim const extent = t.shape[static_cast<size_t>(place)];
  auto const what = fmt::format("runs of {} along an axis of {}", size, shown(extent));
  if (size > 0 && !surely_holds(extent, size)) table = c.e.batch_number.fix(table, place, c.at, what);
  Dim const found = shape_of(c, table)[static_cast<size_t>(place)];
  if (size < 1 || !surely_holds(found, size))
    c.e.errors.fail(c.places[axis + 2], fmt::format("`size` is {}, axis {} of {} has {}{}", size, place, shown(c[0]),
                                                    shown(found), c.e.batch_number.in_batch(extent)));
  out.set("size", size);
  return out;
}

// gather(table, ids, axis): the axes of `ids` replace the indexed one.
Any gather(BuiltinCall& c) {
  ValueId table = operand(c, 0), ids = operand(c, 1);
  Attributes const how = indexing(c, table, ids, 2);
  return c.e.tensors.tensor(c.e.tensors.builder(c.at).make(OpCode::gather, {table, ids}, how));
}

Any scatter_add(BuiltinCall& c) {
  ValueId base = operand(c, 0), ids = operand(c, 1),
          updates = c.e.tensors.as_tensor(c[2], c.e.now.graph->type(base).dtype, c.places[2]);
  Shape const shape = shape_of(c, base);
  Attributes const how = indexing(c, base, ids, 3);
  ValueId const sums = c.e.tensors.builder(c.at).make(OpCode::scatter_add, {base, ids, updates}, how);
  i64 const axis = how.get<i64>("axis");
  bool const fixed = shape_of(c, sums)[static_cast<size_t>(axis)] != shape[static_cast<size_t>(axis)];
  return c.e.tensors.tensor(fixed ? c.e.batch_number.open(sums, axis, shape[static_cast<size_t>(axis)], c.at) : sums);
}

Any shape(BuiltinCall& c) { return list_of(shape_of(c, operand(c))); }
Any rank(BuiltinCall& c) { return Any{Dim(c.e.now.graph->type(operand(c)).rank())}; }
Any dtype(BuiltinCall& c) { return Any{c.e.now.graph->type(operand(c)).dtype}; }

// The number of this round among all of the scans around it, i64; no_value outside of scans.
ValueId round_number(BuiltinCall& c) {
  ValueId number = no_value;
  std::vector<ScanRound*> rounds;
  for (auto* r = c.e.now.graph->round; r; r = r->around) rounds.push_back(r);
  for (size_t i = rounds.size(); i-- > 0;) {
    auto& r = *rounds[i];
    Builder& make = c.e.tensors.builder(c.at);
    if (r.element == no_value) r.element = make.value(scalar_of(DType::i64));
    if (number != no_value) number = make.make(OpCode::mul, {number, make.integer(DType::i64, r.length)});
    number = number == no_value ? r.element : make.make(OpCode::add, {number, r.element});
  }
  return number;
}

// Bits of one draw, keyed by seed, step and the path of the call; an initial value's by its seed and path alone.
Any random_bits(BuiltinCall& c) {
  Shape const shape = c.e.constants.as_shape(c[0], c.places[0], "`shape`");
  Graph& graph = *c.e.now.graph;
  Builder& make = c.e.tensors.builder(c.at);
  ValueId seed = graph.argument("seed", scalar_of(DType::i64), Role::seed);
  bool stepless = graph.kind == Graph::Kind::initialize;
  ValueId step = stepless ? make.integer(DType::i64, 0) : graph.argument("step", scalar_of(DType::i64), Role::step);
  if (ValueId const round = round_number(c); round != no_value) // each round is a step of its own, so to speak
    step = make.make(OpCode::add, {step, make.make(OpCode::mul, {round, make.integer(DType::i64, i64{1} << 32)})});
  std::string path = c.e.now.frame->path->counted_draw("bits");
  return c.e.tensors.tensor(make.make(OpCode::random_bits, {seed, step}, {{"path", path}}, Type{DType::i32, shape}));
}

} // namespace

std::vector<Builtin> const& shape_builtins() {
  static std::vector<Builtin> const all{
      {"full", full},           {"iota", iota},
      {"reshape", reshape},     {"transpose", transpose},
      {"broadcast", broadcast}, {"concat", concat},
      {"reverse", reverse},     {"pad", pad},
      {"gather", gather},       {"scatter_add", scatter_add},
      {"shape", shape},         {"rank", rank},
      {"dtype", dtype},         {"random_bits", random_bits},
  };
  return all;
}

} // namespace nnc::front
