// SHA-256 (FIPS 180-4), for the digest of weights that anyone can compare.
#pragma once

#include "ir/basic.h"

#include <array>
#include <span>
#include <string>

namespace nnc {

class Sha256 {
public:
  Sha256();
  void update(std::span<u8 const> bytes);
  std::string hex(); // ends the message; use the object no further

private:
  void compress(u8 const* block);
  std::array<u32, 8> hash_;
  std::array<u8, 64> block_{}; // the bytes that do not fill a block yet
  u64 length_ = 0;             // of the message so far, in bytes
};

std::string sha256(std::span<u8 const> bytes);

} // namespace nnc
