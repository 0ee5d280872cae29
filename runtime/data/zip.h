// ZIP archives, as numpy.savez writes them: stored and deflated entries, also with 64-bit sizes.
#pragma once

#include "ir/basic.h"

#include <memory>
#include <span>
#include <string>
#include <vector>

namespace nnc {

struct ZipEntry {
  std::string name;
  std::span<u8 const> bytes;         // of the content
  std::shared_ptr<void const> owner; // keeps them alive
};

// All entries of an archive, in the order of its directory, their checksums compared. Stored ones are views of `bytes`,
// which `owner` keeps alive. Throws Error for whatever is inconsistent, packed in another way, or encrypted.
std::vector<ZipEntry> read_zip(std::span<u8 const> bytes, std::string const& name, std::shared_ptr<void const> owner);

} // namespace nnc
