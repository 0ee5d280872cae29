// Mutants of good files of pictures and sounds: each is decoded, or refused by an Error, in bounded time and memory.
// NNC_FUZZ and NNC_FUZZ_SEED in the environment say how many of each format and from which seed.
#include "runtime/data/picture.h"
#include "runtime/data/sound.h"
#include "tests/props/fuzz.h"
#include "tests/runtime/media_files.h"
#include "tests/runtime/mutants.h"
#include "tests/runtime/scratch.h"

#include <doctest/doctest.h>
#include <turbojpeg.h>

#include <chrono>

using namespace nnc;
using namespace nnc::test;

namespace {

// The checksums of a PNG's chunks, so that a mutant is looked at behind them.
std::string with_checksums(std::string const& file) {
  std::string result = file.substr(0, 8);
  for (size_t at = 8; at + 12 <= file.size();) {
    size_t size = 0;
    for (size_t i = 0; i < 4; ++i) size = size << 8 | static_cast<u8>(file[at + i]);
    if (size > file.size() - at - 12) break;
    result += png_chunk(file.substr(at + 4, 4), file.substr(at + 8, size));
    at += 12 + size;
  }
  return result;
}

struct Counts {
  u64 good = 0, refused = 0;
};

template <class Decode>
Counts decode_mutants(std::vector<std::string> const& files, bool is_png, Decode decode) {
  Counts counts;
  auto const memory = largest_memory();
  for (u64 seed = props::first_seed(), end = seed + props::cases(2000); seed < end; ++seed) {
    Random random(seed);
    auto file = files[below(random, files.size())];
    for (size_t i = 1 + below(random, 4); i > 0; --i) mutate(file, random);
    if (is_png && random() % 4) file = with_checksums(file);
    CAPTURE(seed);
    auto const begin = std::chrono::steady_clock::now();
    try {
      decode(bytes_of_text(file));
      ++counts.good;
    } catch (Error const& error) {
      REQUIRE(std::string(error.what()).starts_with("a: "));
      ++counts.refused;
    }
    REQUIRE(std::chrono::steady_clock::now() - begin < std::chrono::seconds(20));
  }
  CHECK(largest_memory() - memory < u64{1} << 30);
  return counts;
}

void check_pictures(std::vector<std::string> const& files, bool is_png) {
  auto const counts = decode_mutants(files, is_png, [](std::span<u8 const> file) {
    auto const picture = decode_picture(file, "a");
    auto const header = picture_header(file, "a");
    REQUIRE(header == picture);
    REQUIRE(std::ssize(picture.pixels) == picture.height * picture.width * picture.channels);
  });
  MESSAGE(counts.good << " mutants are pictures, " << counts.refused << " are refused");
  CHECK(counts.refused > 0);
  CHECK(counts.good > 0);
}

void check_sounds(std::vector<std::string> const& files) {
  auto const counts = decode_mutants(files, false, [](std::span<u8 const> file) {
    auto const sound = decode_sound(file, "a");
    REQUIRE(sound_header(file, "a").samples == sound.samples);
    REQUIRE(std::ssize(sound.values) == sound.samples * sound.channels);
  });
  MESSAGE(counts.good << " mutants are sounds, " << counts.refused << " are refused");
  CHECK(counts.refused > 0);
  CHECK(counts.good > 0);
}

} // namespace

TEST_CASE("mutants of PNG files") {
  auto const value = [](int y, int x, int c) { return static_cast<u32>(y * 5 + x * 3 + c); };
  auto const bit = [](int y, int x, int) { return static_cast<u32>(y * x & 1); };
  auto const colors = png_chunk("PLTE", "abcdef") + png_chunk("tRNS", "x") + png_chunk("gAMA", std::string("\0\0\xb1\x8f", 4));
  check_pictures({png_file({9, 7}, value), png_file({9, 7, 16, 6, true}, value), png_file({9, 7, 1, 3}, bit, colors),
                  png_file({9, 7, 8, 2, true}, value), png_file({9, 7, 8, 4}, value)}, true);
}

TEST_CASE("mutants of JPEG files") {
  std::vector<u8> pixels;
  for (int i = 0; i < 20 * 18 * 3; ++i) pixels.push_back(static_cast<u8>(i * i / 11));
  check_pictures({jpeg_file(20, 18, 3, pixels, TJSAMP_420, 70), jpeg_file(20, 18, 3, pixels, TJSAMP_444, 90, true),
                  jpeg_file(20, 18, 1, pixels, TJSAMP_GRAY, 50)}, false);
}

TEST_CASE("mutants of WAV files") {
  std::string data;
  for (int i = 0; i < 120; ++i) data += static_cast<char>(i * 7);
  std::string floats;
  for (int i = 0; i < 60; ++i) floats += std::string("\0\0\x80\x3e", 4);
  check_sounds({wav_file(1, 2, 8000, 16, data), wav_file(7, 1, 8000, 8, data), wav_file(3, 1, 44100, 32, floats), wav_file(3, 1, 44100, 64, floats),
                wav_of(wav_chunk("LIST", "abc") + wav_chunk("fmt ", wav_format(1, 1, 8000, 24)) + wav_chunk("data", data))});
}

TEST_CASE("mutants of FLAC files") {
  std::vector<i32> tone, noise;
  for (int i = 0; i < 600; ++i) tone.push_back(i % 100 * 50 - 2500), noise.push_back(i * i * 31 % 60000 - 30000);
  check_sounds({flac_file(1, 8000, 16, tone), flac_file(2, 44100, 16, noise), flac_file(1, 8000, 24, tone, false),
                flac_file(2, 8000, 16, tone), flac_file(1, 8000, 16, std::vector<i32>(600, 5))});
}
