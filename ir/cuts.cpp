#include "ir/cuts.h"

#include "ir/index_map.h"
#include "ir/kernel_space.h"
#include "ir/op.h"

#include <algorithm>
#include <set>
#include <unordered_map>

namespace nnc {
namespace {

constexpr size_t most_ways = 256; // from a result to what it is made of; beyond, loops stay whole

i64 floor_divide(i64 a, i64 b) { return a / b - (a % b < 0); }

// Which axis is cut; from which one on others may be at any of their indices.
struct CutAxis {
  i64 axis, first_free;
};

// From which index on, and up to which one, there are elements whatever the index along free axes is.
void note_cuts(IndexMap::Coordinate const& c, Dim const& extent, Shape const& space, CutAxis cut, std::set<i64>& cuts) {
  if (c.axes != 1 || !c.guarded || c.divide != 1) return;
  i64 step = 0, least = 0, most = 0; // what free axes add
  for (auto const& t : c.terms) {
    auto const s = t.step.constant(), n = space[static_cast<size_t>(t.axis)].constant();
    if (!s) return;
    if (t.axis == cut.axis) step = *s;
    else if (!n || t.axis < cut.first_free) return;
    else (*s < 0 ? least : most) += *s * (*n - 1);
  }
  auto const offset = c.offset.constant(), count = extent.constant();
  if (step <= 0 || !offset || !count) return;
  cuts.insert(-floor_divide(*offset + least, step));
  cuts.insert(floor_divide(*count - 1 - *offset - most, step) + 1);
}

// Of all coordinates by which a tensor of this shape is read.
void note_cuts(IndexMap const& map, Shape const& shape, Shape const& space, CutAxis cut, std::set<i64>& cuts) {
  size_t axis = 0;
  for (auto const& c : map.coordinates) {
    note_cuts(c, shape[axis], space, cut, cuts);
    axis += static_cast<size_t>(c.axes);
  }
}

// Those that are inside of the axis.
std::vector<i64> inside_of(std::set<i64> const& cuts, i64 extent) {
  std::vector<i64> inside;
  for (i64 c : cuts)
    if (c > 0 && c < extent) inside.push_back(c);
  return inside;
}

class Cuts {
public:
  Cuts(Function const& f, Node const& kernel, Shape const& space, size_t axis)
      : f_(f), space_(space), axis_(static_cast<i64>(axis)) {
    for (auto const& n : kernel.regions.front().nodes)
      for (auto r : n.results) nodes_[r] = &n;
    auto const same = identity(space.size());
    for (auto r : kernel.results)
      if (f.type(r).shape == space) visit(r, same, space);
    if (!is_kernel(kernel, KernelKind::rows)) return;
    for (auto const& n : kernel.regions.front().nodes) // each fold is a walk along the row
      if (info(n.op).has(reduces)) read(n, 0, same, space);
  }

  std::vector<i64> inside() const {
    if (ways_ > most_ways) return {};
    return inside_of(cuts_, *space_[static_cast<size_t>(axis_)].constant());
  }

private:
  static IndexMap identity(size_t rank) {
    IndexMap same;
    for (size_t i = 0; i < rank; ++i) same.coordinates.push_back({.terms = {{static_cast<i64>(i), 1}}});
    return same;
  }

  // `map`: from the space of the kernel, and behind it the axes of the sums that v is a term of, to the element of v
  // that is read.
  void visit(ValueId v, IndexMap const& map, Shape const& space) {
    auto const found = nodes_.find(v);
    if (found == nodes_.end() || ++ways_ > most_ways) return;
    auto const& n = *found->second;
    auto const& op = info(n.op);
    if (op.has(elementwise) || op.has(moves_data)) {
      for (size_t i = 0; i < n.operands.size(); ++i) read(n, i, map, space);
    } else if (op.has(reduces | contracts) && space_.size() == space.size()) {
      auto inner = map;
      auto with_sum = space;
      auto const summed = space_of(f_, n);
      for (size_t a = f_.type(v).shape.size(); a < summed.size(); ++a) {
        inner.coordinates.push_back({.terms = {{static_cast<i64>(with_sum.size()), 1}}});
        with_sum.push_back(summed[a]);
      }
      for (size_t i = 0; i < (op.has(contracts) ? n.operands.size() : 1); ++i) read(n, i, inner, with_sum);
    }
  }

  // `map`: to the space of n.
  void read(Node const& n, size_t operand, IndexMap const& map, Shape const& space) {
    auto const& shape = f_.type(n.operands[operand]).shape;
    auto const step = index_map(f_, n, operand);
    if (!step || shape.empty()) return;
    auto const through = compose(map, *step, space_of(f_, n), shape);
    if (!through) return;
    note_cuts(*through, shape, space, {axis_, static_cast<i64>(space_.size())}, cuts_);
    visit(n.operands[operand], *through, space);
  }

  Function const& f_;
  Shape const& space_;
  i64 axis_;
  size_t ways_ = 0;
  std::unordered_map<ValueId, Node const*> nodes_;
  std::set<i64> cuts_;
};

} // namespace

WalkedSpace walked_space(Function const& f, Node const& kernel, Schedule const& s) {
  if (is_kernel(kernel, KernelKind::rows)) {
    auto rows = row_space(f, kernel);
    auto runs = std::vector<int>(rows.space.size(), 1);
    size_t const shared = rows.outer > 0 ? 0 : runs.size();
    return {std::move(rows.space), std::move(runs), shared};
  }
  WalkedSpace walked{f.type(kernel.results.front()).shape, {}, 0};
  walked.runs = collapsed_axes(f, kernel, walked.space);
  for (i64 axis = 0; axis < s.pointwise.jam; ++walked.shared) axis += walked.runs[walked.shared];
  return walked;
}

std::vector<i64> cuts_of_loop(Function const& f, Node const& kernel, WalkedSpace const& walked, size_t loop) {
  size_t axis = 0;
  for (size_t i = 0; i < loop; ++i) axis += static_cast<size_t>(walked.runs[i]);
  bool const is_no_own_loop = walked.shared < walked.runs.size() && loop <= walked.shared;
  if (walked.runs[loop] > 1 || !walked.space[axis].is_constant() || is_no_own_loop) return {};
  return Cuts(f, kernel, walked.space, axis).inside();
}

std::vector<std::vector<i64>> cuts_of_sum(Function const& f, Node const& n) {
  auto const space = space_of(f, n);
  std::vector<std::vector<i64>> all;
  for (size_t a = f.type(n.result()).shape.size(); a < space.size(); ++a) {
    std::set<i64> cuts;
    for (size_t operand = 0; operand < n.operands.size(); ++operand)
      note_cuts(*index_map(f, n, operand), f.type(n.operands[operand]).shape, space, {static_cast<i64>(a), 0}, cuts);
    auto const extent = space[a].constant();
    all.push_back(extent ? inside_of(cuts, *extent) : std::vector<i64>{});
  }
  return all;
}

} // namespace nnc
