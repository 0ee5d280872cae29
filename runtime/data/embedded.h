// The digits inside the command, which make `mnist` work without a network.
#pragma once

#include "runtime/tensor.h"

#include <array>

namespace nnc {

// Training images u8[5000,28,28], training labels u8[5000], test images u8[1000,28,28], test labels u8[1000].
// Unpacked anew by each call.
std::array<HostTensor, 4> embedded_digits();

} // namespace nnc
