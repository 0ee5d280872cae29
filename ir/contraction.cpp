#include "ir/contraction.h"

#include "ir/index_map.h"
#include "ir/kernel_space.h"
#include "ir/op.h"
#include "ir/view.h"

#include <algorithm>

namespace nnc {
namespace {

using Axes = std::vector<i64>;

constexpr i64 longest_block = 8192;          // a block is never cut
constexpr i64 most_in_runs = 8192;           // steps of a sum over several runs, which is not cut
constexpr i64 most_packed_lanes = 64 * 1024; // elements of rhs, when the lanes run along the sum

Node const& dot_of(Node const& kernel) {
  for (auto const& n : kernel.regions.front().nodes)
    if (info(n.op).has(contracts)) return n;
  throw CompilerBug("a contraction without a dot");
}

// Which axes of the space does an operand move in?
std::vector<bool> moves_in(IndexMap const& map, size_t rank) {
  std::vector<bool> moves(rank);
  for (auto const& c : map.coordinates)
    for (auto const& t : c.terms) moves[static_cast<size_t>(t.axis)] = true;
  return moves;
}

// ... together with other axes: as a window. Windows of one tap are none, unless others have more.
std::vector<bool> in_windows(IndexMap const& map, Shape const& space) {
  std::vector<bool> windows(space.size());
  bool any = false;
  for (auto const& c : map.coordinates) {
    auto const moving = std::count_if(c.terms.begin(), c.terms.end(),
                                      [&](auto const& t) { return space[static_cast<size_t>(t.axis)] != Dim(1); });
    any = any || moving > 1;
    for (auto const& t : c.terms)
      if (c.terms.size() > 1) windows[static_cast<size_t>(t.axis)] = true;
  }
  return any ? windows : std::vector<bool>(space.size());
}

StridedAxes strided_axes(Axes const& axes, Shape const& space, std::vector<i64> const& strides) {
  StridedAxes levels;
  for (i64 a : axes) {
    auto const axis = static_cast<size_t>(a);
    StridedAxis const inner{space[axis], strides[axis]};
    if (inner.extent == Dim(1)) continue;
    auto const n = inner.extent.constant();
    bool const as_one = !levels.empty() && n && levels.back().stride == inner.stride * *n;
    if (as_one) levels.back() = {levels.back().extent * inner.extent, inner.stride};
    else levels.push_back(inner);
  }
  return levels;
}

// All extents but the outermost have to be known.
bool can_be_walked(StridedAxes const& levels) {
  for (size_t i = 1; i < levels.size(); ++i)
    if (!levels[i].extent.is_constant()) return false;
  return true;
}

std::optional<PlainOperand> plain_operand(Function const& f, ContractOperand const& o, Shape const& space,
                                          IndexMap const& map, std::optional<View> const& view) {
  if (!view) return {};
  Strides const stored{{view->strides.begin(), view->strides.end()}, view->offset};
  auto const strides = strides_through(map, f.type(o.value).shape, stored, space.size());
  if (!strides || !strides->offset.is_constant()) return {};
  std::vector<i64> steps;
  for (auto const& step : strides->steps) {
    if (!step.is_constant()) return {};
    steps.push_back(*step.constant());
  }
  auto levels = [&](Axes const& axes) { return strided_axes(axes, space, steps); };
  PlainOperand p{view->stored, levels(o.batch), levels(o.outer), levels(o.inner), *strides->offset.constant()};
  bool const walked = can_be_walked(p.batch) && can_be_walked(p.outer) && can_be_walked(p.inner);
  return walked ? std::optional(p) : std::nullopt;
}

// Do elements that lie side by side differ in the last of the outer axes?
bool runs_along_outer(ContractOperand const& o, IndexMap const& map) {
  if (o.outer.empty() || map.coordinates.empty()) return false;
  auto const& terms = map.coordinates.back().terms;
  auto has = [&](Axes const& axes) {
    return !axes.empty() &&
           std::any_of(terms.begin(), terms.end(), [&](auto const& t) { return t.axis == axes.back(); });
  };
  return has(o.outer) && !has(o.inner);
}

// Rhs is packed by vectors along columns, or by runs along the sum that are transposed.
bool can_be_packed(PlainOperand const& rhs, Dim const& depth) {
  auto const columns = one_stride(rhs.inner);
  if (!columns) return false;
  if (*columns == 1) return true;
  bool const in_one_chunk = rhs.outer.size() <= 1 || depth.constant().value_or(most_in_runs + 1) <= most_in_runs;
  return !rhs.outer.empty() && rhs.outer.back().stride == 1 && in_one_chunk;
}

bool fits_lanes(Contraction const& c) {
  auto const depth = c.depth.constant(), columns = c.columns.constant();
  return is_float(c.dtype) && depth && columns && *columns <= few_columns &&
         *columns * (*depth + order_lanes) <= most_packed_lanes;
}

} // namespace

Shape extents_of(Shape const& shape, Axes const& axes) {
  Shape extents;
  for (i64 a : axes) extents.push_back(shape[static_cast<size_t>(a)]);
  return extents;
}

LinearSum linear_sum(Order order, Shape const& summed) {
  LinearSum sum{order, 1, element_count(summed)};
  if (order.block == 0) return sum;
  auto cut = summed.begin() + order.axis;
  sum.order.block *= element_count({cut + 1, summed.end()}).constant().value();
  sum.order.axis = order.axis > 0;
  sum.outer = element_count({summed.begin(), cut});
  sum.period = element_count({cut, summed.end()});
  return sum;
}

// ---- windows -------------------------------------------------------------------------------------------------------

namespace {

// Where a box axis starts and how long it is; nothing where steps or extents are not known.
std::optional<WindowBox::Axis> box_axis(IndexMap::Coordinate const& c, size_t operand_axis, Shape const& space,
                                        Dim const& image) {
  if (c.axes != 1 || c.by_data || !c.offset.is_constant()) return {};
  WindowBox::Axis a{operand_axis, *c.offset.constant(), 1, {}};
  for (auto const& t : c.terms) {
    auto const step = t.step.constant(), n = space[static_cast<size_t>(t.axis)].constant();
    if (!step || !n) return {};
    a.least += std::min<i64>(0, *step * (*n - 1));
    a.extent += std::abs(*step) * (*n - 1);
  }
  if (auto const n = image.constant(); n && c.divide == 1) {
    i64 const first = std::clamp<i64>(-a.least, 0, a.extent);
    a.inside = {first, std::clamp<i64>(*n - a.least, first, a.extent)};
  }
  return a;
}

// The axes of the sum in front of its windows count images; nothing where there are several, or they are in the middle.
bool counts_images(WindowBox& box, Axes const& depth, Shape const& space, std::vector<bool> const& windows) {
  bool in_front = true;
  i64 steps = 1;
  for (i64 a : depth) {
    auto const axis = static_cast<size_t>(a);
    in_front = in_front && !windows[axis];
    if (in_front && std::find(windows.begin() + a, windows.end(), true) != windows.end()) {
      if (box.image) return false;
      box.image = a;
      continue;
    }
    if (!space[axis].is_constant()) return false;
    steps *= *space[axis].constant();
  }
  box.steps = box.image ? steps : 0;
  return true;
}

std::optional<WindowBox> box_of(Contraction const& c, IndexMap const& map, Shape const& image) {
  auto const windows = in_windows(map, c.space);
  if (std::find(windows.begin(), windows.end(), true) == windows.end()) return {};
  WindowBox box;
  if (!counts_images(box, c.lhs.inner, c.space, windows)) return {};
  auto fixed = [&](IndexMap::Term const& t) {
    return t.axis == box.image || std::find(c.lhs.batch.begin(), c.lhs.batch.end(), t.axis) != c.lhs.batch.end();
  };
  for (size_t i = 0; i < map.coordinates.size(); ++i) {
    auto const& terms = map.coordinates[i].terms;
    if (terms.size() == 1 && fixed(terms[0])) continue;
    auto const axis = box_axis(map.coordinates[i], i, c.space, image[i]);
    if (!axis) return {};
    box.axes.push_back(*axis);
    box.elements *= axis->extent;
    if (bytes(c.dtype) * box.elements > most_bytes_of_box) return {}; // lhs is packed row by row
  }
  std::vector<i64> strides(c.space.size());
  if (box.image) strides[static_cast<size_t>(*box.image)] = box.elements;
  i64 stride = box.elements;
  for (auto const& a : box.axes) {
    stride /= a.extent;
    auto const& coordinate = map.coordinates[a.operand_axis];
    box.offset += (*coordinate.offset.constant() - a.least) * stride;
    for (auto const& t : coordinate.terms) strides[static_cast<size_t>(t.axis)] += *t.step.constant() * stride;
  }
  box.outer = strided_axes(c.lhs.outer, c.space, strides);
  box.inner = strided_axes(c.lhs.inner, c.space, strides);
  return box;
}

bool has_rows_in_order(WindowBox const& box, Shape const& image) {
  if (box.axes.size() < 2) return false;
  auto const& row = *(box.axes.end() - 2);
  auto const& last = box.axes.back();
  return row.inside && last.extent > 1 && last.least == 0 && last.operand_axis == row.operand_axis + 1 &&
         last.operand_axis + 1 == image.size() && image.back() == Dim(last.extent);
}

bool holds(Node const& kernel, ValueId v) {
  auto const& nodes = kernel.regions.front().nodes;
  return std::any_of(nodes.begin(), nodes.end(), [&](Node const& n) {
    return std::find(n.results.begin(), n.results.end(), v) != n.results.end();
  });
}

} // namespace

std::optional<i64> run_of_depth(Contraction const& c, StridedAxes const& depth, i64 depth_chunk) {
  if (depth.size() <= 1) return 0;
  i64 const run = *depth.back().extent.constant();
  if (c.block == 0) return depth_chunk % run == 0 ? std::optional(run) : std::nullopt;
  auto const period = c.period ? c.period->constant() : std::nullopt;
  if (period && run % *period == 0) return 0;
  bool const ends = c.block % run == 0 && (!c.period || (period && *period % run == 0));
  return ends ? std::optional(run) : std::nullopt;
}

bool packs_whole_runs(Contraction const& c, i64 depth_chunk) {
  if (!c.rhs.plain || one_stride(c.rhs.plain->inner) == 1 || c.rhs.plain->outer.size() <= 1) return true;
  return depth_chunk % *c.rhs.plain->outer.back().extent.constant() == 0;
}

i64 chunk_of_images(Contraction const& c) {
  i64 const steps = c.box->steps;
  if (c.block == 0) return steps;
  if (!c.period) return c.block % steps == 0 ? c.block : 0; // blocks of whole images
  auto const period = c.period->constant();
  if (!period || steps % *period) return 0;
  return steps / *period * round_up(*period, c.block);
}

i64 images_of_chunk(Contraction const& c, ContractSchedule const& s) {
  if (!c.box->image) return 1;
  if (!s.depth_chunk) return *c.depth.constant() / c.box->steps;
  i64 const images = c.block && !c.period ? c.block / c.box->steps : 1;
  return s.depth_chunk / chunk_of_images(c) * images;
}

ContractAxes contract_axes(Function const& f, Node const& n) {
  auto const space = space_of(f, n);
  auto const rank = space.size(), kept = f.type(n.result()).shape.size();
  auto const lhs = *index_map(f, n, 0), rhs = *index_map(f, n, 1);
  auto const left = moves_in(lhs, rank), right = moves_in(rhs, rank), windows = in_windows(lhs, space);
  bool const any = std::find(windows.begin(), windows.end(), true) != windows.end();
  bool in_front = any;
  ContractAxes axes;
  for (size_t a = 0; a < rank; ++a) {
    auto const axis = static_cast<i64>(a);
    in_front = in_front && !windows[a];
    if (a >= kept) axes.depth.push_back(axis);
    else if (left[a] && (right[a] || in_front)) axes.batch.push_back(axis);
    else (left[a] ? axes.rows : axes.columns).push_back(axis);
  }
  return axes;
}

std::vector<bool> window_axes(Function const& f, Node const& n) {
  std::vector<bool> windows(space_of(f, n).size());
  auto const map = *index_map(f, n, 0);
  for (auto const& c : map.coordinates)
    for (auto const& t : c.terms)
      if (c.terms.size() > 1) windows[static_cast<size_t>(t.axis)] = true;
  return windows;
}

std::optional<i64> one_stride(StridedAxes const& levels) {
  if (levels.empty()) return 0;
  return levels.size() == 1 ? std::optional(levels.front().stride) : std::nullopt;
}

Contraction contraction_of(Function const& f, Node const& kernel, std::vector<bool> const& numbers) {
  Contraction c{.dot = &dot_of(kernel)};
  auto const& dot = *c.dot;
  c.space = space_of(f, dot);
  auto const axes = contract_axes(f, dot);
  auto operand = [&](size_t i, Axes const& outer, Axes const& inner) {
    ContractOperand o{.value = dot.operands[i], .batch = axes.batch, .outer = outer, .inner = inner, .plain = {}};
    auto const map = *index_map(f, dot, i);
    o.plain = plain_operand(f, o, c.space, map, view_of(f, kernel, numbers, o.value));
    o.along_inner = !runs_along_outer(o, map);
    return o;
  };
  c.dtype = f.type(dot.result()).dtype;
  c.lhs = operand(0, axes.rows, axes.depth);
  c.rhs = operand(1, axes.depth, axes.columns);
  auto const moves = moves_in(*index_map(f, dot, 1), c.space.size());
  c.rhs_shared =
      std::none_of(axes.batch.begin(), axes.batch.end(), [&](i64 a) { return moves[static_cast<size_t>(a)]; });
  if (!c.lhs.plain) c.box = box_of(c, *index_map(f, dot, 0), f.type(c.lhs.value).shape);
  if (c.box) c.box->rows_in_order = has_rows_in_order(*c.box, f.type(c.lhs.value).shape) && !holds(kernel, c.lhs.value);
  auto count = [&](Axes const& list) { return element_count(extents_of(c.space, list)); };
  auto const sum = linear_sum(order_of(f, dot), extents_of(c.space, axes.depth));
  c.kind = sum.order.kind;
  c.block = sum.order.block;
  if (sum.order.axis) c.period = sum.period;
  c.batches = count(axes.batch);
  c.rows = count(axes.rows);
  c.depth = count(axes.depth);
  c.columns = count(axes.columns);
  if (c.rhs.plain && !can_be_packed(*c.rhs.plain, c.depth)) c.rhs.plain.reset();
  if (c.kind == Order::Kind::lanes) c.lhs.along_inner = true, c.rhs.along_inner = false; // along the sum
  return c;
}

bool has_columns(Function const& f, Node const& n) {
  auto const columns = contract_axes(f, n).columns;
  auto const rank = f.type(n.result()).shape.size();
  for (size_t i = 0; i < columns.size(); ++i)
    if (columns[i] != static_cast<i64>(rank - columns.size() + i)) return false;
  return !columns.empty();
}

std::optional<i64> Contraction::vectors(i64 lanes) const {
  auto const n = columns.constant();
  return n ? std::optional((*n + lanes - 1) / lanes) : std::nullopt;
}

std::optional<i64> Contraction::blocks() const {
  auto const all = depth.constant(), one = period ? period->constant() : all;
  if (!all || !one) return {};
  return BlockRanges{*all, *one, block}.count();
}

bool has_tiles(Function const& f, Node const& n) { return has_columns(f, n) && has_nest(f.type(n.result()).dtype); }

bool fits_nest(Function const& f, Contraction const& c) {
  if (!has_nest(c.dtype)) return false;
  for (auto v : c.dot->operands) {
    if (f.type(v).dtype != c.dtype) return false;
    for (auto const& extent : f.type(v).shape)
      if (extent == Dim(0)) return false;
  }
  if (!has_columns(f, *c.dot)) return false;
  return c.kind == Order::Kind::lanes ? fits_lanes(c) : c.block <= longest_block;
}

i64 packed_depth(Contraction const& c, ContractSchedule const& s) {
  switch (s.pack_lhs) {
  case ContractSchedule::Pack::none: return 0;
  case ContractSchedule::Pack::whole: return *c.depth.constant();
  case ContractSchedule::Pack::chunks: break;
  case ContractSchedule::Pack::windows: return 0;
  }
  return s.depth_chunk;
}

bool packs_by_chunks(ContractSchedule const& s) {
  using Pack = ContractSchedule::Pack;
  return s.pack_lhs == Pack::chunks || (s.pack_lhs == Pack::windows && s.depth_chunk != 0);
}

i64 rows_of_totals(ContractSchedule const& s) {
  return s.depth_chunk || s.finish_rows ? round_up(std::max<i64>(s.long_chunk(), 1), s.tile_rows) : s.tile_rows;
}

i64 panels_of_totals(Contraction const& c, ContractSchedule const& s, i64 lanes) {
  i64 const widest = s.panels.front();
  return s.depth_outside || s.finish_rows ? (*c.vectors(lanes) + widest - 1) / widest : 1;
}

namespace {

// A block may start anywhere: the vector in which the last one ends may reach almost a vector further.
ContractBuffers buffers_in_lanes(Contraction const& c, ContractSchedule const& s) {
  i64 const columns = *c.columns.constant();
  ContractBuffers b;
  b.panel = round_up(*c.depth.constant(), order_lanes) * columns + order_lanes;
  if (c.blocked()) b.totals = s.tile_rows * columns * places_of_blocks(c.blocks());
  return b;
}

} // namespace

ContractBuffers buffers_of(Contraction const& c, ContractSchedule const& s, i64 lanes) {
  if (c.kind == Order::Kind::lanes) return buffers_in_lanes(c, s);
  i64 const panel = s.panels.front() * lanes, depth = s.depth_chunk ? s.depth_chunk : *c.depth.constant();
  ContractBuffers b;
  i64 const packed = s.rhs_once ? *c.vectors(lanes) * lanes : panel;
  if (!s.direct) b.panel = packed * depth + panel * lanes; // a transposing pack writes a little more
  b.rhs_rows = panel * s.rhs_stride;
  if (s.pack_lhs == ContractSchedule::Pack::windows) b.lhs = images_of_chunk(c, s) * c.box->elements + lanes;
  else if (s.pack_lhs != ContractSchedule::Pack::none) b.lhs = (s.row_chunk + lanes) * s.lhs_stride;
  b.totals = panel * panels_of_totals(c, s, lanes) * std::max<i64>(rows_of_totals(s), 1) *
             (c.blocked() ? places_of_blocks(c.blocks()) : 1);
  return b;
}

} // namespace nnc
