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

f64 round_to(DType, f64);    // nearest value of a float dtype
i64 wrap_to(DType, i64);     // two's complement in the width of an integer dtype; bool: 0 or 1
i64 saturate_to(DType, f64); // float to integer: truncates, saturates, NaN gives 0

// Row-major strides and number of elements of a shape.
std::vector<i64> strides_of(std::vector<i64> const& shape);
i64 count_of(std::vector<i64> const& shape);

// start + the sum of index * stride, for every index of `extents` in row-major order: with the strides permuted it is
// a transpose, with zeros a broadcast, with negative ones a reversal.
std::vector<i64> offsets(std::vector<i64> const& extents, std::vector<i64> const& strides, i64 start = 0);
std::vector<i64> extents_of(Type const&); // of a type without symbols

} // namespace nnc
