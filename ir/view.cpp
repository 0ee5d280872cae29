#include "ir/view.h"

#include <algorithm>

namespace nnc {
namespace {

Node const* maker_of(Node const& kernel, ValueId v) {
  for (auto const& n : kernel.regions.front().nodes)
    if (std::find(n.results.begin(), n.results.end(), v) != n.results.end()) return &n;
  return nullptr;
}

std::optional<std::vector<i64>> row_major_strides(Shape const& shape) {
  for (size_t i = 1; i < shape.size(); ++i)
    if (!shape[i].is_constant()) return {};
  std::vector<i64> strides;
  for (size_t i = 0; i < shape.size(); ++i) strides.push_back(inner_size(shape, i + 1));
  return strides;
}

} // namespace

i64 constant_extent(Dim const& d) {
  if (auto c = d.constant()) return *c;
  throw Error("an extent of " + d.text() + " behind the first axis of a tensor is not compiled yet");
}

i64 inner_size(Shape const& shape, size_t first) {
  i64 n = 1;
  for (size_t i = first; i < shape.size(); ++i) n *= constant_extent(shape[i]);
  return n;
}

std::optional<View> view_of(Function const& f, Node const& kernel, std::vector<bool> const& numbers, ValueId v) {
  auto const* n = maker_of(kernel, v);
  if (n && n->op != OpCode::reshape && n->op != OpCode::transpose) return {};
  if (n && n->op == OpCode::transpose) {
    auto from = view_of(f, kernel, numbers, n->operands[0]);
    if (!from) return {};
    std::vector<i64> permuted;
    for (i64 a : n->attributes.get<std::vector<i64>>("permutation"))
      permuted.push_back(from->strides[static_cast<size_t>(a)]);
    return View{from->stored, std::move(permuted), false};
  }
  auto strides = row_major_strides(f.type(v).shape);
  if (!strides) return {};
  if (!n) return f.values[v].constant || numbers[v] ? std::nullopt : std::optional(View{v, std::move(*strides), true});
  auto const from = view_of(f, kernel, numbers, n->operands[0]);
  return from && from->row_major ? std::optional(View{from->stored, std::move(*strides), true}) : std::nullopt;
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
