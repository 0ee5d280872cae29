#include "ir/kernel_space.h"

#include "ir/index_map.h"
#include "ir/op.h"

#include <algorithm>
#include <unordered_map>

namespace nnc {

Order order_of(Function const& f, Node const& n) {
  auto const& op = info(n.op);
  if (!op.has(Trait::reduces) || op.join) return n.attributes.get_or<Order>("order", Order{});
  auto const map = index_map(f, n, 0);
  bool const last = map && is_identity(*map, static_cast<size_t>(f.type(n.operands[0]).rank()));
  return {last ? Order::Kind::lanes : Order::Kind::chain};
}

bool has_order(Function const& f, Node const& kernel, Order::Kind kind) {
  for (auto const& n : kernel.regions.front().nodes) {
    auto const& op = info(n.op);
    if ((op.has(Trait::reduces) || op.has(Trait::contracts)) && order_of(f, n).kind == kind) return true;
  }
  return false;
}

Shape reduced_extents(Function const& f, Node const& n) {
  Shape const space = space_of(f, n);
  return {space.begin() + f.type(n.result()).rank(), space.end()};
}

SummedBlocks summed_blocks(Shape const& extents, Order order) {
  if (order.block == 0 || extents.empty()) return {};
  auto const axis = extents.begin() + order.axis;
  auto const n = axis->constant(), before = element_count({extents.begin(), axis}).constant();
  if (order.axis == 0 && n && *n <= order.block) return {};
  if (!n || !before) return {false, {}};
  return {false, *before * ((*n + order.block - 1) / order.block)};
}

namespace {

// Boundaries between axes that a node needs, as the number of elements inside of each.
void add_boundaries(std::vector<Dim>& needed, Function const& f, Node const& n) {
  auto const& op = info(n.op);
  if (op.has(Trait::elementwise) || op.has(Trait::random)) return;
  Shape const& shape = f.type(n.result()).shape;
  Shape const space = space_of(f, n);
  std::vector<bool> at(shape.size() + 1, n.operands.empty()); // iota: the index itself
  for (size_t o = 0; o < n.operands.size(); ++o) {
    auto const map = index_map(f, n, o);
    for (size_t i = 1; i < shape.size(); ++i)
      if (!map || !reads_as_one(*map, f.type(n.operands[o]).shape, space, i - 1, i + 1)) at[i] = true;
  }
  for (size_t i = 1; i < shape.size(); ++i)
    if (at[i]) needed.push_back(element_count({shape.begin() + static_cast<std::ptrdiff_t>(i), shape.end()}));
}

} // namespace

std::vector<int> collapsed_axes(Function const& f, Node const& kernel, Shape const& space) {
  std::vector<Dim> needed;
  for (auto const& n : kernel.regions.front().nodes) add_boundaries(needed, f, n);
  std::vector<int> runs;
  for (size_t i = 0; i < space.size(); ++i) {
    Dim const inner = element_count({space.begin() + static_cast<std::ptrdiff_t>(i), space.end()});
    if (i == 0 || std::find(needed.begin(), needed.end(), inner) != needed.end()) runs.push_back(1);
    else ++runs.back();
  }
  return runs;
}

std::optional<Dim> innermost_run(Function const& f, Node const& kernel) {
  auto const& space = f.type(kernel.results.front()).shape;
  if (space.empty() || std::find(space.begin(), space.end(), Dim(0)) != space.end()) return {};
  auto const axes = static_cast<std::ptrdiff_t>(collapsed_axes(f, kernel, space).back());
  return element_count({space.end() - axes, space.end()});
}

std::optional<i64> longest_chain(Function const& f, Node const& kernel) {
  std::optional<i64> longest;
  for (auto const& n : kernel.regions.front().nodes) {
    if (!info(n.op).has(Trait::reduces | contracts) || order_of(f, n).kind != Order::Kind::chain) continue;
    auto const terms = element_count(reduced_extents(f, n)).constant();
    if (!terms) return {};
    longest = std::max(longest.value_or(0), *terms);
  }
  return longest;
}

Node const* contraction_in(Node const& kernel) {
  for (auto const& n : kernel.regions.front().nodes)
    if (info(n.op).has(contracts)) return &n;
  return nullptr;
}

std::optional<i64> jammed_sums(Function const& f, Node const& kernel, i64 axes) {
  auto const& space = f.type(kernel.results.front()).shape;
  auto const* sum = contraction_in(kernel);
  if (!sum || axes < 1 || axes >= static_cast<i64>(space.size()) || f.type(sum->result()).shape != space ||
      order_of(f, *sum).kind != Order::Kind::chain)
    return {};
  for (auto const& n : kernel.regions.front().nodes)
    if (info(n.op).has(Trait::reduces | contracts) && &n != sum) return {};
  auto const count = element_count({space.begin(), space.begin() + axes}).constant();
  i64 covered = 0;
  for (int run : collapsed_axes(f, kernel, space))
    if (covered < axes) covered += run;
  return count && *count > 0 && *count <= most_unrolled && covered == axes ? count : std::nullopt;
}

Node const& node_of(Node const& kernel) {
  for (auto const& n : kernel.regions.front().nodes)
    if (n.results == kernel.results) return n;
  throw CompilerBug("a kernel of one node gives other results than this");
}

bool divides_scatter(Function const& f, Node const& kernel) { return f.type(kernel.results.front()).rank() > 1; }

RowSpace row_space(Function const& f, Node const& kernel) {
  auto with_rows = [&](Shape const& space) {
    return RowSpace{space, space.size() - static_cast<size_t>(kernel.kernel->row_axes)};
  };
  for (auto const& n : kernel.regions.front().nodes)
    if (info(n.op).has(Trait::reduces)) return with_rows(f.type(n.operands[0]).shape); // argmax too, which is pulled
  throw CompilerBug("rows without a reduction");
}

bool folds_row(Node const& n) { return info(n.op).join.has_value(); }

std::vector<std::vector<Node const*>> stages_of(Node const& kernel) {
  std::vector<std::vector<Node const*>> stages;
  std::unordered_map<ValueId, size_t> stage_of;
  for (auto const& n : kernel.regions.front().nodes) {
    size_t stage = 0;
    for (auto o : n.operands)
      if (auto s = stage_of.find(o); s != stage_of.end()) stage = std::max(stage, s->second);
    if (folds_row(n)) {
      if (stages.size() <= stage) stages.resize(stage + 1);
      stages[stage].push_back(&n);
      ++stage;
    }
    for (auto r : n.results) stage_of[r] = stage;
  }
  return stages;
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
