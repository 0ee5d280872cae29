// From a kernel of the finished graph to its loops. The kind of the kernel says which way; any schedule on it gives the
// same bits.
#pragma once

#include "codegen/lower/pull.h"

namespace nnc {

Loops lower(Storage const&, Node const& kernel, Target const&, std::string name);

// One way per kind. Each makes the body of the kernel in the puller's builder.
struct KernelContext {
  Storage const& storage;
  Node const& kernel;
  Target const& target;
  Kernel const& facts() const { return *kernel.kernel; }
  Schedule const& schedule() const { return *facts().schedule; }       // not of scalars
  std::vector<Place> const& places() const { return *facts().places; } // one per result
  Function const& function() const { return storage.function; }
  Type const& type(size_t result) const { return function().type(kernel.results[result]); }
  std::vector<Node> const& nodes() const { return kernel.regions.front().nodes; }
};
void lower_scalars(Puller&, KernelContext const&);   // computed by every thread for itself
void lower_pointwise(Puller&, KernelContext const&); // one element of each result after the other
void lower_rows(Puller&, KernelContext const&);      // row by row, in stages
void lower_scatter(Puller&, KernelContext const&);   // scatter_add
void lower_lines(Puller&, KernelContext const&);     // a node along the lines of an axis
void lower_contract(Puller&, KernelContext const&);  // one dot with its prologue and epilogue

// Shared by them.

// What this thread does of `units` units of the outermost loop: [begin, end). All of it in a kernel that is not split;
// nothing then, except for thread 0 or when every thread needs the result for itself.
struct Share {
  Ref begin, end;
};
Share share_of(LoopBuilder&, Ref units, KernelContext const&);
Share share_by_threads(LoopBuilder&, Ref units);

// Of each loop of a kernel where the schedule wants it cut (ir/cuts.h).
std::vector<std::vector<i64>> cuts_of_loops(KernelContext const&);

// The results' buffers, announced to the builder as written; -1 for a scalar that goes to a local.
std::vector<int> result_buffers(Puller&, KernelContext const&);
void store_result(Puller&, KernelContext const&, std::vector<int> const& buffers, size_t result, At at, Ref value,
                  Ref limit = no_ref);

} // namespace nnc
