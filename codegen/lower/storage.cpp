#include "codegen/lower/storage.h"

#include "ir/index_map.h"
#include "ir/memory.h"
#include "ir/op.h"
#include "ir/scan.h"
#include "ir/walk.h"

#include <algorithm>

namespace nnc {

Storage::Storage(Function const& f) : function(f), frame(f), root(roots_of(f)), numbers(numbers_of_threads(f)) {
  places.resize(f.values.size());
  argument_number.assign(f.values.size(), -1);
  scalar_number.assign(f.values.size(), -1);
  i64 scalar = 0;
  for (size_t i = 0; i < f.arguments.size(); ++i) {
    auto const& a = f.arguments[i];
    argument_number[a.value] = static_cast<i64>(i);
    places[a.value] = Place{.kind = Place::Kind::argument, .index = static_cast<i64>(i)};
    if (a.role == Role::scalar) scalar_number[a.value] = scalar++;
  }
  find_places(f.body.nodes);
}

void Storage::find_places(std::vector<Node> const& nodes) {
  for (auto const& n : nodes) {
    if (is_alias(function, n)) {
      places[n.result()] = places[n.operands[0]];
    } else if (n.kernel) {
      auto const& list = n.kernel->places;
      if (!list || list->size() != n.results.size()) throw CompilerBug("a kernel has other places than results");
      if (!n.kernel->schedule && n.kernel->kind != KernelKind::scalars) throw CompilerBug("a kernel has no schedule");
      for (size_t i = 0; i < list->size(); ++i) places[n.results[i]] = (*list)[i];
    } else if (holds_scopes(n)) {
      places_of_scope(n);
      for (auto const& r : n.regions) find_places(r.nodes);
    } else {
      throw CompilerBug("code is made of kernels; found a " + std::string(info(n.op).name) + " outside of one");
    }
  }
}

// Those of the carries are where the first ones are; the others are listed.
void Storage::places_of_scope(Node const& n) {
  auto const list = n.attributes.get_or("places", std::vector<Place>{});
  std::vector<ValueId> placed;
  if (n.op == OpCode::scan) {
    Scan const s(n);
    for (size_t i = 0; i < s.carries; ++i) places[s.carried(i)] = places[s.last(i)] = places[s.first(i)];
    for (size_t i = 0; i < s.sequences; ++i) placed.push_back(s.element(i));
    for (size_t i = 0; i < s.stacks(); ++i) placed.push_back(s.stack(i));
  } else {
    placed = n.results;
  }
  if (placed.size() != list.size()) throw CompilerBug("a node with regions has other places than it needs");
  for (size_t i = 0; i < placed.size(); ++i) places[placed[i]] = list[i];
}

std::optional<Role> Storage::role(ValueId v) const {
  i64 a = argument_number[root[v]];
  if (a < 0) return {};
  return function.arguments[static_cast<size_t>(a)].role;
}

std::optional<std::array<i64, 3>> polynomial_in_batch(Dim const& d) {
  if (d.mentions(Symbol::examples)) return {};
  auto at = [&](i64 batch) {
    Bindings b;
    b[static_cast<size_t>(Symbol::batch)] = batch;
    return d.value(b);
  };
  i64 v0 = at(0), v1 = at(1), v2 = at(2);
  i64 c2 = (v2 - 2 * v1 + v0) / 2, c1 = v1 - v0 - c2;
  if (at(3) != v0 + 3 * c1 + 9 * c2) return {};
  return std::array<i64, 3>{v0, c1, c2};
}

namespace {

Ref polynomial(LoopBuilder& b, Dim const& d, i64 batch_cell) {
  if (auto c = d.constant()) return b.integer(*c);
  if (d == Dim(Symbol::examples)) return b.cell(Frame::examples, DType::i64);
  auto c = polynomial_in_batch(d);
  if (!c) throw Error("an extent of " + d.text() + " is not compiled yet");
  Ref batch = b.cell(batch_cell, DType::i64);
  Ref squares = b.multiply((*c)[2] ? b.multiply(batch, batch) : batch, (*c)[2]);
  return b.add(b.add(squares, b.multiply(batch, (*c)[1])), b.integer((*c)[0]));
}

} // namespace

Ref extent(LoopBuilder& b, Dim const& d) { return polynomial(b, d, Frame::batch); }
Ref extent_in_slots(LoopBuilder& b, Dim const& d) { return polynomial(b, d, Frame::padded_batch); }

namespace {

bool is_in_arena(Place const& p) { return p.kind == Place::Kind::slot || p.kind == Place::Kind::round; }

// What the entry itself walks: the rows of data columns, and the slots one behind the other.
void check_extents(Function const& f) {
  auto const refuse = [&](ValueId v, std::string const& what) {
    throw Error(Diagnostic{.at = f.values[v].at, .message = what + " of " + f.type(v).text() + " is not compiled yet"});
  };
  for (auto const& a : f.arguments)
    for (size_t i = 1; a.role == Role::data && i < f.type(a.value).shape.size(); ++i)
      if (!f.type(a.value).shape[i].is_constant()) refuse(a.value, "a column");
  each_node(f.body.nodes, [&](Node const& n) {
    if (!n.kernel && !holds_scopes(n)) return;
    bool const own = !n.kernel || std::any_of(n.kernel->places->begin(), n.kernel->places->end(), is_in_arena);
    for (auto v : n.results)
      if (own && !polynomial_in_batch(element_count(f.type(v).shape))) refuse(v, "an intermediate value");
  });
  for (auto const& slot : f.slots)
    if (!polynomial_in_batch(slot))
      throw Error(Diagnostic{.at = f.at, .message = "a slot of " + slot.text() + " bytes is not compiled yet"});
}

} // namespace

namespace {

// The pass `widen` has made sums of narrow floats sums in f32.
void check_sums(Function const& f) {
  each_node(f.body.nodes, [&](Node const& n) {
    if (!info(n.op).has(accumulates) || !is_narrow_float(f.type(n.result()).dtype)) return;
    throw Error(Diagnostic{.at = n.at,
                           .message = "a sum in " + std::string(name(f.type(n.result()).dtype)) +
                                      " is not compiled: the pass `widen` makes one in f32 of it"});
  });
}

} // namespace

void check_compiled(Function const& f) {
  check_extents(f);
  check_sums(f);
}

} // namespace nnc
