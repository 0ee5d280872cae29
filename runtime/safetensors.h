// The safetensors format: eight bytes of header length (little-endian), a JSON header that gives each tensor its dtype,
// shape and range of bytes, then the bytes. The reader trusts nothing: whatever it accepts is consistent.
#pragma once

#include "runtime/tensor.h"

#include <filesystem>
#include <map>

namespace nnc {

struct Safetensors {
  std::vector<NamedTensor> tensors; // as read: in the order of their bytes
  std::map<std::string, std::string> metadata;
  HostTensor const* find(std::string_view name) const;
};

// Throws Error, which names the file, when it is not a valid file or has a dtype that nnc does not have.
Safetensors read_safetensors(std::filesystem::path const&);

// `bytes` are kept alive by `owner`; `name` is what errors call them.
Safetensors parse_safetensors(std::span<u8 const> bytes, std::string const& name, std::shared_ptr<void const> owner);

// A file of these contents in pieces, one behind the other: the header, then the bytes of the tensors, which stay where
// they are. Tensors of wide elements come first, so that all are aligned. `name` is what errors call the file.
struct SafetensorsPieces {
  std::string header; // with its length in front
  std::vector<HostTensor> tensors;
  std::vector<std::span<u8 const>> spans() const;
};
SafetensorsPieces safetensors_pieces(Safetensors const&, std::string const& name);

// Replaces the file atomically (see write_atomically).
void write_safetensors(std::filesystem::path const&, Safetensors const&);

} // namespace nnc
