#include "ir/kernel.h"

#include "ir/walk.h"

namespace nnc {
namespace {

bool any_kernel(Function const& f, auto test) {
  bool any = false;
  each_node(f.body.nodes, [&](Node const& n) { any |= n.kernel && test(*n.kernel); });
  return any;
}

} // namespace

bool is_kernel(Node const& n, KernelKind kind) { return n.kernel && n.kernel->kind == kind; }

bool has_kernels(Function const& f) {
  return any_kernel(f, [](Kernel const&) { return true; });
}

bool is_planned(Function const& f) {
  return any_kernel(f, [](Kernel const& k) { return k.places.has_value(); });
}

} // namespace nnc
