// The tensors of the reference evaluator: slow and obvious. Floats of any dtype are held as f64 (rounded to the dtype
// by the evaluator), integers and bools as i64.
#pragma once

#include "ir/types.h"

#include <vector>

namespace nnc {

struct Tensor {
  DType dtype = DType::f32;
  std::vector<i64> shape;
  std::vector<f64> f; // is_float(dtype)
  std::vector<i64> i; // otherwise

  i64 size() const { return static_cast<i64>(is_float(dtype) ? f.size() : i.size()); }
  static Tensor zeros(DType, std::vector<i64> shape);
};

f64 round_to(DType, f64);      // nearest value of a float dtype
i64 wrap_to(DType, i64);       // two's complement in the width of an integer dtype; bool: 0 or 1
i64 saturate_to(DType, f64);   // float to integer: truncates, saturates, NaN gives 0

// Row-major strides of a shape, and a walk over all indices of a shape in order.
std::vector<i64> strides_of(std::vector<i64> const& shape);
i64 count_of(std::vector<i64> const& shape);

} // namespace nnc
