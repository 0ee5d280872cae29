// The bytes of a file as a reader sees them: mapped, or, where the name ends in .gz, what it holds.
#pragma once

#include "ir/basic.h"

#include <filesystem>
#include <memory>
#include <span>

namespace nnc {

class WholeFile {
public:
  // Throws Error. What is unpacked is in memory: at most `largest_unpacked` bytes.
  static std::shared_ptr<WholeFile const> open(std::filesystem::path const&);
  std::span<u8 const> bytes() const { return bytes_; }
  static constexpr u64 largest_unpacked = u64{1} << 31;

private:
  std::shared_ptr<void const> owner_;
  std::span<u8 const> bytes_;
};

} // namespace nnc
