// Literals by their bits.
#include "ir/module.h"

#include <bit>
#include <cmath>

namespace nnc {

u64 Literals::hash(DType d, Scalar s) {
  u64 bits = std::isnan(s.f) ? ~u64{0} : std::bit_cast<u64>(s.f); // all NaNs are one literal
  return (bits ^ static_cast<u64>(s.i)) * 0x9E37'79B9'7F4A'7C15 + static_cast<u64>(d);
}

void Literals::read_on(Function const& f) {
  for (; read_ < f.values.size(); ++read_)
    if (auto const& v = f.values[read_]; v.constant)
      known_.emplace(hash(v.type.dtype, *v.constant), static_cast<ValueId>(read_));
}

ValueId Literals::value(Function& f, DType d, Scalar s, Location at) {
  if (read_ > f.values.size()) *this = {};
  read_on(f);
  auto is_it = [&](ValueId v) {
    auto const& known = f.values[v];
    return known.constant && known.type.dtype == d && same_bits(*known.constant, s);
  };
  ValueId first = no_value;
  auto [begin, end] = known_.equal_range(hash(d, s));
  for (auto it = begin; it != end; ++it)
    if (is_it(it->second)) first = std::min(first, it->second);
  if (first != no_value) return first;
  f.values.push_back({scalar_of(d), "", at, s});
  return static_cast<ValueId>(f.values.size() - 1);
}

} // namespace nnc
