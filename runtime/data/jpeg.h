// JPEG files, through libturbojpeg: baseline and progressive.
#pragma once

#include "runtime/data/picture.h"

namespace nnc {

// Gray has one channel, colours have three. Both throw Error, which names the file, for what is corrupt, truncated or too
// large, and for the four colours of printers (CMYK). The orientation that a camera notes is not looked at.
PictureHeader jpeg_header(std::span<u8 const> file, std::string const& name);
Picture decode_jpeg(std::span<u8 const> file, std::string const& name);

} // namespace nnc
