// Sounds: every form of WAV, FLAC, other rates, folders of them, and everything that can be wrong with them.
#include "runtime/data/dataset.h"
#include "runtime/data/flac.h"
#include "runtime/data/resample.h"
#include "runtime/data/sound.h"
#include "runtime/data/wav.h"
#include "tests/runtime/media_files.h"
#include "tests/runtime/scratch.h"

#include <doctest/doctest.h>

#include <bit>
#include <cmath>
#include <limits>
#include <numbers>

using namespace nnc;
using namespace nnc::test;
using namespace std::string_literals;

namespace {

struct Isolated {
  Scratch scratch;
  Environment cache{"XDG_CACHE_HOME", (scratch / "cache").string()};
  Environment data{"NNC_DATA", std::nullopt};
};

Sound decode(std::string const& file) { return decode_sound(bytes_of_text(file), "a"); }
std::string error(std::string const& file) {
  return error_of([&] { decode(file); });
}
std::vector<f32> values(std::string const& file) { return decode(file).values; }

std::vector<i16> wave(size_t count, f64 per_sample, f64 size = 12000) {
  std::vector<i16> samples(count);
  for (size_t i = 0; i < count; ++i) samples[i] = static_cast<i16>(std::lround(size * std::sin(per_sample * static_cast<f64>(i))));
  return samples;
}

std::string load_error(Scratch const& scratch, std::string const& words) {
  return error_in(scratch, [&] { load_dataset(words); });
}

std::string const sub_pcm = "\0\0\0\0\x10\0\x80\0\0\xaa\0\x38\x9b\x71"s; // behind the tag in a subformat

} // namespace

TEST_CASE("a WAV of every format has the samples that it was made from") {
  CHECK(values(wav_file(1, 1, 8000, 8, "\x80\xff\0\x40"s)) == std::vector<f32>{0, 127 / 128.f, -1, -0.5f});
  CHECK(values(wav_file(1, 1, 8000, 16, "\0\0\xff\x7f\0\x80\0\xc0"s)) == std::vector<f32>{0, 32767 / 32768.f, -1, -0.5f});
  CHECK(values(wav_file(1, 1, 8000, 24, "\0\0\x40\0\0\x80\1\0\0"s)) == std::vector<f32>{0.5f, -1, 1 / 8388608.f});
  CHECK(values(wav_file(1, 1, 8000, 32, "\0\0\0\x40\0\0\0\x80"s)) == std::vector<f32>{0.5f, -1});
  CHECK(values(wav_file(3, 1, 8000, 32, little_endian(std::bit_cast<u32>(0.3f), 4))) == std::vector<f32>{0.3f});
  CHECK(values(wav_file(3, 1, 8000, 64, little_endian(std::bit_cast<u64>(-0.7), 8))) == std::vector<f32>{-0.7f});
  // ITU-T G.711, the ends of both laws and the steps beside zero, in 16 bits.
  CHECK(values(wav_file(7, 1, 8000, 8, "\xff\x7f\xfe\0\x80"s)) == std::vector<f32>{0, 0, 8 / 32768.f, -32124 / 32768.f, 32124 / 32768.f});
  CHECK(values(wav_file(6, 1, 8000, 8, "\xd5\x55\xd4\x2a\xaa"s)) == std::vector<f32>{8 / 32768.f, -8 / 32768.f, 24 / 32768.f, -32256 / 32768.f, 32256 / 32768.f});
}

TEST_CASE("channels lie beside each other, and their mean is what a model hears") {
  auto const sound = decode(wav_file(1, 2, 44100, 16, "\0\x40\0\x20\0\xc0\0\xc0"s));
  CHECK(sound.samples == 2);
  CHECK(sound.channels == 2);
  CHECK(sound.rate == 44100);
  CHECK(sound.values == std::vector<f32>{0.5f, 0.25f, -0.5f, -0.5f});
  CHECK(mono(sound) == std::vector<f32>{0.375f, -0.5f});
}

