#include "tools/nnc/results/writers.h"

#include <cctype>
#include <nlohmann/json.hpp>

namespace command {
namespace {

std::string name_of(std::string const& dtype) { // "F32", "BOOL"
  std::string name = dtype;
  for (auto& c : name) c = static_cast<char>(std::toupper(static_cast<unsigned char>(c)));
  return name;
}

} // namespace

// Eight bytes of header length, the header padded with blanks to a multiple of eight, the bytes.
std::string safetensors(Outputs const& outputs) {
  auto header = nlohmann::ordered_json::object();
  std::string bytes;
  for (auto const& array : outputs.arrays) {
    auto const start = bytes.size();
    bytes.append(reinterpret_cast<char const*>(array.bytes.data()), array.bytes.size());
    header[array.name] = {
        {"dtype", name_of(array.dtype)}, {"shape", array.shape}, {"data_offsets", {start, bytes.size()}}};
  }
  auto text = header.dump();
  text.resize((text.size() + 7) / 8 * 8, ' ');
  std::string file;
  for (int i = 0; i < 8; ++i) file += static_cast<char>(static_cast<std::uint64_t>(text.size()) >> (8 * i));
  return file + text + bytes;
}

} // namespace command
