// Philox4x32-10: a counter-based random function. The 128 bits of output depend on the counter and the key alone, so
// that any draw can be made again, by any thread, in any order. (Salmon, Moraes, Dror, Shaw: "Parallel random numbers:
// as easy as 1, 2, 3", SC 2011; the constants are the paper's.)
#pragma once

#include "ir/basic.h"

#include <array>
#include <string_view>

namespace nnc {

using PhiloxCounter = std::array<u32, 4>;
using PhiloxKey = std::array<u32, 2>;

inline constexpr int philox_rounds = 10;
inline constexpr u32 philox_multiplier_0 = 0xD2511F53;
inline constexpr u32 philox_multiplier_1 = 0xCD9E8D57;
inline constexpr u32 philox_key_step_0 = 0x9E3779B9; // golden ratio
inline constexpr u32 philox_key_step_1 = 0xBB67AE85; // sqrt(3) - 1

constexpr PhiloxKey philox_key(u64 seed) { return {static_cast<u32>(seed), static_cast<u32>(seed >> 32)}; }

constexpr std::array<u32, 4> philox(PhiloxCounter counter, PhiloxKey key) {
  for (int round = 0; round < philox_rounds; ++round) {
    u64 const a = u64{philox_multiplier_0} * counter[0];
    u64 const b = u64{philox_multiplier_1} * counter[2];
    counter = {static_cast<u32>(b >> 32) ^ counter[1] ^ key[0], static_cast<u32>(b),
               static_cast<u32>(a >> 32) ^ counter[3] ^ key[1], static_cast<u32>(a)};
    key = {key[0] + philox_key_step_0, key[1] + philox_key_step_1};
  }
  return counter;
}

// FNV-1a: where in a program a draw stands, as a word of its counter.
constexpr u32 path_hash(std::string_view path) {
  u32 hash = 0x811C9DC5;
  for (char c : path) hash = (hash ^ static_cast<u8>(c)) * 0x01000193;
  return hash;
}

} // namespace nnc
