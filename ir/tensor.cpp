// Rounding, wrapping and saturating to a dtype, and row-major layouts.
#include "ir/tensor.h"

#include "ir/diagnostic.h"

#include <cmath>
#include <fmt/core.h>
#include <limits>

namespace nnc {

constexpr i64 most_elements = i64{1} << 28; // 2 GiB of numbers: the evaluator is for small programs

Tensor Tensor::zeros(DType d, std::vector<i64> shape) {
  Tensor t;
  t.dtype = d;
  if (auto n = bytes_of(shape, DType::u8); !n || *n > most_elements)
    throw Error(fmt::format("a tensor of {} elements is too large to be evaluated", n ? std::to_string(*n) : "2^63"));
  auto n = static_cast<size_t>(count_of(shape));
  t.shape = std::move(shape);
  if (is_float(d)) t.f.resize(n);
  else t.i.resize(n);
  return t;
}

namespace {

// Nearest value (ties to even) of a binary format with `precision` bits, whose least normal exponent is `least` and
// whose largest finite value is `largest`.
f64 round_to_format(f64 x, int precision, int least, f64 largest) {
  if (!std::isfinite(x) || x == 0) return x;
  int exponent = std::max(std::ilogb(x), least);
  f64 unit = std::ldexp(1.0, exponent - (precision - 1));
  f64 y = std::nearbyint(x / unit) * unit; // exact but for the rounding to an integer
  if (std::abs(y) > largest) return std::copysign(std::numeric_limits<f64>::infinity(), x);
  return std::copysign(y, x);
}

struct Range {
  i64 low, high;
};
Range range_of(DType d) {
  switch (d) {
  case DType::i32: return {INT32_MIN, INT32_MAX};
  case DType::i8: return {INT8_MIN, INT8_MAX};
  case DType::u8: return {0, UINT8_MAX};
  case DType::bool_: return {0, 1};
  default: return {INT64_MIN, INT64_MAX};
  }
}

} // namespace

f64 round_to(DType d, f64 x) {
  switch (d) {
  case DType::f32: return static_cast<f32>(x);
  case DType::f16: return round_to_format(x, 11, -14, 65504.0);
  case DType::bf16: return round_to_format(x, 8, -126, std::ldexp(255.0, 120));
  default: return x;
  }
}

i64 wrap_to(DType d, i64 x) {
  switch (d) {
  case DType::i32: return static_cast<i32>(x);
  case DType::i8: return static_cast<i8>(x);
  case DType::u8: return static_cast<u8>(x);
  case DType::bool_: return x != 0;
  default: return x;
  }
}

i64 saturate_to(DType d, f64 x) {
  if (d == DType::bool_) return x != 0; // NaN too
  if (std::isnan(x)) return 0;
  auto [low, high] = range_of(d);
  if (x <= static_cast<f64>(low)) return low;
  if (x >= static_cast<f64>(high)) return high; // for i64 the bound rounds up to 2^63, which is out of range itself
  return static_cast<i64>(x);
}

std::vector<i64> strides_of(std::vector<i64> const& shape) {
  std::vector<i64> strides(shape.size());
  i64 stride = 1;
  for (size_t i = shape.size(); i-- > 0; stride *= shape[i]) strides[i] = stride;
  return strides;
}

i64 count_of(std::vector<i64> const& shape) {
  i64 n = 1;
  for (i64 e : shape) n *= e;
  return n;
}

std::vector<i64> offsets(std::vector<i64> const& extents, std::vector<i64> const& strides, i64 start) {
  std::vector<i64> out{start};
  out.reserve(static_cast<size_t>(count_of(extents)));
  // One axis at a time, the outermost first: every offset so far becomes `extent` offsets.
  for (size_t axis = 0; axis < extents.size(); ++axis) {
    std::vector<i64> finer;
    finer.reserve(out.size() * static_cast<size_t>(extents[axis]));
    for (i64 base : out)
      for (i64 k = 0; k < extents[axis]; ++k) finer.push_back(base + k * strides[axis]);
    out = std::move(finer);
  }
  return out;
}

std::vector<i64> extents_of(Type const& t) {
  std::vector<i64> out;
  for (auto const& d : t.shape) out.push_back(d.value({}));
  return out;
}

} // namespace nnc
