// Sounds in memory: what the decoders give, and what is done to them before they are examples.
#pragma once

#include "ir/basic.h"

#include <span>
#include <string>
#include <vector>

namespace nnc {

struct SoundHeader {
  i64 samples = 0; // in time, of each channel
  i64 channels = 0;
  i64 rate = 0; // samples in a second
};

struct Sound : SoundHeader {
  std::vector<f32> values; // [samples, channels], full scale is -1..1
};

inline constexpr i64 largest_sound = i64{1} << 28; // values
inline constexpr i64 most_channels = 64, largest_rate = 1'000'000;

// A WAV or FLAC file by what it begins with, whatever it is called: the header alone (decoded where the header does not
// tell the length), or all of it. `name` is what errors call the file. Throws Error for what is neither, corrupt or
// truncated, or larger than the limits.
SoundHeader sound_header(std::span<u8 const> file, std::string const& name);
Sound decode_sound(std::span<u8 const> file, std::string const& name);

// Throws Error for what is beyond the limits.
void check_sound(SoundHeader const&, std::string const& name);

// The mean of the channels.
std::vector<f32> mono(Sound const&);

} // namespace nnc
