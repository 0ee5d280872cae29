// Numbers as they stand in files: loads and stores in a stated order of bytes, at any address.
#pragma once

#include "ir/basic.h"

#include <span>
#include <string>
#include <string_view>

namespace nnc {

inline u32 load_big_u32(u8 const* p) { return u32{p[0]} << 24 | u32{p[1]} << 16 | u32{p[2]} << 8 | p[3]; }

inline u64 load_little_u64(u8 const* p) {
  u64 value = 0;
  for (int i = 7; i >= 0; --i) value = value << 8 | p[i];
  return value;
}

inline void store_little_u64(u64 value, u8* p) {
  for (int i = 0; i < 8; ++i) p[i] = static_cast<u8>(value >> (8 * i));
}

inline std::span<u8 const> as_bytes(std::string_view text) {
  return {reinterpret_cast<u8 const*>(text.data()), text.size()};
}

// The elements of `source`, each of `width` bytes in big-endian order, written to `target` in this machine's order.
void swap_big_endian(std::span<u8 const> source, i64 width, u8* target);

// "47040016 bytes", "1 byte"
std::string byte_count(u64 count);

} // namespace nnc
