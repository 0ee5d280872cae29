// Joins loss, gradients and the updates into one @train_step, and lets every function gather its batch from whole
// columns. Afterwards @loss and @update.* are gone, no `call` is left, and inputs and targets are gathers of rows.
#pragma once

#include "passes/pass.h"

namespace nnc {

PassResult assemble_step(Module, PassContext&);

} // namespace nnc
