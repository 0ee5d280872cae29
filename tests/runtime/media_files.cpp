#include "tests/runtime/media_files.h"

#include <FLAC/stream_encoder.h>
#include <doctest/doctest.h>
#include <memory>
#include <turbojpeg.h>
#include <zlib.h>

#include <cstring>

namespace nnc::test {
namespace {

std::string big32(u32 value) {
  return {static_cast<char>(value >> 24), static_cast<char>(value >> 16), static_cast<char>(value >> 8),
          static_cast<char>(value)};
}

std::string deflated(std::string const& text) {
  uLongf size = compressBound(text.size());
  std::string packed(size, '\0');
  REQUIRE(compress(reinterpret_cast<Bytef*>(packed.data()), &size, reinterpret_cast<Bytef const*>(text.data()),
                   text.size()) == Z_OK);
  packed.resize(size);
  return packed;
}

// The pixels of one pass, a filter byte of 0 before each row, bits from the left.
std::string png_rows(PngForm const& form, PngValue const& value, int y0, int x0, int dy, int dx) {
  std::string rows;
  if (x0 >= form.width) return rows;
  for (int y = y0; y < form.height; y += dy) {
    rows += '\0';
    u32 bits = 0, count = 0;
    for (int x = x0; x < form.width; x += dx)
      for (int c = 0; c < png_channels(form.color); ++c) {
        u32 const v = value(y, x, c);
        if (form.depth == 16) rows += static_cast<char>(v >> 8);
        if (form.depth >= 8) {
          rows += static_cast<char>(v);
          continue;
        }
        bits = bits << form.depth | v;
        count += static_cast<u32>(form.depth);
        if (count == 8) {
          rows += static_cast<char>(bits);
          bits = count = 0;
        }
      }
    if (count > 0) rows += static_cast<char>(bits << (8 - count));
  }
  return rows;
}

struct TjDestroy {
  void operator()(void* handle) const { tjDestroy(handle); }
};

std::string compressed(int width, int height, int format, std::vector<u8> const& pixels, int sampling, int quality, int flags) {
  std::unique_ptr<void, TjDestroy> const handle(tjInitCompress());
  REQUIRE(handle);
  unsigned char* bytes = nullptr;
  unsigned long size = 0;
  REQUIRE(tjCompress2(handle.get(), pixels.data(), width, 0, height, format, &bytes, &size, sampling, quality, flags) == 0);
  std::string file(reinterpret_cast<char*>(bytes), size);
  tjFree(bytes);
  return file;
}

struct FlacSink {
  std::string file;
  size_t at = 0;
};

FLAC__StreamEncoderWriteStatus flac_write(FLAC__StreamEncoder const*, FLAC__byte const* bytes, size_t count, u32, u32, void* to) {
  auto& sink = *static_cast<FlacSink*>(to);
  if (sink.file.size() < sink.at + count) sink.file.resize(sink.at + count);
  std::memcpy(sink.file.data() + sink.at, bytes, count);
  sink.at += count;
  return FLAC__STREAM_ENCODER_WRITE_STATUS_OK;
}
FLAC__StreamEncoderSeekStatus flac_seek(FLAC__StreamEncoder const*, FLAC__uint64 at, void* to) {
  static_cast<FlacSink*>(to)->at = at;
  return FLAC__STREAM_ENCODER_SEEK_STATUS_OK;
}
FLAC__StreamEncoderTellStatus flac_tell(FLAC__StreamEncoder const*, FLAC__uint64* at, void* from) {
  *at = static_cast<FlacSink*>(from)->at;
  return FLAC__STREAM_ENCODER_TELL_STATUS_OK;
}

} // namespace

int png_channels(int color) { return color == 2 ? 3 : color == 4 ? 2 : color == 6 ? 4 : 1; }

std::string png_chunk(std::string const& type, std::string const& content) {
  auto const body = type + content;
  auto const crc = crc32_z(crc32_z(0, nullptr, 0), reinterpret_cast<Bytef const*>(body.data()), body.size());
  return big32(static_cast<u32>(content.size())) + body + big32(static_cast<u32>(crc));
}

std::string png_file(PngForm const& form, PngValue const& value, std::string const& before) {
  std::string header = big32(static_cast<u32>(form.width)) + big32(static_cast<u32>(form.height));
  for (int const number : {form.depth, form.color, 0, 0, form.interlaced ? 1 : 0}) header += static_cast<char>(number);
  std::string rows;
  constexpr std::array<std::array<int, 4>, 7> passes{
      {{0, 0, 8, 8}, {0, 4, 8, 8}, {4, 0, 8, 4}, {0, 2, 4, 4}, {2, 0, 4, 2}, {0, 1, 2, 2}, {1, 0, 2, 1}}};
  if (form.interlaced)
    for (auto const& pass : passes) rows += png_rows(form, value, pass[0], pass[1], pass[2], pass[3]);
  else rows = png_rows(form, value, 0, 0, 1, 1);
  return "\x89PNG\r\n\x1a\n" + png_chunk("IHDR", header) + before + png_chunk("IDAT", deflated(rows)) + png_chunk("IEND", "");
}

std::string jpeg_file(int width, int height, int channels, std::vector<u8> const& pixels, int sampling, int quality,
                      bool progressive) {
  return compressed(width, height, channels == 1 ? TJPF_GRAY : TJPF_RGB, pixels, channels == 1 ? TJSAMP_GRAY : sampling,
                    quality, progressive ? TJFLAG_PROGRESSIVE : 0);
}

std::string cmyk_jpeg_file(int width, int height) {
  std::vector<u8> const pixels(static_cast<size_t>(4 * width * height), 100);
  return compressed(width, height, TJPF_CMYK, pixels, TJSAMP_444, 90, 0);
}

std::string little_endian(u64 value, int width) {
  std::string text;
  for (int i = 0; i < width; ++i) text += static_cast<char>(value >> (8 * i));
  return text;
}

std::string wav_chunk(std::string const& name, std::string const& content) {
  return name + little_endian(content.size(), 4) + content + (content.size() % 2 ? std::string(1, '\0') : "");
}

std::string wav_format(u32 tag, u32 channels, u32 rate, u32 bits) {
  u32 const block = channels * bits / 8;
  return little_endian(tag, 2) + little_endian(channels, 2) + little_endian(rate, 4) + little_endian(rate * block, 4) +
         little_endian(block, 2) + little_endian(bits, 2);
}

std::string wav_of(std::string const& chunks) { return "RIFF" + little_endian(chunks.size() + 4, 4) + "WAVE" + chunks; }

std::string wav16(u32 rate, std::vector<i16> const& samples) {
  std::string data;
  for (i16 const sample : samples) data += little_endian(static_cast<u16>(sample), 2);
  return wav_file(1, 1, rate, 16, data);
}

std::string flac_file(u32 channels, u32 rate, u32 bits, std::vector<i32> const& samples, bool seekable) {
  FlacSink sink;
  auto const destroy = [](FLAC__StreamEncoder* encoder) { FLAC__stream_encoder_delete(encoder); };
  std::unique_ptr<FLAC__StreamEncoder, decltype(destroy)> const encoder(FLAC__stream_encoder_new(), destroy);
  REQUIRE(encoder);
  FLAC__stream_encoder_set_channels(encoder.get(), channels);
  FLAC__stream_encoder_set_sample_rate(encoder.get(), rate);
  FLAC__stream_encoder_set_bits_per_sample(encoder.get(), bits);
  FLAC__stream_encoder_set_blocksize(encoder.get(), 256);
  FLAC__stream_encoder_set_streamable_subset(encoder.get(), false);
  REQUIRE(FLAC__stream_encoder_init_stream(encoder.get(), flac_write, seekable ? flac_seek : nullptr,
                                           seekable ? flac_tell : nullptr, nullptr, &sink) == FLAC__STREAM_ENCODER_INIT_STATUS_OK);
  REQUIRE(FLAC__stream_encoder_process_interleaved(encoder.get(), samples.data(), static_cast<u32>(samples.size() / channels)));
  REQUIRE(FLAC__stream_encoder_finish(encoder.get()));
  return sink.file;
}

} // namespace nnc::test
