// Kernels that go row by row: short rows stay in registers; of long ones, what is costly and needed by more than one
// walk is kept in memory.
#include "ir/kernel_space.h"
#include "ir/op.h"
#include "passes/schedule/decide.h"

#include <algorithm>
#include <unordered_map>

namespace nnc::scheduling {
namespace {

// A walk along the row computes the operands of the reductions of one stage, the last one the results. How many of them
// need a value, down to what is loaded or reduced.
class Walks {
public:
  Walks(Function const& f, Node const& k, RowSpace const& rows) : count_(f.values.size()), last_(f.values.size(), -1) {
    for (auto const& n : k.regions.front().nodes)
      for (auto v : n.results) made_by_[v] = &n;
    int walk = 0;
    for (auto const& stage : stages_of(k)) {
      for (auto const* n : stage) reach(n->operands[0], walk);
      ++walk;
    }
    for (auto r : k.results)
      if (rows.is_shape_of(f.type(r).shape)) reach(r, walk);
  }
  int needing(ValueId v) const { return count_[v]; }

private:
  void reach(ValueId v, int walk) {
    auto const n = made_by_.find(v);
    if (n == made_by_.end() || last_[v] == walk) return;
    last_[v] = walk;
    ++count_[v];
    if (!folds_row(*n->second))
      for (auto o : n->second->operands) reach(o, walk);
  }

  std::unordered_map<ValueId, Node const*> made_by_;
  std::vector<int> count_, last_; // per value
};

} // namespace

RowsSchedule decide_rows(Function const& f, Node const& k) {
  RowsSchedule s;
  auto const rows = row_space(f, k);
  auto const row = rows.row();
  if (!row) return s;
  s.unrolled = rows.space.size() == rows.outer + 1 && *row <= longest_unrolled_row;
  if (s.unrolled) return s;
  Walks const walks(f, k, rows);
  auto const& nodes = k.regions.front().nodes;
  i64 used = 0;
  for (size_t i = 0; i < nodes.size(); ++i) {
    auto const& n = nodes[i];
    auto const& type = f.type(n.result());
    bool const worth = walks.needing(n.result()) > 1 && rows.is_shape_of(type.shape) && info(n.op).has(costly);
    i64 const size = bytes_of_row(*row, type.dtype);
    if (!worth || used + size > most_bytes_of_rows) continue;
    used += size;
    s.keep.push_back(static_cast<i64>(i));
  }
  return s;
}

} // namespace nnc::scheduling
