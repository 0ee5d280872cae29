// Convolutions and what stands between them get the channels of their images as the last axis.
// Afterwards sums of convolutions run along memory; transposes are left where something needs the axes as they were.
#pragma once

#include "passes/pass.h"

namespace nnc {

PassResult layout(Module, PassContext&);

} // namespace nnc