TEST_CASE("chunks that a WAV has besides, odd ones too, are passed over") {
  auto const format = wav_chunk("fmt ", wav_format(1, 1, 8000, 16)), data = wav_chunk("data", "\0\x40"s);
  CHECK(values(wav_of(wav_chunk("LIST", "abc") + format + wav_chunk("fact", "12345") + data + wav_chunk("bext", "x"))) ==
        std::vector<f32>{0.5f});
  auto const extensible = wav_format(0xFFFE, 1, 8000, 16) + little_endian(22, 2) + little_endian(16, 2) +
                          little_endian(4, 4) + little_endian(1, 2) + sub_pcm;
  CHECK(values(wav_of(wav_chunk("fmt ", extensible) + data)) == std::vector<f32>{0.5f});
}

TEST_CASE("a WAV whose writer did not know its length goes to the end of the file") {
  auto const head = "WAVE" + wav_chunk("fmt ", wav_format(1, 1, 8000, 16)) + "data";
  for (u64 const length : {u64{0xFFFFFFFF}, u64{0x7FFFF000}, u64{0}}) {
    auto const file = "RIFF" + little_endian(length ? length : 0, 4) + head + little_endian(length, 4) + "\0\x40\0\xc0"s;
    CHECK(values(file) == std::vector<f32>{0.5f, -0.5f});
  }
  CHECK(decode(wav_file(1, 1, 8000, 16, "")).samples == 0); // none is none
}

TEST_CASE("a WAV that is damaged is an error that names it") {
  auto const good = wav_of(wav_chunk("fmt ", wav_format(1, 2, 8000, 16)) + wav_chunk("data", "12345678"));
  CHECK(error(good) == "no error");
  for (size_t size = 0; size < good.size(); ++size) {
    CAPTURE(size);
    CHECK(error(good.substr(0, size)).starts_with("a: "));
  }
  CHECK(error("") == "a: expected a WAV or FLAC file, found 0 bytes");
  CHECK(error("OggS.............") == "a: expected a WAV or FLAC file, found neither in its first bytes");
  CHECK(error(good.substr(0, good.size() - 3)) == "a: is truncated: its samples take 8 bytes, and 5 bytes are there");
  CHECK(error(good.substr(0, 36)) == "a: is truncated: there is no chunk 'data'");
  CHECK(error(wav_file(1, 2, 8000, 16, "123456")) == "a: its samples take 6 bytes, which is no multiple of 4");
  CHECK(error(wav_file(1, 0, 8000, 16, "12")) == "a: has 0 channels, expected from 1 to 64");
  CHECK(error(wav_file(1, 1, 0, 16, "12")) == "a: has 0 samples in a second, expected from 1 to 1000000");
  CHECK(error(wav_file(2, 1, 8000, 4, "12")) ==
        "a: is a WAV of format 2 with 4 bits, expected PCM (1) of 8, 16, 24 or 32 bits, floats (3) of 32 or 64, A-law (6) or mu-law (7)");
  CHECK(error(wav_of(wav_chunk("data", "12"))) == "a: has samples before the chunk 'fmt ' says what they are");
  CHECK(error(wav_of(wav_chunk("fmt ", "12"))) == "a: its format chunk has 2 bytes, expected 16 or more");
  auto odd = wav_format(1, 1, 8000, 16);
  odd[12] = 3;
  CHECK(error(wav_of(wav_chunk("fmt ", odd))) == "a: says that 1 channels of 16 bits take 3 bytes");
  CHECK(error(wav_file(3, 1, 8000, 32, little_endian(std::bit_cast<u32>(std::numeric_limits<f32>::infinity()), 4))) ==
        "a: sample 0 is inf, expected numbers of f32");
  CHECK(error(wav_file(3, 1, 8000, 64, little_endian(std::bit_cast<u64>(1e300), 8))) == "a: sample 0 is inf, expected numbers of f32");
}

