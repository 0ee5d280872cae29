#include "runtime/bytes.h"

#include <fmt/core.h>

#include <bit>

namespace nnc {

// Every compiled target is little-endian, and parameters are exchanged as the bytes of memory.
static_assert(std::endian::native == std::endian::little);

void swap_big_endian(std::span<u8 const> source, i64 width, u8* target) {
  size_t const w = static_cast<size_t>(width);
  for (size_t i = 0; i < source.size(); i += w)
    for (size_t b = 0; b < w; ++b) target[i + b] = source[i + w - 1 - b];
}

std::string byte_count(u64 count) { return fmt::format("{} {}", count, count == 1 ? "byte" : "bytes"); }

} // namespace nnc
