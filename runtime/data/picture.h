// Pictures in memory: what the decoders give, and what is done to them before they are examples.
#pragma once

#include "ir/basic.h"

#include <span>
#include <string>
#include <vector>

namespace nnc {

// channels: 1 is gray, 3 is red, green, blue.
struct PictureHeader {
  i64 height = 0, width = 0, channels = 0;
  bool operator==(PictureHeader const&) const = default;
};

struct Picture : PictureHeader {
  std::vector<u8> pixels; // [height, width, channels]
};

inline constexpr i64 largest_picture_extent = 65'535; // as JPEG has it
inline constexpr i64 largest_picture = i64{1} << 28;   // pixels

// A PNG or JPEG file by what it begins with, whatever it is called: the header alone, or all of it. `name` is what
// errors call the file. Throws Error for what is neither, corrupt or truncated, or larger than the limits.
PictureHeader picture_header(std::span<u8 const> file, std::string const& name);
Picture decode_picture(std::span<u8 const> file, std::string const& name);

// Throws Error for extents beyond the limits, and for more pixels than a file of this size can hold.
void check_picture_extents(PictureHeader const&, u64 file_size, i64 pixels_per_byte, std::string const& name);

// Gray is repeated for RGB; the gray of a colour is its luma by ITU-R BT.601, (19595 R + 38470 G + 7471 B + 32768) >> 16.
void to_channels(Picture&, i64 channels);

// Both axes by a triangle as wide as two pixels of the coarser grid, so that nothing is left out when a picture shrinks:
// with r = old / new, s = max(r, 1) and c = (i + 1/2) r the new pixel i is the mean of the old pixels j weighted by
// max(0, 1 - |j + 1/2 - c| / s). Width first, then height, rounded to a byte after each. The aspect is not kept.
void resize(Picture&, i64 height, i64 width);

} // namespace nnc
