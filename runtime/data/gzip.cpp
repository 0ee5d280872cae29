#include "runtime/data/gzip.h"

#include "ir/diagnostic.h"

#include <fmt/core.h>

#include <algorithm>
#include <limits>
#include <zlib.h>

namespace nnc {

struct Unpacker::Stream {
  z_stream z{};
  std::span<u8 const> rest; // what zlib has not been shown yet: it counts in 32 bits
};

namespace {

// zlib's window: 15 bits; 16 added means a gzip header, negative none at all.
int window_bits(Packing packing) { return packing == Packing::gzip ? 15 + 16 : packing == Packing::raw ? -15 : 15; }

uInt at_most_32_bits(size_t size) {
  return static_cast<uInt>(std::min<size_t>(size, std::numeric_limits<uInt>::max()));
}

void show_more(z_stream& z, std::span<u8 const>& rest) {
  if (z.avail_in != 0) return;
  z.next_in = const_cast<Bytef*>(rest.data());
  z.avail_in = at_most_32_bits(rest.size());
  rest = rest.subspan(z.avail_in);
}

} // namespace

Unpacker::Unpacker(std::span<u8 const> packed, std::string name, Packing packing)
    : stream_(std::make_unique<Stream>()), name_(std::move(name)), packing_(packing) {
  stream_->rest = packed;
  if (inflateInit2(&stream_->z, window_bits(packing)) != Z_OK)
    throw Error(Code::memory, fmt::format("{}: out of memory while unpacking", name_));
}

Unpacker::~Unpacker() { inflateEnd(&stream_->z); }

// A gzip file may consist of several members, which unpack to one text. zlib streams end where they end.
bool Unpacker::next_member() {
  show_more(stream_->z, stream_->rest);
  if (packing_ != Packing::gzip || stream_->z.avail_in == 0) return false;
  return inflateReset(&stream_->z) == Z_OK;
}

size_t Unpacker::read(std::span<u8> target) {
  auto& z = stream_->z;
  size_t done = 0;
  while (done < target.size() && !ended_) {
    show_more(z, stream_->rest);
    auto const room = at_most_32_bits(target.size() - done);
    z.next_out = target.data() + done;
    z.avail_out = room;
    int const result = inflate(&z, Z_NO_FLUSH);
    done += room - z.avail_out;
    if (result == Z_STREAM_END) {
      ended_ = !next_member();
    } else if (result == Z_BUF_ERROR ||
               (result == Z_OK && z.avail_in == 0 && z.avail_out != 0 && stream_->rest.empty())) {
      throw Error(fmt::format("{}: the packed data end too early", name_));
    } else if (result != Z_OK) {
      throw Error(fmt::format("{}: the packed data are corrupt ({})", name_, z.msg ? z.msg : "no reason known"));
    }
  }
  return done;
}

} // namespace nnc
