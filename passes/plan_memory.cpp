// A place for every value.
//
//     %h = kernel %x, %w {kind="contract", ...} { ... }
//     %p = kernel %w, %h {kind="pointwise", ...} { ... }        result w, which replaces the argument w (number 2)
//  becomes
//     %h = kernel %x, %w {kind="contract", ..., places=[slot(0)]} { ... }
//     %p = kernel %w, %h {kind="pointwise", ..., places=[argument(2)], barrier=true} { ... }
//
// Values that are never alive together share a slot, whose size is the coefficient-wise maximum of theirs. An argument
// is replaced in place when every kernel that reads it has run, and the one that writes reads it at the same index
// only; else the new value gets a slot, and a kernel at the end copies it. A kernel waits (barrier) when it reads or
// overwrites what another thread may have written or may still read since the last barrier; kernels that are not
// `parallel` are all run by one thread, in order.
#include "passes/plan_memory.h"

#include "ir/builder.h"
#include "passes/memory/places.h"
#include "passes/rewrite.h"
#include "passes/schedule/decide.h"

#include <algorithm>

namespace nnc {
namespace {

using namespace memory;

// A kernel at the end that copies the result into the argument that it replaces.
void append_copy(Function& f, Result& r, Target const& target) {
  Node k{.op = OpCode::kernel,
         .operands = {r.value},
         .results = {},
         .attributes = {},
         .kernel = Kernel{.kind = KernelKind::pointwise},
         .regions = std::vector<Region>(1),
         .at = f.values[r.value].at};
  Builder make(f, k.regions.front().nodes);
  make.at = k.at;
  r.value = make.make(OpCode::convert, {r.value}, {}, f.type(r.value), f.values[r.value].name);
  k.results = {r.value};
  k.kernel->schedule = Schedule{.pointwise = scheduling::decide_pointwise(f, k, target)};
  f.body.nodes.push_back(std::move(k));
}

bool plan_function(Function& f, Target const& target) {
  if (!has_kernels(f) || is_planned(f)) return false;
  auto const replaced = f.replaced_arguments();
  Replacing replacing(f);
  for (size_t i = 0; i < replaced.size(); ++i)
    if (replaced[i] && !replacing.is_in_place(*replaced[i], f.results[i].value)) {
      append_copy(f, f.results[i], target);
      replacing.add_last_node();
    }
  Places places(f);
  places.assign();
  write_places(f, places);
  write_barriers(f, places);
  return true;
}

} // namespace

PassResult plan_memory(Module m, PassContext& context) {
  bool changed = false;
  for (auto& f : m.functions) changed |= plan_function(f, m.target ? *m.target : context.target);
  return {std::move(m), changed};
}

} // namespace nnc
