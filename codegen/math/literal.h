// Literals as a processor holds them.
#pragma once

#include "codegen/math/narrow.h"
#include "codegen/math/plain.h"
#include "ir/module.h"

namespace nnc::math {

inline Lane lane_of(DType d, Scalar s) {
  Plain a;
  switch (d) {
  case DType::f64: return s.f;
  case DType::f32: return static_cast<float>(s.f);
  case DType::f16: return to_half(a, static_cast<float>(s.f));
  case DType::bf16: return to_brain(a, static_cast<float>(s.f));
  default: return s.i;
  }
}

} // namespace nnc::math
