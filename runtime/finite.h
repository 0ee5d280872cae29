// Whether tensors hold numbers: weights that are not finite must never replace ones that are.
#pragma once

#include "runtime/tensor.h"

namespace nnc {

// Is no element infinite or NaN? Integers always are finite.
bool is_finite(HostTensor const&);

} // namespace nnc
