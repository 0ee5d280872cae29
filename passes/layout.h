#pragma once

#include "passes/pass.h"

namespace nnc {

PassResult layout(Module, PassContext&);

} // namespace nnc