TEST_CASE("a FLAC has the samples that it was made from, whether its length was known or not") {
  for (u32 const bits : {8u, 16u, 24u})
    for (u32 const channels : {1u, 2u, 5u})
      for (bool const seekable : {false, true}) {
        std::vector<i32> samples;
        i32 const full = 1 << (bits - 1);
        for (u32 i = 0; i < 700 * channels; ++i) samples.push_back(static_cast<i32>(i * i * 31 % static_cast<u32>(2 * full)) - full);
        auto const file = flac_file(channels, 22050, bits, samples, seekable);
        CHECK(flac_header(bytes_of_text(file), "a").samples == (seekable ? 700 : 0));
        CHECK(sound_header(bytes_of_text(file), "a").samples == 700);
        auto const sound = decode(file);
        CHECK(sound.samples == 700);
        CHECK(sound.channels == channels);
        CHECK(sound.rate == 22050);
        REQUIRE(sound.values.size() == samples.size());
        bool same = true;
        for (size_t i = 0; i < samples.size(); ++i) same = same && sound.values[i] == static_cast<f32>(samples[i]) / static_cast<f32>(full);
        CHECK(same);
      }
}

TEST_CASE("a FLAC that is damaged is an error that names it") {
  std::vector<i32> samples;
  for (int i = 0; i < 600; ++i) samples.push_back(i * i % 5000);
  auto const good = flac_file(1, 8000, 16, samples);
  CHECK(error(good) == "no error");
  for (size_t size = 4; size < good.size(); size += 3) {
    CAPTURE(size);
    CHECK(error(good.substr(0, size)).starts_with("a: the FLAC is corrupt or truncated ("));
  }
  auto flipped = good;
  flipped[good.size() - 20] = static_cast<char>(flipped[good.size() - 20] ^ 16);
  CHECK(error(flipped).starts_with("a: the FLAC is corrupt or truncated ("));
  auto sum = good; // the MD5 of the samples
  sum[8 + 20] = static_cast<char>(sum[8 + 20] ^ 1);
  CHECK(error(sum) == "a: the FLAC is corrupt or truncated (the checksum of its samples is wrong)");
  auto many = good; // 36 bits of samples behind 100 bits
  many.replace(8 + 14, 4, "\xff\xff\xff\xff");
  CHECK(error(many).find("samples, which ") != std::string::npos);
}

TEST_CASE("a sound at another rate is the same sound") {
  f64 const tone = 2 * std::numbers::pi * 440;
  for (auto const& [from, to] : {std::pair{44100, 8000}, {8000, 44100}, {48000, 16000}, {16000, 11025}, {8000, 8000}, {44101, 8000}}) {
    CAPTURE(from);
    CAPTURE(to);
    std::vector<f32> sound(static_cast<size_t>(from / 4));
    for (size_t i = 0; i < sound.size(); ++i) sound[i] = static_cast<f32>(std::sin(tone * static_cast<f64>(i) / from) + 0.25);
    auto const result = resample(sound, from, to);
    CHECK(std::ssize(result) == (std::ssize(sound) * to + from - 1) / from);
    CHECK(std::ssize(result) == resampled_length(std::ssize(sound), from, to));
    f64 largest = 0;
    auto const edge = static_cast<size_t>(40 * std::max(1.0, static_cast<f64>(to) / from));
    for (size_t m = edge; m + edge < result.size(); ++m)
      largest = std::max(largest, std::abs(result[m] - std::sin(tone * static_cast<f64>(m) / to) - 0.25));
    CHECK(largest < 1e-4);
  }
  // What the lower rate cannot hold is gone.
  std::vector<f32> high(22050);
  for (size_t i = 0; i < high.size(); ++i) high[i] = static_cast<f32>(std::sin(2 * std::numbers::pi * 5000 * static_cast<f64>(i) / 44100));
  auto const low = resample(high, 44100, 8000);
  f64 largest = 0;
  for (size_t m = 50; m + 50 < low.size(); ++m) largest = std::max<f64>(largest, std::abs(low[m]));
  CHECK(largest < 1e-3);
  CHECK(resample({}, 8000, 44100).empty());
}

