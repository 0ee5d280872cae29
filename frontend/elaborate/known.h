// What an operator of the table makes of values that are known while compiling: it is evaluated.
#pragma once

#include "frontend/elaborate/value.h"
#include "ir/op.h"

namespace nnc::front {

// Of numbers or bools, all of them constants: ints stay ints where the operator takes integers, else they are floats.
// Nothing where one is no constant, or the operator takes none of the kind.
std::optional<Any> known_value(OpCode, std::vector<Any> const&);

std::optional<f64> known_number(Any const&); // of a number that only tunes too; a bool is 0 or 1
f64 known_number(OpCode, std::vector<f64> const&, DType of = DType::f64);
i64 known_integer(OpCode, std::vector<i64> const&);

} // namespace nnc::front
