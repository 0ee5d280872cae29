#include "runtime/data/picture.h"

#include "ir/diagnostic.h"
#include "runtime/bytes.h"
#include "runtime/data/jpeg.h"
#include "runtime/data/png.h"

#include <fmt/core.h>

#include <algorithm>
#include <cmath>

namespace nnc {
namespace {

bool is_jpeg(std::span<u8 const> file) { return file.size() >= 2 && file[0] == 0xFF && file[1] == 0xD8; }
bool is_png(std::span<u8 const> file) { return file.size() >= 4 && std::ranges::equal(file.first(4), as_bytes("\x89PNG")); }

[[noreturn]] void no_picture(std::span<u8 const> file, std::string const& name) {
  throw Error(fmt::format("{}: expected a PNG or JPEG file, found {}", name,
                          file.empty() ? "0 bytes" : "neither in its first bytes"));
}

// The old pixels that a new one is the mean of.
struct Window {
  i64 first = 0;
  std::vector<f64> weights;
};

std::vector<Window> windows(i64 before, i64 after) {
  f64 const ratio = static_cast<f64>(before) / static_cast<f64>(after), reach = std::max(ratio, 1.0);
  std::vector<Window> result(static_cast<size_t>(after));
  for (i64 i = 0; i < after; ++i) {
    auto& window = result[static_cast<size_t>(i)];
    f64 const center = (static_cast<f64>(i) + 0.5) * ratio;
    window.first = std::max<i64>(0, static_cast<i64>(std::floor(center - reach)));
    i64 const end = std::min(before, static_cast<i64>(std::ceil(center + reach)));
    f64 sum = 0;
    for (i64 j = window.first; j < end; ++j) {
      window.weights.push_back(std::max(0.0, 1 - std::abs(static_cast<f64>(j) + 0.5 - center) / reach));
      sum += window.weights.back();
    }
    for (auto& weight : window.weights) weight /= sum;
  }
  return result;
}

// The middle one of three axes: pixels[outer, before, inner] -> [outer, after, inner].
std::vector<u8> resized_axis(std::span<u8 const> pixels, i64 outer, i64 before, i64 inner, i64 after) {
  auto const all = windows(before, after);
  std::vector<u8> result(static_cast<size_t>(outer * after * inner));
  std::vector<f64> sums(static_cast<size_t>(inner));
  auto* target = result.data();
  for (i64 o = 0; o < outer; ++o)
    for (auto const& window : all) {
      std::ranges::fill(sums, 0.5); // rounds to the nearest
      auto const* source = pixels.data() + (o * before + window.first) * inner;
      for (f64 const weight : window.weights)
        for (auto& sum : sums) sum += weight * *source++;
      for (f64 const sum : sums) *target++ = static_cast<u8>(std::clamp(sum, 0.0, 255.0));
    }
  return result;
}

} // namespace

PictureHeader picture_header(std::span<u8 const> file, std::string const& name) {
  if (is_png(file)) return png_header(file, name);
  if (is_jpeg(file)) return jpeg_header(file, name);
  no_picture(file, name);
}

Picture decode_picture(std::span<u8 const> file, std::string const& name) {
  if (is_png(file)) return decode_png(file, name);
  if (is_jpeg(file)) return decode_jpeg(file, name);
  no_picture(file, name);
}

void check_picture_extents(PictureHeader const& header, u64 file_size, i64 pixels_per_byte, std::string const& name) {
  auto const [height, width, channels] = header;
  if (height < 1 || width < 1 || height > largest_picture_extent || width > largest_picture_extent ||
      height * width > largest_picture)
    throw Error(fmt::format("{}: is {}x{} pixels, expected at most {} in all and {} on a side", name, height, width,
                            largest_picture, largest_picture_extent));
  if (static_cast<u64>(height * width) / static_cast<u64>(pixels_per_byte) > file_size)
    throw Error(fmt::format("{}: the header promises {}x{} pixels, which {} cannot hold", name, height, width,
                            byte_count(file_size)));
}

void to_channels(Picture& picture, i64 channels) {
  if (picture.channels == channels) return;
  auto const count = static_cast<size_t>(picture.height * picture.width);
  std::vector<u8> pixels(count * static_cast<size_t>(channels));
  auto const* source = picture.pixels.data();
  if (channels == 3) {
    for (size_t i = 0; i < count; ++i) std::fill_n(pixels.data() + 3 * i, 3, source[i]);
  } else {
    for (size_t i = 0; i < count; ++i, source += 3)
      pixels[i] = static_cast<u8>((u32{source[0]} * 19595 + u32{source[1]} * 38470 + u32{source[2]} * 7471 + 32768) >> 16);
  }
  picture.pixels = std::move(pixels);
  picture.channels = channels;
}

void resize(Picture& picture, i64 height, i64 width) {
  if (picture.width != width) {
    picture.pixels = resized_axis(picture.pixels, picture.height, picture.width, picture.channels, width);
    picture.width = width;
  }
  if (picture.height != height) {
    picture.pixels = resized_axis(picture.pixels, 1, picture.height, picture.width * picture.channels, height);
    picture.height = height;
  }
}

} // namespace nnc
