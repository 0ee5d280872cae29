// Reading and adding at indices that are known at run time only. Every index is clamped to the table, so that no value
// of the data reads or writes outside of it; the evaluator and the kernels count what they clamp.
#include "ir/ops/rules.h"

#include <algorithm>
#include <fmt/core.h>

namespace nnc {

using namespace rules;

namespace {

// How an operator goes into its table.
struct Indexing {
  explicit Indexing(Attributes const& a)
      : axis(a.get<i64>("axis")), batch(a.get_or("batch", i64{0})), runs(a.has("size")),
        size(a.get_or("size", i64{1})) {}
  i64 axis, batch; // the first axes, which table and indices share
  bool runs;       // from each index on, in an axis of their own
  i64 size;        // of a run
};

// table.shape[:axis] + indices.shape[batch:] + [size] + table.shape[axis+1:]
Type gathered(Type const& table, Type const& indices, Attributes const& attributes) {
  Indexing const how(attributes);
  check_axes({how.axis}, table.rank(), "axis");
  if (indices.dtype != DType::i32 && indices.dtype != DType::i64)
    refuse("indices are i32 or i64, found " + indices.text());
  if (how.batch < 0 || how.batch > how.axis || how.batch > indices.rank())
    refuse(fmt::format("batch is {}: expected 0 up to the axis and the rank of the indices", how.batch));
  auto const own = indices.shape.begin() + how.batch;
  if (!std::equal(indices.shape.begin(), own, table.shape.begin()))
    refuse(fmt::format("the first {} axes of {} and {} differ", how.batch, table.text(), indices.text()));
  auto const at = table.shape.begin() + how.axis;
  if (*at == Dim(0) && element_count(indices.shape) != Dim(0))
    refuse(fmt::format("axis {} of {} is empty", how.axis, table.text()));
  if (how.size < 1 || (how.runs && !never_negative(*at - how.size)))
    refuse(fmt::format("runs of {} do not fit axis {} of {}", how.size, how.axis, table.text()));
  Type y{table.dtype, Shape(table.shape.begin(), at)};
  y.shape.insert(y.shape.end(), own, indices.shape.end());
  if (how.runs) y.shape.push_back(how.size);
  y.shape.insert(y.shape.end(), at + 1, table.shape.end());
  return y;
}

std::vector<Type> gather_type(TypeQuery const& q) { return {gathered(q.operands[0], q.operands[1], q.attributes)}; }

std::vector<Type> scatter_add_type(TypeQuery const& q) {
  need(q.operands[0], Takes::numbers);
  Type updates = gathered(q.operands[0], q.operands[1], q.attributes);
  if (q.operands[2] != updates)
    refuse(fmt::format("expected updates {}, found {}", updates.text(), q.operands[2].text()));
  return {q.operands[0]};
}

// The table at the axes of the result around those of the indices, and at the elements of a run; the indices at those
// that they share with the table, and at their own.
std::optional<IndexMap> gather_map(MapQuery const& q) {
  Indexing const how(q.node.attributes);
  i64 const own = static_cast<i64>(q.shape(1).size()) - how.batch; // axes of the indices
  IndexMap map;
  if (q.operand == 1) {
    for (i64 i = 0; i < how.batch + own; ++i)
      map.coordinates.push_back({.terms = {{i < how.batch ? i : how.axis + i - how.batch, 1}}});
    return map;
  }
  for (i64 i = 0; i < static_cast<i64>(q.read().size()); ++i) {
    if (i != how.axis) map.coordinates.push_back({.terms = {{i < how.axis ? i : i + own - 1 + how.runs, 1}}});
    else if (how.runs) map.coordinates.push_back({.terms = {{how.axis + own, 1}}, .by_data = true});
    else map.coordinates.push_back({.by_data = true});
  }
  return map;
}

std::optional<IndexMap> scatter_add_map(MapQuery const& q) {
  if (q.operand > 0) return {};
  IndexMap map;
  for (size_t i = 0; i < q.read().size(); ++i) map.coordinates.push_back({.terms = {{static_cast<i64>(i), 1}}});
  return map;
}

// For each element of the gathered tensor, in its order, where it is in the table.
std::vector<i64> places_in_table(Node const& n, std::vector<i64> const& table, Tensor const& indices) {
  Indexing const how(n.attributes);
  auto const at = table.begin() + how.axis;
  i64 const batches = count_of({table.begin(), table.begin() + how.batch});
  i64 const between = count_of({table.begin() + how.batch, at}), inner = count_of({at + 1, table.end()});
  i64 const count = count_of({indices.shape.begin() + how.batch, indices.shape.end()});
  std::vector<i64> out;
  for (i64 outer = 0; outer < batches * between; ++outer)
    for (i64 j = 0; j < count; ++j) {
      i64 const index = indices.i[static_cast<size_t>(outer / between * count + j)];
      i64 const row = outer * *at + std::clamp<i64>(index, 0, *at - how.size);
      for (i64 k = 0; k < how.size * inner; ++k) out.push_back(row * inner + k);
    }
  return out;
}

std::vector<Tensor> evaluate_gather(Node const& n, std::span<Tensor const> x, std::span<Type const> result) {
  return {take(x[0], places_in_table(n, x[0].shape, x[1]), result[0])};
}

std::vector<Tensor> evaluate_scatter_add(Node const& n, std::span<Tensor const> x, std::span<Type const>) {
  Tensor y = x[0];
  auto places = places_in_table(n, y.shape, x[1]);
  for (size_t k = 0; k < places.size(); ++k) {
    auto at = static_cast<size_t>(places[k]);
    if (is_float(y.dtype)) y.f[at] += x[2].f[k];
    else y.i[at] = wrapping_add(y.i[at], x[2].i[k]);
  }
  return {std::move(y)};
}

// The operator that has these indices as well counts what is wrong with them.
Attributes uncounted(Attributes attributes) {
  attributes.set("uncounted", true);
  return attributes;
}

void gradient_of_gather(Grad& g) {
  if (!g.wants(0)) return;
  Builder& b = g.builder();
  ValueId zeros = b.broadcast_scalar(like(g.dy(), 0).id, g.x(0).type().shape);
  g.to(0, {&b, b.make(OpCode::scatter_add, {zeros, g.x(1).id, g.dy().id}, uncounted(g.attributes()))});
}

void gradient_of_scatter_add(Grad& g) {
  g.to(0, g.dy());
  Builder& b = g.builder();
  if (g.wants(2)) g.to(2, {&b, b.make(OpCode::gather, {g.dy().id, g.x(1).id}, uncounted(g.attributes()))});
}

// Indices from -1 to 6: some of them are clamped.
std::vector<Sample> gather_samples() {
  std::vector<Sample> out;
  auto add = [&](Type table, Type indices, i64 axis) {
    out.push_back({.operands = {std::move(table), std::move(indices)},
                   .attributes = {{"axis", axis}},
                   .int_low = -1,
                   .int_high = 6});
  };
  add(f32_of({5, 3}), i32_of({4}), 0);
  add(f32_of({3, 5}), i32_of({4}), 1);
  add(f32_of({5}), i32_of({2, 3}), 0);
  add(f32_of({5, 2}), i32_of({}), 0);
  add(f32_of({2, 6, 3}), {DType::i64, {2}}, 1);
  add({DType::u8, {6, 2}}, i32_of({3}), 0);
  add(i32_of({4, 2}), i32_of({3}), 0);
  add(f32_of({5, 3}), i32_of({0}), 0);
  auto how = [&](char const* name, i64 value) { out.back().attributes.set(name, value); };
  add(f32_of({2, 5}), i32_of({2, 3}), 1), how("batch", 1);
  add(f32_of({3, 2, 5, 2}), i32_of({3, 2}), 2), how("batch", 1);
  add(f32_of({2, 3, 6}), i32_of({2, 3, 4}), 2), how("batch", 2);
  add(f32_of({7}), i32_of({}), 0), how("size", 3);
  add(f32_of({4, 7}), i32_of({}), 1), how("size", 5);
  add(f32_of({7, 3}), i32_of({2}), 0), how("size", 2);
  add(f32_of({6, 3}), i32_of({}), 0), how("size", 6);
  add(f32_of({3, 2, 40}), {DType::i64, {3}}, 2), how("batch", 1), how("size", 33);
  add(i32_of({5, 2}), i32_of({3}), 0), how("size", 1);
  return out;
}

std::vector<Sample> scatter_add_samples() {
  std::vector<Sample> out;
  for (auto s : gather_samples()) {
    s.operands.push_back(gathered(s.operands[0], s.operands[1], s.attributes));
    out.push_back(s);
  }
  return out;
}

std::vector<Refusal> gather_errors() {
  auto with = [](Type table, Type indices, i64 axis) {
    return Sample{.operands = {std::move(table), std::move(indices)}, .attributes = {{"axis", axis}}};
  };
  auto in_batches = [&](Type table, Type indices, i64 axis, i64 batch) {
    Sample s = with(std::move(table), std::move(indices), axis);
    return s.attributes.set("batch", batch), s;
  };
  auto in_runs = [&](Type table, Type indices, i64 size) {
    Sample s = with(std::move(table), std::move(indices), 0);
    return s.attributes.set("size", size), s;
  };
  return {{with(f32_of({5}), f32_of({2}), 0), "indices are i32 or i64"},
          {with(f32_of({5}), i32_of({2}), 1), "outside"},
          {with(f32_of({0, 3}), i32_of({2}), 0), "is empty"},
          {in_batches(f32_of({2, 5}), i32_of({3}), 1, 1), "the first 1 axes of f32[2,5] and i32[3] differ"},
          {in_batches(f32_of({2, 5}), i32_of({2}), 0, 1), "batch is 1"},
          {in_runs(f32_of({5}), i32_of({2}), 6), "runs of 6 do not fit axis 0 of f32[5]"},
          {in_runs(f32_of({Dim(Symbol::batch)}), i32_of({2}), 2), "runs of 2 do not fit axis 0 of f32[batch]"}};
}

std::vector<Refusal> scatter_add_errors() {
  auto with = [](Type base, Type indices, Type updates) {
    return Sample{.operands = {std::move(base), std::move(indices), std::move(updates)},
                  .attributes = {{"axis", i64{0}}}};
  };
  return {{with(f32_of({5}), i32_of({2}), f32_of({3})), "expected updates f32[2], found f32[3]"},
          {with(bool_of({5}), i32_of({2}), bool_of({2})), "expected numbers"}};
}

constexpr AttributeSpec axis_attributes[] = {
    {"axis", AttributeKind::integer, false, "the axis of the table that the indices count"},
    {"batch", AttributeKind::integer, true, "so many first axes are shared by table and indices; 0 when absent"},
    {"size", AttributeKind::integer, true,
     "so many elements from each index on, in an axis behind those of the indices; the index is clamped so that they "
     "fit. Absent: one, in no axis"},
    {"uncounted", AttributeKind::boolean, true, "a derivative: what is clamped has been counted before"}};

} // namespace

constinit Op const ops::gather{
    .name = "gather",
    .doc = "the slices of a table at indices: their axes take the place of the indexed one; an index outside is "
           "clamped, and counted",
    .arity = 2,
    .traits = moves_data | exact,
    .attributes = axis_attributes,
    .type = gather_type,
    .map = gather_map,
    .gradient = gradient_of_gather,
    .evaluate = evaluate_gather,
    .samples = gather_samples,
    .errors = gather_errors,
};
constinit Op const ops::scatter_add{
    .name = "scatter_add",
    .doc =
        "a table with updates added at indices, in the order of the indices; an index outside is clamped, and counted",
    .arity = 3,
    .traits = accumulates,
    .attributes = axis_attributes,
    .type = scatter_add_type,
    .map = scatter_add_map,
    .gradient = gradient_of_scatter_add,
    .evaluate = evaluate_scatter_add,
    .samples = scatter_add_samples,
    .errors = scatter_add_errors,
};

} // namespace nnc
