// The setting `accumulate = k`: a step on k times `batch` rows that holds the activations of `batch` rows.
#pragma once

#include "ir/module.h"

namespace nnc {

// Makes of @loss, whose inputs are gathers of its rows, one that takes `parts` times as many rows and walks over them
// in a scan, `batch` rows (known: the ones that the training has) at a time.
void walk_in_parts(Function& loss, i64 parts, i64 batch);

} // namespace nnc
