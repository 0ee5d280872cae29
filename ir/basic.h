// Short names for the fixed-width integers, and what is used everywhere in nnc.
#pragma once

#include <cstdint>

namespace nnc {

using u8 = std::uint8_t;
using u16 = std::uint16_t;
using u32 = std::uint32_t;
using u64 = std::uint64_t;
using i8 = std::int8_t;
using i16 = std::int16_t;
using i32 = std::int32_t;
using i64 = std::int64_t;
using f32 = float;
using f64 = double;

constexpr i64 round_up(i64 n, i64 unit) { return (n + unit - 1) / unit * unit; }

} // namespace nnc
