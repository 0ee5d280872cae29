#include "ir/cuts.h"

#include "ir/index_map.h"
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
    IndexMap same;
    for (size_t i = 0; i < space.size(); ++i) same.coordinates.push_back({.terms = {{static_cast<i64>(i), 1}}});
    for (auto r : kernel.results) visit(r, same);
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
  // `map`: from the space of the kernel to the element of v that is read.
  void visit(ValueId v, IndexMap const& map) {
    auto const found = nodes_.find(v);
    if (found == nodes_.end() || ++ways_ > most_ways) return;
    auto const& n = *found->second;
    auto const& op = info(n.op);
    if (!op.has(elementwise) && !op.has(moves_data)) return;
    for (size_t i = 0; i < n.operands.size(); ++i) {
      auto const& shape = f_.type(n.operands[i]).shape;
      auto const step = index_map(f_, n, i);
      if (!step || shape.empty()) continue;
      auto const through = compose(map, *step, f_.type(n.result()).shape, shape);
      if (!through) continue;
      note(*through, shape);
      visit(n.operands[i], *through);
    }
  }

  void note(IndexMap const& map, Shape const& shape) {
    size_t axis = 0;
    for (auto const& c : map.coordinates) {
      bool const moves = c.axes == 1 && c.terms.size() == 1 && c.terms[0] == IndexMap::Term{axis_, 1};
      if (moves && c.guarded && c.divide == 1 && c.offset.is_constant() && shape[axis].is_constant()) {
        cuts_.insert(-*c.offset.constant());
        cuts_.insert(*shape[axis].constant() - *c.offset.constant());
      }
      axis += static_cast<size_t>(c.axes);
    }
  }

  Function const& f_;
  Shape const& space_;
  i64 axis_;
  size_t ways_ = 0;
  std::unordered_map<ValueId, Node const*> nodes_;
  std::set<i64> cuts_;
};

} // namespace

std::vector<i64> cuts_of_run(Function const& f, Node const& kernel, Shape const& space, std::vector<int> const& runs,
                             size_t run) {
  size_t axis = 0;
  for (size_t i = 0; i < run; ++i) axis += static_cast<size_t>(runs[i]);
  if (runs[run] > 1 || !space[axis].is_constant()) return {};
  return Cuts(f, kernel, space, axis).inside();
}

} // namespace nnc
