#include "ir/flops.h"

#include "ir/index_map.h"
#include "ir/op.h"
#include "ir/scan.h"
#include "ir/walk.h"

namespace nnc {

namespace {

f64 count(Shape const& shape, Bindings const& extents) {
  f64 product = 1;
  for (auto const& d : shape) product *= static_cast<f64>(d.value(extents));
  return product;
}

f64 of_nodes(Function const& f, std::vector<Node> const& nodes, Bindings const& extents) {
  f64 sum = 0;
  for (auto const& n : nodes) sum += flops(f, n, extents);
  return sum;
}

} // namespace

f64 flops(Function const& f, Node const& n, Bindings const& extents) {
  if (n.op == OpCode::scan) return static_cast<f64>(Scan(n).length) * of_nodes(f, n.regions.front().nodes, extents);
  if (holds_scopes(n)) return of_nodes(f, n.regions.front().nodes, extents); // of a cond one side
  auto const& op = info(n.op);
  if (op.has(structural) || n.op == OpCode::convert || n.op == OpCode::stop_gradient) return 0;
  if (op.has(contracts)) return 2 * count(space_of(f, n), extents);
  if (op.has(reduces)) return count(f.type(n.operands.front()).shape, extents);
  if (op.has(elementwise) || n.op == OpCode::sort || n.op == OpCode::recurrence || n.op == OpCode::cumulative_max)
    return count(f.type(n.result()).shape, extents);
  if (n.op == OpCode::scatter_add) return count(f.type(n.operands[2]).shape, extents);
  return 0;
}

} // namespace nnc
