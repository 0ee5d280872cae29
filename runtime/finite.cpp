// A float is infinite or NaN when all bits of its exponent are set. Blocks are folded without a branch inside, which
// compilers turn into vector code: a pass over weights takes about as long as reading them.
#include "runtime/finite.h"

#include <algorithm>

namespace nnc {
namespace {

constexpr size_t block = 4096;

template <class Bits>
bool all_finite(HostTensor const& tensor, Bits exponent) {
  auto const all = tensor.as<Bits>();
  for (size_t start = 0; start < all.size(); start += block) {
    Bits bad = 0;
    for (Bits const bits : all.subspan(start, std::min(block, all.size() - start)))
      bad |= static_cast<Bits>((bits & exponent) == exponent);
    if (bad) return false;
  }
  return true;
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
