// Elements of tensors in memory, as code and hosts hold them. f16 by the compiler's own conversion, bf16 by the upper
// half of a float: nothing here is shared with the code under test.
#pragma once

#include "ir/tensor.h"

#include <cstring>

namespace nnc::test {

template <class T>
void put(void* to, T value) {
  std::memcpy(to, &value, sizeof(T));
}
template <class T>
T got(void const* from) {
  T value{};
  std::memcpy(&value, from, sizeof(T));
  return value;
}

inline void write_element(Tensor const& t, size_t k, void* to) {
  switch (t.dtype) {
  case DType::f64: return put(to, t.f[k]);
  case DType::f32: return put(to, static_cast<f32>(t.f[k]));
  case DType::f16: return put(to, static_cast<_Float16>(t.f[k]));
  case DType::bf16: return put(to, static_cast<u16>(__builtin_bit_cast(u32, static_cast<f32>(t.f[k])) >> 16));
  case DType::i64: return put(to, t.i[k]);
  case DType::i32: return put(to, static_cast<i32>(t.i[k]));
  case DType::i8:
  case DType::u8:
  case DType::bool_: return put(to, static_cast<u8>(t.i[k]));
  }
}

inline void read_element(Tensor& t, size_t k, void const* from) {
  switch (t.dtype) {
  case DType::f64: t.f[k] = got<f64>(from); return;
  case DType::f32: t.f[k] = f64{got<f32>(from)}; return;
  case DType::f16: t.f[k] = static_cast<f64>(got<_Float16>(from)); return;
  case DType::bf16: t.f[k] = f64{__builtin_bit_cast(f32, u32{got<u16>(from)} << 16)}; return;
  case DType::i64: t.i[k] = got<i64>(from); return;
  case DType::i32: t.i[k] = got<i32>(from); return;
  case DType::i8: t.i[k] = got<i8>(from); return;
  case DType::u8:
  case DType::bool_: t.i[k] = got<u8>(from); return;
  }
}

inline void write_elements(Tensor const& t, u8* to) {
  for (i64 k = 0; k < t.size(); ++k) write_element(t, static_cast<size_t>(k), to + k * bytes(t.dtype));
}
inline void read_elements(Tensor& t, u8 const* from) {
  for (i64 k = 0; k < t.size(); ++k) read_element(t, static_cast<size_t>(k), from + k * bytes(t.dtype));
}

} // namespace nnc::test
