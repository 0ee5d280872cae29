// Mutants of files: what a disk, a network or an enemy makes of them.
#pragma once

#include "ir/basic.h"

#include <algorithm>
#include <iterator>
#include <random>
#include <string>
#include <sys/resource.h>

namespace nnc::test {

using Random = std::mt19937_64;

inline size_t below(Random& random, size_t count) { return static_cast<size_t>(random() % count); }

// One small change: a bit, a byte, a number of four bytes, a part that is cut out, repeated, or moved.
inline void mutate(std::string& file, Random& random) {
  if (file.empty()) return;
  auto const at = below(random, file.size());
  auto const length = std::min(file.size() - at, 1 + below(random, 16));
  static constexpr u32 numbers[] = {0,      1,      0x7F,       0x80,       0xFF,       0x7FFF,
                                    0x8000, 0xFFFF, 0x7FFFFFFF, 0x80000000, 0xFFFFFFFF, 0x00FFFFFF};
  switch (below(random, 8)) {
  case 0: file[at] = static_cast<char>(file[at] ^ (1 << below(random, 8))); break;
  case 1: file[at] = static_cast<char>(random()); break;
  case 2: file[at] = static_cast<char>(numbers[below(random, std::size(numbers))]); break;
  case 3: {
    u32 const number = numbers[below(random, std::size(numbers))];
    bool const big = random() & 1;
    for (size_t i = 0; i < std::min<size_t>(4, file.size() - at); ++i)
      file[at + i] = static_cast<char>(number >> (8 * (big ? 3 - i : i)));
    break;
  }
  case 4: file.erase(at, length); break;
  case 5: file.insert(at, file.substr(at, length)); break;
  case 6: file.resize(at); break;
  default: file.insert(below(random, file.size()), file.substr(at, length));
  }
}

inline u64 largest_memory() { // bytes
  rusage usage{};
  getrusage(RUSAGE_SELF, &usage);
  return static_cast<u64>(usage.ru_maxrss) * 1024;
}

} // namespace nnc::test
