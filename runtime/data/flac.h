// FLAC files, through libFLAC.
#pragma once

#include "runtime/data/sound.h"

namespace nnc {

// From the blocks before the samples; 0 samples where they do not tell. Both throw Error, which names the file, for what
// is corrupt (the checksum of all samples included), truncated or beyond the limits.
SoundHeader flac_header(std::span<u8 const> file, std::string const& name);
Sound decode_flac(std::span<u8 const> file, std::string const& name);

} // namespace nnc
