// The decisions of the pass `schedule`, one kind of kernel at a time: from shapes and the numbers of the target alone.
// What each field means is in ir/kernel.h.
#pragma once

#include "ir/contraction.h"

namespace nnc::scheduling {

PointwiseSchedule decide_pointwise(Function const&, Node const& kernel, Target const&); // scatter, lines
RowsSchedule decide_rows(Function const&, Node const& kernel);
std::vector<i64> decide_cuts(Function const&, Node const& kernel, Schedule const& so_far); // pointwise, rows
// `tensors`: as large as the result, that the epilogue reads and writes.
ContractSchedule decide_contract(Contraction const&, i64 tensors, Target const&);

// Numbers of a run that are not known: an ordinary batch.
Bindings ordinary_extents(Module const&);
// The time that a kernel takes on one core, in nanoseconds; it only decides about threads.
f64 cost(Function const&, Node const& kernel, Bindings const& extents);
bool worth_splitting(Function const&, Node const& kernel, f64 ns);
i64 worthwhile_threads(f64 ns); // for all kernels of a function together

} // namespace nnc::scheduling
