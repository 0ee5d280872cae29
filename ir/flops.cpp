#include "ir/flops.h"

#include "ir/index_map.h"
#include "ir/op.h"
#include "ir/scan.h"
#include "ir/walk.h"

namespace nnc {

namespace {

Dim of_nodes(Function const& f, std::vector<Node> const& nodes) {
  Dim sum = 0;
  for (auto const& n : nodes) sum = sum + flops(f, n);
  return sum;
}

Dim of_products(Function const& f, Node const& n) {
  Dim count = 2;
  for (auto const& extent : space_of(f, n)) count = count * extent;
  return count;
}

} // namespace

Dim flops(Function const& f, Node const& n) {
  if (n.op == OpCode::scan) return Dim(Scan(n).length) * of_nodes(f, n.regions.front().nodes);
  if (holds_scopes(n)) return of_nodes(f, n.regions.front().nodes); // of a cond one side
  auto const& op = info(n.op);
  if (op.has(structural) || n.op == OpCode::convert || n.op == OpCode::stop_gradient) return 0;
  if (op.has(contracts)) return of_products(f, n);
  if (op.has(reduces)) return element_count(f.type(n.operands.front()).shape);
  if (op.has(elementwise) || n.op == OpCode::sort || n.op == OpCode::recurrence || n.op == OpCode::cumulative_max)
    return element_count(f.type(n.result()).shape);
  if (n.op == OpCode::scatter_add) return element_count(f.type(n.operands[2]).shape);
  return 0;
}

} // namespace nnc
