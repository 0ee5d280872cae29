// IDX files, the format of MNIST: two zero bytes, the type of an element, the rank, the extents (32 bits each), then
// the elements; all numbers are big-endian.
#pragma once

#include "runtime/tensor.h"

#include <filesystem>

namespace nnc {

// Reads FILE (mapped) or, when its name ends in .gz, what it holds (unpacked once into the user's cache, then mapped).
// A file that is no IDX file, or whose size is not what its header promises, is an Error.
HostTensor read_idx(std::filesystem::path const&);

// One IDX file at the start of `bytes`, which `owner` keeps alive. `name` is what errors call it. `used`: the number of
// bytes that it takes; when null, nothing may follow.
HostTensor parse_idx(std::span<u8 const> bytes, std::string const& name, std::shared_ptr<void const> owner,
                     size_t* used = nullptr);

} // namespace nnc
