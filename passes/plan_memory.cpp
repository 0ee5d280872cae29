// Gives every value that a kernel stores a place: a slot of the arena, the argument that it replaces, a buffer of the
// caller, or a scalar of each thread. Afterwards kernels say where they write and where threads must meet first, and
// the function how much memory of its own each thread needs for their buffers.
//
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
//
// What is alive somewhere in a scan and is from outside of it is alive in all of it. The carries live where their first
// values do. What a round reads of a sequence, or gives to be stacked, lies in the slot of the whole: its place is
// round(i), an address that advances.
//
// The scratch of the function is what the largest kernel takes for its buffers: each thread runs one after the other.
#include "ir/builder.h"
#include "ir/scan.h"
#include "ir/scratch.h"
#include "ir/walk.h"
#include "passes/memory/places.h"
#include "passes/pass.h"
#include "passes/rewrite.h"
#include "passes/schedule/decide.h"

#include <algorithm>

namespace nnc {
namespace {

using namespace memory;

// A kernel at the end of the nodes that copies a value into what it replaces.
void append_copy(Function& f, std::vector<Node>& nodes, ValueId& value, Target const& target) {
  Node k{.op = OpCode::kernel,
         .operands = {value},
         .results = {},
         .attributes = {},
         .kernel = Kernel{.kind = KernelKind::pointwise},
         .regions = std::vector<Region>(1),
         .at = f.values[value].at};
  Builder make(f, k.regions.front().nodes);
  make.at = k.at;
  value = make.make(OpCode::convert, {value}, {}, f.type(value), f.values[value].name);
  k.results = {value};
  k.kernel->schedule = Schedule{.pointwise = scheduling::decide_pointwise(f, k, target)};
  nodes.push_back(std::move(k));
}

// The next carries of scans are written over those of the round, like the arguments of a function that its results
// replace. A copy runs in every round, so threads share it where that pays.
void carry_in_place(Function& f, std::vector<Node>& nodes, Target const& target, Bindings const& extents) {
  for (auto& n : nodes) {
    if (!holds_scopes(n)) continue;
    for (auto& r : n.regions) carry_in_place(f, r.nodes, target, extents);
    if (n.op != OpCode::scan) continue;
    Scan const s(n);
    auto& body = n.regions.front();
    for (size_t i = 0; i < s.carries; ++i)
      if (!Replacing(f, body.nodes).is_in_place(s.carried(i), s.next(i))) {
        append_copy(f, body.nodes, body.results[i], target);
        Node& copy = body.nodes.back();
        copy.kernel->schedule->parallel = scheduling::worth_splitting(f, copy, scheduling::cost(f, copy, extents));
      }
  }
}

bool plan_function(Function& f, Target const& target, Bindings const& extents) {
  if (!has_kernels(f) || is_planned(f)) return false;
  auto const replaced = f.replaced_arguments();
  Replacing replacing(f, f.body.nodes);
  for (size_t i = 0; i < replaced.size(); ++i)
    if (replaced[i] && !replacing.is_in_place(f.arguments[*replaced[i]].value, f.results[i].value)) {
      append_copy(f, f.body.nodes, f.results[i].value, target);
      replacing.add_last_node();
    }
  carry_in_place(f, f.body.nodes, target, extents);
  Places places(f);
  places.assign();
  write_places(f, f.body.nodes, places);
  write_barriers(f, places);
  f.scratch = scratch_bytes(f, target);
  return true;
}

} // namespace

PassResult plan_memory(Module m, PassContext& context) {
  bool changed = false;
  auto const extents = scheduling::ordinary_extents(m);
  for (auto& f : m.functions) changed |= plan_function(f, m.target ? *m.target : context.target, extents);
  return {std::move(m), changed};
}

} // namespace nnc
