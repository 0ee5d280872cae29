#include "runtime/data/embedded.h"

#include "ir/diagnostic.h"
#include "runtime/data/gzip.h"
#include "runtime/data/idx.h"

extern "C" {
extern nnc::u8 const nnc_digits[];
extern nnc::u8 const nnc_digits_end[];
}

namespace nnc {
namespace {

// Four IDX files: 5,000 and 1,000 images, one byte of label each, and their headers (see make_digits.py).
constexpr size_t unpacked_size = 6000 * (28 * 28 + 1) + 2 * 16 + 2 * 8;

} // namespace

std::array<HostTensor, 4> embedded_digits() {
  std::span<u8 const> const packed(nnc_digits, static_cast<size_t>(nnc_digits_end - nnc_digits));
  auto content = std::make_shared<std::vector<u8>>(unpacked_size);
  Unpacker unpacker(packed, "the digits inside the command", Packing::zlib);
  if (unpacker.read(*content) != unpacked_size)
    throw CompilerBug("the digits inside the command are not the expected ones");
  std::array<HostTensor, 4> result;
  std::span<u8 const> rest = *content;
  for (auto& tensor : result) {
    size_t used = 0;
    tensor = parse_idx(rest, "the digits inside the command", content, &used);
    rest = rest.subspan(used);
  }
  return result;
}

} // namespace nnc
