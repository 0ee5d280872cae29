// Convolutions of an operand with zeros between its elements, as derivatives of those with strides are, become several
// without: one for each phase of the result.
#pragma once

#include "passes/pass.h"

namespace nnc {

PassResult phases(Module, PassContext&);

} // namespace nnc