TEST_CASE("resampling is what its formula says") {
  std::vector<f32> sound;
  for (int i = 0; i < 300; ++i) sound.push_back(static_cast<f32>(i * i % 17) / 17);
  i64 const from = 3, to = 2;
  auto const result = resample(sound, from, to);
  f64 const pi = std::numbers::pi;
  f64 largest = 0;
  for (i64 m = 0; m < std::ssize(result); ++m) {
    f64 sum = 0, weights = 0;
    for (i64 n = -200; n < 500; ++n) {
      f64 const t = (static_cast<f64>(m * from) / to - static_cast<f64>(n)) * to / from, u = t / 32;
      if (std::abs(u) >= 1) continue;
      f64 const h = (t == 0 ? 1 : std::sin(pi * t) / (pi * t)) * (0.42 + 0.5 * std::cos(pi * u) + 0.08 * std::cos(2 * pi * u));
      weights += h;
      if (n >= 0 && n < 300) sum += h * sound[static_cast<size_t>(n)];
    }
    largest = std::max(largest, std::abs(result[static_cast<size_t>(m)] - sum / weights));
  }
  CHECK(largest < 1e-7);
}

TEST_CASE("folders of sounds by class give sounds of one length, their lengths and labels") {
  Isolated here;
  auto const& scratch = here.scratch;
  scratch.write("s/0/a.wav", wav16(8000, wave(400, 0.3)));
  scratch.write("s/1/b.wav", wav16(8000, wave(300, 0.4)));
  std::vector<i32> samples;
  for (i16 const sample : wave(200, 0.5)) samples.push_back(sample);
  scratch.write("s/10/c.flac", flac_file(1, 8000, 16, samples));
  auto const folder = (scratch / "s").string();
  auto const set = load_dataset(folder);
  CHECK(set.train.column("sound")->type_text() == "f32[3,400]");
  auto const lengths = set.train.column("sound_length")->as<i32>();
  CHECK(std::vector(lengths.begin(), lengths.end()) == std::vector<i32>{400, 300, 200});
  auto const sounds = set.train.column("sound")->as<f32>();
  CHECK(sounds[800 + 199] == static_cast<f32>(samples[199]) / 32768);
  CHECK(sounds[800 + 200] == 0);
  CHECK(set.class_names == std::vector<std::string>{"0", "1", "10"});
  CHECK(set.encodings.at("sound").options == std::map<std::string, std::string>{{"rate", "8000"}, {"seconds", "0.05"}});
  // A sound of another rate and length for a model that learned these; options that are said hold.
  auto const other = scratch.write("x.wav", wav16(16000, wave(2000, 0.1)));
  auto const one = load_dataset(other.string(), {.folder = {}, .known = set.encodings});
  CHECK(one.train.column("sound")->type_text() == "f32[1,400]");
  CHECK(one.train.column("sound_length")->as<i32>()[0] == 400);
  auto const said = load_dataset("x=" + folder + ",rate=4000,seconds=0.04");
  CHECK(said.train.column("x")->type_text() == "f32[3,160]");
  auto const cut = said.train.column("x_length")->as<i32>();
  CHECK(std::vector(cut.begin(), cut.end()) == std::vector<i32>{160, 150, 100});
}

TEST_CASE("what is wrong with a folder of sounds is said with the files") {
  Isolated here;
  auto const& scratch = here.scratch;
  auto const folder = [&](std::string const& name) { return (scratch / name).string(); };
  scratch.write("rates/a.wav", wav16(8000, wave(40, 0.3)));
  scratch.write("rates/b.wav", wav16(16000, wave(40, 0.3)));
  CHECK(load_error(scratch, folder("rates")) ==
        "rates/b.wav has 16000 samples in a second, and rates/a.wav has 8000: the sounds of a data set must have one rate");
  CHECK(load_error(scratch, folder("rates") + ",rate=8000") == "no error");
  scratch.write("broken/a.wav", wav16(8000, wave(40, 0.3)).substr(0, 60));
  CHECK(load_error(scratch, folder("broken")) == "broken/a.wav: is truncated: its samples take 80 bytes, and 16 bytes are there");
  scratch.write("silent/a.wav", wav16(8000, {}));
  CHECK(load_error(scratch, folder("silent")) == "silent/a.wav: has no samples");
  CHECK(load_error(scratch, folder("rates") + ",rate=0") == "rate=0: expected a whole number from 1 to 1000000");
  CHECK(load_error(scratch, folder("rates") + ",rate=10,seconds=0.01") ==
        "a sound of 0.01 seconds has 0 samples, expected from 1 to 268435456");
}
