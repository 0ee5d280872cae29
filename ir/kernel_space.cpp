#include "ir/kernel_space.h"

#include "ir/op.h"
#include "ir/view.h"

#include <algorithm>
#include <set>

namespace nnc {

Order order_of(Node const& n) { return n.attributes.get_or<Order>("order", Order{}); }

bool has_order(Function const& f, Node const& kernel, Order::Kind kind) {
  for (auto const& n : kernel.regions.front().nodes) {
    auto const& op = info(n.op);
    if (n.op == OpCode::argmax || n.op == OpCode::argmin) {
      bool last = n.attributes.get<i64>("axis") + 1 == f.type(n.operands[0]).rank();
      if (last == (kind == Order::Kind::lanes)) return true;
    } else if ((op.has(Trait::reduces) || op.has(Trait::contracts)) && order_of(n).kind == kind) {
      return true;
    }
  }
  return false;
}

namespace {

// Boundaries between axes of `shape` that a node needs, as the number of elements inside of each.
void add_boundaries(std::set<i64>& needed, Shape const& shape, std::vector<bool> const& at) {
  for (size_t i = 1; i < shape.size(); ++i)
    if (at[i]) needed.insert(inner_size(shape, i));
}

void boundaries_of(std::set<i64>& needed, Function const& f, Node const& n) {
  auto const& shape = f.type(n.result()).shape;
  std::vector<bool> at(shape.size() + 1, false);
  if (info(n.op).has(Trait::elementwise) || n.op == OpCode::reshape || n.op == OpCode::random_bits) return;
  if (n.op == OpCode::broadcast) {
    auto const& axes = n.attributes.get<std::vector<i64>>("axes");
    std::vector<i64> from(shape.size(), -1);
    for (size_t j = 0; j < axes.size(); ++j) from[static_cast<size_t>(axes[j])] = static_cast<i64>(j);
    for (size_t i = 1; i < shape.size(); ++i) {
      bool both = from[i] >= 0 && from[i - 1] + 1 == from[i] && from[i - 1] >= 0, none = from[i] < 0 && from[i - 1] < 0;
      at[i] = !both && !none;
    }
  } else if (n.op == OpCode::gather) {
    auto axis = static_cast<size_t>(n.attributes.get<i64>("axis"));
    at[axis] = at[axis + f.type(n.operands[1]).shape.size()] = true;
  } else {
    at.assign(at.size(), true);
  }
  add_boundaries(needed, shape, at);
}

} // namespace

std::vector<int> collapsed_axes(Function const& f, Node const& kernel, Shape const& space) {
  std::set<i64> needed;
  for (auto const& n : kernel.regions.front().nodes) boundaries_of(needed, f, n);
  std::vector<int> runs;
  for (size_t i = 0; i < space.size(); ++i) {
    if (i == 0 || needed.contains(inner_size(space, i))) runs.push_back(1);
    else ++runs.back();
  }
  return runs;
}

std::optional<Dim> innermost_run(Function const& f, Node const& kernel) try {
  auto const& space = f.type(kernel.results.front()).shape;
  if (space.empty() || std::find(space.begin(), space.end(), Dim(0)) != space.end()) return {};
  auto const axes = static_cast<std::ptrdiff_t>(collapsed_axes(f, kernel, space).back());
  return element_count({space.end() - axes, space.end()});
} catch (Error const&) {
  return {}; // code generation says which extent it is
}

RowSpace row_space(Function const& f, Node const& kernel) {
  auto with_rows = [&](Shape const& space) {
    return RowSpace{space, space.size() - static_cast<size_t>(kernel.kernel->row_axes)};
  };
  for (auto const& n : kernel.regions.front().nodes)
    if (info(n.op).has(Trait::reduces)) return with_rows(f.type(n.operands[0]).shape); // argmax too, which is pulled
  throw CompilerBug("rows without a reduction");
}

std::optional<i64> RowSpace::row() const {
  i64 row = 1;
  for (size_t i = outer; i < space.size(); ++i) {
    auto const n = space[i].constant();
    if (!n) return {};
    row *= *n;
  }
  return row;
}

i64 bytes_of_row(i64 row, DType d) { return row * bytes(d) + 64; }

} // namespace nnc
