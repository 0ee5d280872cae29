// What an operator of the table makes of numbers that are known while compiling.
#pragma once

#include "ir/op.h"

#include <initializer_list>

namespace nnc::front {

f64 known_value(OpCode, std::initializer_list<f64>); // a bool is 0 or 1

} // namespace nnc::front
