// Which function of codegen/math/functions.h an operator of the table is.
#pragma once

#include "codegen/math/functions.h"
#include "ir/op.h"

namespace nnc::math {

// y: the second operand of pow.
template <class A, class X>
X by_operator(A& a, OpCode op, X x, X y) {
  switch (op) {
  case OpCode::exp: return exp(a, x);
  case OpCode::expm1: return expm1(a, x);
  case OpCode::log: return log(a, x);
  case OpCode::log1p: return log1p(a, x);
  case OpCode::tanh: return tanh(a, x);
  case OpCode::erf: return erf(a, x);
  case OpCode::sin: return sin(a, x);
  case OpCode::cos: return cos(a, x);
  case OpCode::pow: return pow(a, x, y);
  default: throw CompilerBug("no code for the operator " + std::string(info(op).name));
  }
}

} // namespace nnc::math
