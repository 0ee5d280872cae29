#include "ir/view.h"

#include "ir/index_map.h"
#include "ir/op.h"

#include <algorithm>

namespace nnc {
namespace {

Node const* maker_of(Node const& kernel, ValueId v) {
  for (auto const& n : kernel.regions.front().nodes)
    if (std::find(n.results.begin(), n.results.end(), v) != n.results.end()) return &n;
  return nullptr;
}

std::optional<Strides> strides_of(Function const& f, Node const& kernel, std::vector<bool> const& numbers, ValueId v,
                                  ValueId& stored) {
  auto const* n = maker_of(kernel, v);
  if (!n) {
    stored = v;
    return f.values[v].constant || numbers[v] ? std::nullopt : std::optional(row_major(f.type(v).shape));
  }
  if (!info(n->op).has(moves_data) || n->operands.size() != 1) return {};
  auto const map = index_map(f, *n, 0);
  auto const from = map ? strides_of(f, kernel, numbers, n->operands[0], stored) : std::nullopt;
  return from ? strides_through(*map, f.type(n->operands[0]).shape, *from, f.type(v).shape.size()) : std::nullopt;
}

} // namespace

std::optional<View> view_of(Function const& f, Node const& kernel, std::vector<bool> const& numbers, ValueId v) {
  View view;
  auto const strides = strides_of(f, kernel, numbers, v, view.stored);
  if (!strides || !strides->offset.is_constant()) return {};
  view.offset = *strides->offset.constant();
  for (auto const& step : strides->steps) {
    if (!step.is_constant()) return {};
    view.strides.push_back(*step.constant());
  }
  return view;
}

std::optional<i64> stride_of(Shape const& shape, View const& view, std::vector<i64> const& axes) {
  if (axes.empty()) return 0;
  auto const& strides = view.strides;
  for (size_t i = 0; i + 1 < axes.size(); ++i) {
    auto inner = static_cast<size_t>(axes[i + 1]);
    auto extent = shape[inner].constant();
    if (!extent || strides[static_cast<size_t>(axes[i])] != strides[inner] * *extent) return {};
  }
  return strides[static_cast<size_t>(axes.back())];
}

} // namespace nnc
