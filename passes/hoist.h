// Products in the body of a scan that need no carry are computed for all rounds at once, in front of it or behind it.
#pragma once

#include "passes/pass.h"

namespace nnc {

PassResult hoist(Module, PassContext&);

} // namespace nnc
