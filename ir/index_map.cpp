#include "ir/index_map.h"

#include "ir/op.h"

#include <algorithm>

namespace nnc {
namespace {

using Coordinate = IndexMap::Coordinate;
using Term = IndexMap::Term;

// Elementwise: the point itself; an operand of rank 0 serves every point.
IndexMap of_elementwise(size_t rank) {
  IndexMap map;
  for (size_t i = 0; i < rank; ++i) map.coordinates.push_back({.terms = {{static_cast<i64>(i), 1}}});
  return map;
}

} // namespace

std::optional<IndexMap> index_map(Function const& f, Node const& n, size_t operand) {
  auto const& op = info(n.op);
  size_t const rank = f.type(n.operands[operand]).shape.size();
  if (op.has(structural)) return {};
  if (op.has(elementwise)) return of_elementwise(rank);
  if (op.map) return op.map({f, n, operand});
  if (rank == 0) return IndexMap{};
  return {};
}

Shape space_of(Function const& f, Node const& n) {
  Shape space = f.type(n.result()).shape;
  size_t const kept = space.size();
  for (size_t i = 0; i < n.operands.size(); ++i) {
    auto const map = index_map(f, n, i);
    if (!map) continue;
    size_t axis = 0;
    for (auto const& c : map->coordinates) {
      for (auto const& t : c.terms) {
        auto const a = static_cast<size_t>(t.axis);
        if (a < kept || !c.is_axis(t.axis)) continue;
        if (space.size() <= a) space.resize(a + 1, 0);
        space[a] = f.type(n.operands[i]).shape[axis];
      }
      axis += static_cast<size_t>(c.axes);
    }
  }
  return space;
}

bool is_prefix(IndexMap const& map) {
  for (size_t j = 0; j < map.coordinates.size(); ++j)
    if (!map.coordinates[j].is_axis(static_cast<i64>(j))) return false;
  return true;
}

bool is_identity(IndexMap const& map, size_t space_rank) {
  return map.coordinates.size() == space_rank && is_prefix(map);
}

bool reads_in_step(Function const& f, Node const& n, size_t operand) {
  auto const map = index_map(f, n, operand);
  auto const &from = f.type(n.operands[operand]).shape, &to = f.type(n.result()).shape;
  return map && is_prefix(*map) && from.size() <= to.size() && std::equal(from.begin(), from.end(), to.begin());
}

bool is_selection(IndexMap const& map) {
  i64 last = -1;
  for (auto const& c : map.coordinates) {
    if (c.terms.size() != 1 || !c.is_axis(c.terms[0].axis) || c.terms[0].axis <= last) return false;
    last = c.terms[0].axis;
  }
  return true;
}

bool depends_on_data(IndexMap const& map) {
  return std::any_of(map.coordinates.begin(), map.coordinates.end(), [](Coordinate const& c) { return c.by_data; });
}

bool is_guarded(IndexMap const& map) {
  return std::any_of(map.coordinates.begin(), map.coordinates.end(), [](Coordinate const& c) { return c.guarded; });
}

std::optional<Dim> step_along(Coordinate const& c, Shape const& space, size_t first, size_t last) {
  auto step_of = [&](size_t axis) {
    auto t =
        std::find_if(c.terms.begin(), c.terms.end(), [&](Term const& t) { return t.axis == static_cast<i64>(axis); });
    return t == c.terms.end() ? Dim(0) : t->step;
  };
  std::optional<Dim> innermost; // extents of 1 are no index
  Dim inside = 1;
  for (size_t i = last; i-- > first;) {
    if (space[i] == Dim(1)) continue;
    Dim const step = step_of(i);
    if (!innermost) innermost = step;
    else if (step != *innermost * inside) return {};
    inside = inside * space[i];
  }
  return innermost.value_or(Dim(0));
}

namespace {

void add_term(std::vector<Term>& terms, Term const& term) {
  auto at = std::find_if(terms.begin(), terms.end(), [&](Term const& t) { return t.axis >= term.axis; });
  if (at == terms.end() || at->axis != term.axis) terms.insert(at, term);
  else if (at->step + term.step == Dim(0)) terms.erase(at);
  else at->step = at->step + term.step;
}

// `step` times what the outer coordinate is.
bool add_scaled(Coordinate& sum, Coordinate const& outer, Dim const& step, bool alone) {
  if (outer.is_affine()) {
    for (auto const& t : outer.terms) add_term(sum.terms, {t.axis, t.step * step});
    sum.offset = sum.offset + outer.offset * step;
    return true;
  }
  if (!alone || step != Dim(1) || !sum.is_affine() || sum.offset != Dim(0)) return false;
  int const axes = sum.axes;
  sum = outer;
  sum.axes = axes;
  return true;
}

} // namespace

Strides row_major(Shape const& shape) {
  Strides s{std::vector<Dim>(shape.size(), 1), 0};
  for (size_t i = shape.size(); i-- > 1;) s.steps[i - 1] = s.steps[i] * shape[i];
  return s;
}

std::optional<Strides> strides_through(IndexMap const& map, Shape const& shape, Strides const& operand,
                                       size_t space_rank) {
  Strides out{std::vector<Dim>(space_rank, 0), operand.offset};
  size_t axis = 0;
  for (auto const& c : map.coordinates) {
    if (!c.is_affine()) return {};
    size_t const end = axis + static_cast<size_t>(c.axes);
    for (size_t i = axis; i + 1 < end; ++i)
      if (shape[i] != Dim(1) && operand.steps[i] != operand.steps[i + 1] * shape[i + 1]) return {};
    Dim const step = operand.steps[end - 1];
    for (auto const& t : c.terms) {
      auto& s = out.steps[static_cast<size_t>(t.axis)];
      s = s + t.step * step;
    }
    out.offset = out.offset + c.offset * step;
    axis = end;
  }
  return out;
}

namespace {

bool splits_no_run(Coordinate const& c, Shape const& space, std::vector<int> const& runs) {
  size_t first = 0;
  for (int run : runs) {
    size_t const last = first + static_cast<size_t>(run);
    if (run > 1 && !step_along(c, space, first, last)) return false;
    first = last;
  }
  return true;
}

} // namespace

std::optional<Coordinate> along_runs(IndexMap const& map, size_t c, Shape const& operand, size_t axis,
                                     Shape const& space, std::vector<int> const& runs, size_t& count) {
  Coordinate all = map.coordinates[c];
  for (count = 1; !splits_no_run(all, space, runs); ++count) {
    if (c + count == map.coordinates.size()) return {};
    auto const& next = map.coordinates[c + count];
    if (!all.is_affine() || !next.is_affine()) return {};
    Dim inner = 1; // elements behind one step of what there is
    for (int k = 0; k < next.axes; ++k) inner = inner * operand[axis + static_cast<size_t>(all.axes + k)];
    Coordinate both{.axes = all.axes + next.axes, .terms = next.terms, .offset = all.offset * inner + next.offset};
    for (auto const& t : all.terms) add_term(both.terms, {t.axis, t.step * inner});
    all = std::move(both);
  }
  return all;
}

namespace {

// A coordinate of the inner map, each run of its axes being a coordinate of the outer one.
std::optional<Coordinate> composed(Coordinate const& c, IndexMap const& outer, Shape const& between) {
  Coordinate sum = c;
  sum.terms.clear();
  size_t axis = 0;
  for (auto const& o : outer.coordinates) {
    size_t const end = axis + static_cast<size_t>(o.axes);
    auto const in_run = [&](Term const& t) {
      return static_cast<size_t>(t.axis) >= axis && static_cast<size_t>(t.axis) < end;
    };
    bool const any = std::any_of(c.terms.begin(), c.terms.end(), in_run),
               alone = std::all_of(c.terms.begin(), c.terms.end(), in_run);
    if (any && !add_scaled(sum, o, *step_along(c, between, axis, end), alone)) return {};
    axis = end;
  }
  return sum;
}

} // namespace

std::optional<IndexMap> compose(IndexMap const& outer, IndexMap const& inner, Shape const& between,
                                Shape const& operand) {
  if (depends_on_data(inner)) return {}; // the data would have to be read elsewhere, too
  std::vector<int> runs;
  for (auto const& o : outer.coordinates) runs.push_back(o.axes);
  IndexMap out;
  size_t axis = 0, count = 0;
  for (size_t c = 0; c < inner.coordinates.size(); c += count) {
    auto const run = along_runs(inner, c, operand, axis, between, runs, count);
    auto sum = run ? composed(*run, outer, between) : std::nullopt;
    if (!sum) return {};
    axis += static_cast<size_t>(run->axes);
    out.coordinates.push_back(std::move(*sum));
  }
  return out;
}

bool reads_as_one(IndexMap const& map, Shape const& operand, Shape const& space, size_t first, size_t last) {
  std::vector<int> runs(first, 1);
  runs.push_back(static_cast<int>(last - first));
  size_t axis = 0, count = 0;
  for (size_t c = 0; c < map.coordinates.size(); c += count) {
    auto const run = along_runs(map, c, operand, axis, space, runs, count);
    if (!run) return false;
    axis += static_cast<size_t>(run->axes);
  }
  return true;
}

bool is_row_major(IndexMap const& map, Shape const& from, Shape const& to) {
  if (element_count(from) != element_count(to)) return false;
  auto const strides = strides_through(map, from, row_major(from), to.size());
  if (!strides || strides->offset != Dim(0)) return false;
  auto const own = row_major(to);
  for (size_t i = 0; i < to.size(); ++i)
    if (to[i] != Dim(1) && strides->steps[i] != own.steps[i]) return false;
  return true;
}

bool is_alias(Function const& f, Node const& n) {
  if (!info(n.op).has(moves_data) || n.operands.size() != 1) return false;
  auto const map = index_map(f, n, 0);
  return map && is_row_major(*map, f.type(n.operands[0]).shape, f.type(n.result()).shape);
}

bool reads_every_element(IndexMap const& map, Shape const& operand, Shape const& space) {
  size_t axis = 0;
  for (auto const& c : map.coordinates) {
    Dim count = 1, reached = 1;
    for (int k = 0; k < c.axes; ++k) count = count * operand[axis++];
    if (!c.is_affine() || c.offset != Dim(0)) return false;
    for (size_t t = c.terms.size(); t-- > 0;) {
      if (c.terms[t].step != reached) return false;
      reached = reached * space[static_cast<size_t>(c.terms[t].axis)];
    }
    if (reached != count) return false;
  }
  return true;
}

} // namespace nnc
