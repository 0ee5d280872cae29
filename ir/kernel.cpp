#include "ir/kernel.h"

#include "ir/module.h"

#include <algorithm>

namespace nnc {
namespace {

bool any_kernel(Function const& f, auto test) {
  return std::any_of(f.body.nodes.begin(), f.body.nodes.end(),
                     [&](Node const& n) { return n.kernel && test(*n.kernel); });
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
