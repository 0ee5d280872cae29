// Reading what gzip, zlib or (raw: without any header) zip packed, piece by piece, so that the reader decides how much it is willing to take.
#pragma once

#include "ir/basic.h"

#include <memory>
#include <span>
#include <string>

namespace nnc {

enum class Packing : u8 { gzip, zlib, raw };

class Unpacker {
public:
  // `name` is what errors call the source; `packed` must outlive the unpacker.
  Unpacker(std::span<u8 const> packed, std::string name, Packing);
  ~Unpacker();
  Unpacker(Unpacker const&) = delete;
  Unpacker& operator=(Unpacker const&) = delete;

  // Fills `target` and gives how many bytes there were: fewer only at the end. Throws Error when the stream is corrupt
  // or ends too early.
  size_t read(std::span<u8> target);

private:
  struct Stream;
  bool next_member();
  std::unique_ptr<Stream> stream_;
  std::string name_;
  Packing packing_;
  bool ended_ = false;
};

} // namespace nnc
