// WAV files: PCM of 8, 16, 24 and 32 bits, floats of 32 and 64, mu-law and A-law (ITU-T G.711), plain or as
// WAVE_FORMAT_EXTENSIBLE.
#pragma once

#include "runtime/data/sound.h"

namespace nnc {

bool is_wav(std::span<u8 const> file);

// Whole numbers of n bits are divided by 2^(n-1), after 128 is taken from those of 8 bits. A length that a program wrote
// before it knew it (to a pipe) means: to the end of the file. Both throw Error, which names the file, for what is
// damaged, truncated, of another format or beyond the limits.
SoundHeader wav_header(std::span<u8 const> file, std::string const& name);
Sound decode_wav(std::span<u8 const> file, std::string const& name);

} // namespace nnc
