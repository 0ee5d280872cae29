// PNG files, through libpng: all depths, palettes, interlaced or not.
#pragma once

#include "runtime/data/picture.h"

namespace nnc {

// What decode_png will give, from the chunks before the pixels: gray has one channel, colours and palettes have three.
// Both throw Error, which names the file, for what is corrupt, truncated or too large.
PictureHeader png_header(std::span<u8 const> file, std::string const& name);

// Depths of 1, 2 and 4 bits are spread to 0..255, 16 bits rounded to 8; what is transparent is composed on white. The
// numbers are those of the file: no gamma, no profile of colours.
Picture decode_png(std::span<u8 const> file, std::string const& name);

} // namespace nnc
