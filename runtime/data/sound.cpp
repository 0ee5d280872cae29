#include "runtime/data/sound.h"

#include "ir/diagnostic.h"
#include "runtime/bytes.h"
#include "runtime/data/flac.h"
#include "runtime/data/wav.h"

#include <fmt/core.h>

#include <algorithm>

namespace nnc {
namespace {

bool begins(std::span<u8 const> file, std::string_view mark) {
  return file.size() >= mark.size() && std::ranges::equal(file.first(mark.size()), as_bytes(mark));
}
bool is_flac(std::span<u8 const> file) { return begins(file, "fLaC") || begins(file, "ID3"); }

[[noreturn]] void no_sound(std::span<u8 const> file, std::string const& name) {
  throw Error(fmt::format("{}: expected a WAV or FLAC file, found {}", name,
                          file.empty() ? "0 bytes" : "neither in its first bytes"));
}

} // namespace

SoundHeader sound_header(std::span<u8 const> file, std::string const& name) {
  if (is_wav(file)) return wav_header(file, name);
  if (!is_flac(file)) no_sound(file, name);
  auto const header = flac_header(file, name);
  return header.samples > 0 ? header : SoundHeader(decode_flac(file, name));
}

Sound decode_sound(std::span<u8 const> file, std::string const& name) {
  if (is_wav(file)) return decode_wav(file, name);
  if (is_flac(file)) return decode_flac(file, name);
  no_sound(file, name);
}

void check_sound(SoundHeader const& sound, std::string const& name) {
  auto const [samples, channels, rate] = sound;
  if (channels < 1 || channels > most_channels)
    throw Error(fmt::format("{}: has {} channels, expected from 1 to {}", name, channels, most_channels));
  if (rate < 1 || rate > largest_rate)
    throw Error(fmt::format("{}: has {} samples in a second, expected from 1 to {}", name, rate, largest_rate));
  if (samples > largest_sound / channels)
    throw Error(fmt::format("{}: has {} samples of {} channels, expected at most {} values", name, samples, channels,
                            largest_sound));
}

std::vector<f32> mono(Sound const& sound) {
  std::vector<f32> result(static_cast<size_t>(sound.samples));
  auto const* value = sound.values.data();
  for (auto& sample : result) {
    f64 sum = 0;
    for (i64 c = 0; c < sound.channels; ++c) sum += *value++;
    sample = static_cast<f32>(sum / static_cast<f64>(sound.channels));
  }
  return result;
}

} // namespace nnc
