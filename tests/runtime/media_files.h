// Files of pictures and sounds that the tests write themselves: each format by its own specification, or by the library
// that encodes it.
#pragma once

#include "ir/basic.h"

#include <array>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

namespace nnc::test {

// --- PNG (ISO/IEC 15948) ---

struct PngForm {
  int width = 1, height = 1, depth = 8;
  int color = 0; // 0 gray, 2 RGB, 3 palette, 4 gray and alpha, 6 RGB and alpha
  bool interlaced = false;
};
// Value of channel c at (y, x), of `depth` bits.
using PngValue = std::function<u32(int y, int x, int c)>;

std::string png_chunk(std::string const& type, std::string const& content);
int png_channels(int color);

// `before`: chunks between the header and the pixels, PLTE and tRNS for instance.
std::string png_file(PngForm const&, PngValue const&, std::string const& before = "");

// --- JPEG ---

// Colours of 3 channels or gray of 1; `sampling` is one of TJSAMP_*.
std::string jpeg_file(int width, int height, int channels, std::vector<u8> const& pixels, int sampling, int quality,
                      bool progressive = false);
std::string cmyk_jpeg_file(int width, int height);

// --- WAV ---

std::string little_endian(u64 value, int width);
std::string wav_chunk(std::string const& name, std::string const& content);
std::string wav_format(u32 tag, u32 channels, u32 rate, u32 bits);
std::string wav_of(std::string const& chunks); // the RIFF around them
inline std::string wav_file(u32 tag, u32 channels, u32 rate, u32 bits, std::string const& data) {
  return wav_of(wav_chunk("fmt ", wav_format(tag, channels, rate, bits)) + wav_chunk("data", data));
}
std::string wav16(u32 rate, std::vector<i16> const& samples); // mono

// --- FLAC ---

// samples[time * channels]; `seekable` false: as written to a pipe, without length and checksum in the header.
std::string flac_file(u32 channels, u32 rate, u32 bits, std::vector<i32> const& samples, bool seekable = true);

} // namespace nnc::test
