// The JSON header of a safetensors file. Here is only its grammar; safetensors.cpp knows what the numbers must be.
#pragma once

#include "ir/basic.h"

#include <map>
#include <span>
#include <string>
#include <vector>

namespace nnc {

struct TensorHeader {
  std::string name;
  std::string dtype; // as the format writes it: "F32"
  std::vector<i64> shape;
  u64 begin = 0, end = 0; // in the data that follow the header
};

struct SafetensorsHeader {
  std::vector<TensorHeader> tensors;
  std::map<std::string, std::string> metadata;
};

// Throws Error when the text is no JSON or is not built like a header. Duplicate tensors are kept; the caller looks.
SafetensorsHeader parse_safetensors_header(std::span<u8 const> text, std::string const& file);

// Throws Error when a name is not UTF-8.
std::string safetensors_header_text(SafetensorsHeader const&, std::string const& file);

} // namespace nnc
