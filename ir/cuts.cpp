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
    auto const extent = *space_[static_cast<size_t>(axis_)].constant();
    std::vector<i64> cuts;
    for (i64 c : cuts_)
      if (c > 0 && c < extent) cuts.push_back(c);
    return cuts;
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
    } else if (op.has(reduces) && space_.size() == space.size()) {
      auto inner = map;
      auto with_sum = space;
      auto const summed = space_of(f_, n);
      for (size_t a = f_.type(v).shape.size(); a < summed.size(); ++a) {
        inner.coordinates.push_back({.terms = {{static_cast<i64>(with_sum.size()), 1}}});
        with_sum.push_back(summed[a]);
      }
      read(n, 0, inner, with_sum);
    }
  }

  // `map`: to the space of n.
  void read(Node const& n, size_t operand, IndexMap const& map, Shape const& space) {
    auto const& shape = f_.type(n.operands[operand]).shape;
    auto const step = index_map(f_, n, operand);
    if (!step || shape.empty()) return;
    auto const through = compose(map, *step, space_of(f_, n), shape);
    if (!through) return;
    note(*through, shape, space);
    visit(n.operands[operand], *through, space);
  }

  void note(IndexMap const& map, Shape const& shape, Shape const& space) {
    size_t axis = 0;
    for (auto const& c : map.coordinates) {
      if (c.axes == 1 && c.guarded && c.divide == 1) note(c, shape[axis], space);
      axis += static_cast<size_t>(c.axes);
    }
  }
  // From which index on, and up to which one, there are elements for all terms of sums.
  void note(IndexMap::Coordinate const& c, Dim const& extent, Shape const& space) {
    i64 step = 0, most = 0;
    for (auto const& t : c.terms) {
      auto const s = t.step.constant(), n = space[static_cast<size_t>(t.axis)].constant();
      if (!s || *s <= 0) return;
      if (t.axis == axis_) step = *s;
      else if (!n || t.axis < static_cast<i64>(space_.size())) return;
      else most += *s * (*n - 1);
    }
    auto const offset = c.offset.constant(), count = extent.constant();
    if (step == 0 || !offset || !count) return;
    cuts_.insert(-floor_divide(*offset, step));
    cuts_.insert(floor_divide(*count - 1 - *offset - most, step) + 1);
  }
  static i64 floor_divide(i64 a, i64 b) { return a / b - (a % b < 0); }

  Function const& f_;
  Shape const& space_;
  i64 axis_;
  size_t ways_ = 0;
  std::unordered_map<ValueId, Node const*> nodes_;
  std::set<i64> cuts_;
};

} // namespace

WalkedSpace walked_space(Function const& f, Node const& kernel) {
  if (!is_kernel(kernel, KernelKind::rows)) {
    auto const& space = f.type(kernel.results.front()).shape;
    return {space, collapsed_axes(f, kernel, space)};
  }
  auto rows = row_space(f, kernel);
  auto runs = std::vector<int>(rows.space.size(), 1);
  return {std::move(rows.space), std::move(runs), rows.outer > 0};
}

std::vector<i64> cuts_of_loop(Function const& f, Node const& kernel, WalkedSpace const& walked, size_t loop) {
  size_t axis = 0;
  for (size_t i = 0; i < loop; ++i) axis += static_cast<size_t>(walked.runs[i]);
  if (walked.runs[loop] > 1 || !walked.space[axis].is_constant() || (loop == 0 && walked.first_is_shared)) return {};
  return Cuts(f, kernel, walked.space, axis).inside();
}

} // namespace nnc
