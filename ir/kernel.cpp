#include "ir/kernel.h"

#include <algorithm>

namespace nnc {
namespace {

bool scatters(Node const& kernel) {
  auto const& nodes = kernel.regions.front().nodes;
  return std::any_of(nodes.begin(), nodes.end(), [](Node const& n) { return n.op == OpCode::scatter_add; });
}

bool any_kernel(Function const& f, auto test) {
  return std::any_of(f.body.nodes.begin(), f.body.nodes.end(),
                     [&](Node const& n) { return n.op == OpCode::kernel && test(n); });
}

} // namespace

std::optional<KernelKind> kernel_kind(Node const& kernel) {
  auto const* kind = kernel.attributes.find("kind");
  auto const* word = kind ? std::get_if<std::string>(kind) : nullptr;
  if (!word) return {};
  if (*word == "scalars") return KernelKind::scalars;
  if (*word == "contract") return KernelKind::contract;
  if (*word != "loops") return {};
  if (kernel.attributes.has("row_axes")) return KernelKind::rows;
  return scatters(kernel) ? KernelKind::scatter : KernelKind::pointwise;
}

KernelFacts kernel_facts(Node const& kernel) {
  auto const& a = kernel.attributes;
  auto const kind = kernel_kind(kernel);
  if (!kind) throw CompilerBug("a kernel of no known kind");
  auto const* places = a.find("places");
  return {.kind = *kind,
          .row_axes = a.get_or<i64>("row_axes", 0),
          .parallel = a.get_or<bool>("parallel", true),
          .barrier = a.get_or<bool>("barrier", false),
          .tile_rows = a.get_or<i64>("tile_rows", 0),
          .tile_vectors = a.get_or<i64>("tile_vectors", 0),
          .pack_lhs = a.get_or<bool>("pack_lhs", false),
          .pack_rhs = a.get_or<bool>("pack_rhs", true),
          .places = places ? std::get_if<std::vector<Place>>(places) : nullptr};
}

bool has_kernels(Function const& f) {
  return any_kernel(f, [](Node const&) { return true; });
}

bool is_planned(Function const& f) {
  return any_kernel(f, [](Node const& n) { return n.attributes.has("places"); });
}

} // namespace nnc
