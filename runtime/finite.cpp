// A float is infinite or NaN when all bits of its exponent are set. Blocks of a fixed size are folded without a branch
// inside, which compilers turn into vector code.
#include "runtime/finite.h"

namespace nnc {
namespace {

constexpr size_t block = 4096;

template <class Bits>
bool has_bad(Bits const* elements, size_t count, Bits exponent) {
  Bits bad = 0;
  for (size_t i = 0; i < count; ++i) bad |= static_cast<Bits>((elements[i] & exponent) == exponent);
  return bad != 0;
}

template <class Bits>
bool all_finite(HostTensor const& tensor, Bits exponent) {
  auto const all = tensor.as<Bits>();
  size_t start = 0;
  for (; start + block <= all.size(); start += block)
    if (has_bad(all.data() + start, block, exponent)) return false;
  return !has_bad(all.data() + start, all.size() - start, exponent);
}

} // namespace

bool is_finite(HostTensor const& tensor) {
  switch (tensor.dtype()) {
  case DType::f64: return all_finite<u64>(tensor, 0x7ff0'0000'0000'0000);
  case DType::f32: return all_finite<u32>(tensor, 0x7f80'0000);
  case DType::f16: return all_finite<u16>(tensor, 0x7c00);
  case DType::bf16: return all_finite<u16>(tensor, 0x7f80);
  default: return true;
  }
}

} // namespace nnc
