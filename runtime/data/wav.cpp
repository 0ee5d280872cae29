// RIFF: "RIFF" size "WAVE", then chunks: a name of four letters, the size, as many bytes, and one more where it is odd.
// All numbers are little-endian.
#include "runtime/data/wav.h"

#include "ir/diagnostic.h"
#include "ir/printable.h"
#include "runtime/bytes.h"

#include <fmt/core.h>

#include <algorithm>
#include <bit>
#include <cmath>

namespace nnc {
namespace {

using Bytes = std::span<u8 const>;

u32 little(u8 const* p, int width) {
  u32 value = 0;
  for (int i = width; i-- > 0;) value = value << 8 | p[i];
  return value;
}

// A whole number of `width` bytes as a share of full scale: shifted up to 32 bits, which keeps its sign.
f32 pcm(u8 const* p, int width) {
  auto const top = static_cast<i32>(little(p, width) << (32 - 8 * width));
  return static_cast<f32>(static_cast<f64>(top) / 2147483648.0);
}

f32 pcm8(u8 const* p) { return static_cast<f32>(p[0] - 128) / 128; }
f32 pcm16(u8 const* p) { return pcm(p, 2); }
f32 pcm24(u8 const* p) { return pcm(p, 3); }
f32 pcm32(u8 const* p) { return pcm(p, 4); }
f32 float32(u8 const* p) { return std::bit_cast<f32>(little(p, 4)); }
f32 float64(u8 const* p) { return static_cast<f32>(std::bit_cast<f64>(load_little_u64(p))); }

// G.711: sign, three bits of exponent, four of mantissa. mu-law has all bits inverted and a step below zero that 33
// makes up for, in 14 bits; A-law every second bit inverted, in 13.
f32 mu_law(u8 const* p) {
  int const code = ~p[0] & 0xFF, exponent = code >> 4 & 7;
  int const size = (((code & 15) << 1 | 33) << exponent) - 33;
  return static_cast<f32>(code & 0x80 ? -size : size) / 8192;
}
f32 a_law(u8 const* p) {
  int const code = p[0] ^ 0x55, exponent = code >> 4 & 7, mantissa = (code & 15) << 1 | 1;
  int const size = exponent == 0 ? mantissa : (mantissa | 32) << (exponent - 1);
  return static_cast<f32>(code & 0x80 ? size : -size) / 4096;
}

struct Format {
  u32 tag;
  u32 bits;
  f32 (*value)(u8 const*);
};
constexpr Format formats[] = {
    {1, 8, pcm8},     {1, 16, pcm16},   {1, 24, pcm24}, {1, 32, pcm32},
    {3, 32, float32}, {3, 64, float64}, {6, 8, a_law},  {7, 8, mu_law},
};
constexpr u32 extensible = 0xFFFE;

class WavReader {
public:
  WavReader(Bytes file, std::string const& name) : name_(name) { read(file); }
  SoundHeader const& header() const { return header_; }
  Sound sound() const;

private:
  [[noreturn]] void fail(std::string const& what) const { throw Error(fmt::format("{}: {}", name_, what)); }
  void read(Bytes file);
  void read_format(Bytes chunk);

  std::string const& name_;
  SoundHeader header_;
  Format const* format_ = nullptr;
  Bytes data_;
};

void WavReader::read_format(Bytes chunk) {
  if (chunk.size() < 16) fail(fmt::format("its format chunk has {}, expected 16 or more", byte_count(chunk.size())));
  u32 tag = little(chunk.data(), 2);
  u32 const channels = little(chunk.data() + 2, 2), rate = little(chunk.data() + 4, 4),
            block = little(chunk.data() + 12, 2), bits = little(chunk.data() + 14, 2);
  // The tag begins the identifier of a subformat, which stands behind two numbers that change no sample.
  if (tag == extensible && chunk.size() >= 40) tag = little(chunk.data() + 24, 2);
  auto const found = std::ranges::find_if(formats, [&](auto const& f) { return f.tag == tag && f.bits == bits; });
  if (found == std::end(formats))
    fail(fmt::format("is a WAV of format {} with {} bits, expected PCM (1) of 8, 16, 24 or 32 bits, floats (3) of 32 or 64, "
                     "A-law (6) or mu-law (7)", tag, bits));
  format_ = found;
  header_ = {.samples = 0, .channels = channels, .rate = rate};
  check_sound(header_, name_);
  if (block != channels * bits / 8)
    fail(fmt::format("says that {} channels of {} bits take {}", channels, bits, byte_count(block)));
}

void WavReader::read(Bytes file) {
  if (file.size() < 12) fail("the WAV ends within its first 12 bytes");
  u32 const whole = little(file.data() + 4, 4);
  for (size_t at = 12; file.size() - at >= 8;) {
    std::string_view const mark(reinterpret_cast<char const*>(file.data() + at), 4);
    size_t size = little(file.data() + at + 4, 4);
    auto const rest = file.subspan(at + 8);
    if (mark == "data") {
      if (!format_) fail("has samples before the chunk 'fmt ' says what they are");
      // What a program writes that cannot come back to the beginning: the largest numbers, or none.
      bool const is_stream = size > rest.size() ? size >= 0x7FFFF000 : size == 0 && (whole == 0 || whole == 0xFFFFFFFF);
      if (is_stream) size = rest.size();
      if (size > rest.size())
        fail(fmt::format("is truncated: its samples take {}, and {} are there", byte_count(size), byte_count(rest.size())));
      auto const block = static_cast<size_t>(header_.channels) * format_->bits / 8;
      if (size % block) fail(fmt::format("its samples take {}, which is no multiple of {}", byte_count(size), block));
      data_ = rest.first(size);
      header_.samples = static_cast<i64>(size / block);
      return check_sound(header_, name_);
    }
    if (size > rest.size())
      fail(fmt::format("is truncated: its chunk '{}' takes {}, and {} are there", printable(mark), byte_count(size),
                       byte_count(rest.size())));
    if (mark == "fmt ") read_format(rest.first(size));
    at += 8 + std::min(size + size % 2, rest.size());
  }
  fail("is truncated: there is no chunk 'data'");
}

Sound WavReader::sound() const {
  Sound sound{header_, std::vector<f32>(static_cast<size_t>(header_.samples * header_.channels))};
  auto const* from = data_.data();
  for (auto& value : sound.values) {
    value = format_->value(from);
    if (!std::isfinite(value))
      fail(fmt::format("sample {} is {}, expected numbers of f32", (&value - sound.values.data()) / header_.channels, value));
    from += format_->bits / 8;
  }
  return sound;
}

} // namespace

bool is_wav(Bytes file) {
  return file.size() >= 12 && std::ranges::equal(file.first(4), as_bytes("RIFF")) &&
         std::ranges::equal(file.subspan(8, 4), as_bytes("WAVE"));
}

SoundHeader wav_header(Bytes file, std::string const& name) { return WavReader(file, name).header(); }
Sound decode_wav(Bytes file, std::string const& name) { return WavReader(file, name).sound(); }

} // namespace nnc
