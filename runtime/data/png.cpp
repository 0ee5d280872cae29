// libpng leaves by longjmp when something is wrong. What runs between setjmp and there (`guarded`) has no object with a
// destructor.
#include "runtime/data/png.h"

#include "ir/diagnostic.h"

#include <fmt/core.h>

#include <algorithm>
#include <csetjmp>
#include <cstdio>
#include <cstring>
#include <png.h>

namespace nnc {
namespace {

constexpr i64 largest_ratio = 1032; // of deflate: more cannot come out of a byte

class PngReader {
public:
  PngReader(std::span<u8 const> file, std::string const& name) : file_(file), name_(name), left_(file) {
    png_ = png_create_read_struct(PNG_LIBPNG_VER_STRING, this, on_error, on_warning);
    info_ = png_ ? png_create_info_struct(png_) : nullptr;
    if (!info_) {
      png_destroy_read_struct(&png_, nullptr, nullptr);
      throw std::bad_alloc();
    }
  }
  ~PngReader() { png_destroy_read_struct(&png_, &info_, nullptr); }
  PngReader(PngReader const&) = delete;
  PngReader& operator=(PngReader const&) = delete;

  PictureHeader header() {
    guarded([this] {
      png_set_read_fn(png_, this, on_read);
      png_set_user_limits(png_, 0x7FFFFFFF, 0x7FFFFFFF); // check_picture_extents has its own, with its own words
      png_read_info(png_, info_);
    });
    bool const is_gray = !(png_get_color_type(png_, info_) & PNG_COLOR_MASK_COLOR);
    PictureHeader const header{png_get_image_height(png_, info_), png_get_image_width(png_, info_), is_gray ? 1 : 3};
    i64 const bits = i64{png_get_bit_depth(png_, info_)} * png_get_channels(png_, info_);
    check_picture_extents(header, file_.size(), std::max<i64>(1, largest_ratio * 8 / bits), name_);
    return header;
  }

  Picture picture() {
    Picture picture{header(), {}};
    guarded([this] {
      png_set_palette_to_rgb(png_);
      png_set_expand_gray_1_2_4_to_8(png_);
      if (png_get_valid(png_, info_, PNG_INFO_tRNS)) png_set_tRNS_to_alpha(png_);
      png_set_scale_16(png_);
      png_set_interlace_handling(png_);
      png_read_update_info(png_, info_);
    });
    i64 const found = png_get_channels(png_, info_);
    auto const row = png_get_rowbytes(png_, info_);
    if (png_get_bit_depth(png_, info_) != 8 || row != static_cast<size_t>(picture.width * found) ||
        (found != picture.channels && found != picture.channels + 1))
      throw CompilerBug("libpng gives other pixels than it was asked for");
    picture.pixels.resize(row * static_cast<size_t>(picture.height));
    guarded([this, &picture, row] {
      // Passes of an interlaced picture complete the rows of the ones before.
      int const passes = png_get_interlace_type(png_, info_) == PNG_INTERLACE_ADAM7 ? PNG_INTERLACE_ADAM7_PASSES : 1;
      for (int pass = 0; pass < passes; ++pass)
        for (i64 y = 0; y < picture.height; ++y)
          png_read_row(png_, picture.pixels.data() + static_cast<size_t>(y) * row, nullptr);
      png_read_end(png_, nullptr);
    });
    if (found != picture.channels) compose_on_white(picture);
    return picture;
  }

private:
  // In place: [.., channels + alpha] to [.., channels], c a + 255 (1 - a) with a of 0..255.
  static void compose_on_white(Picture& picture) {
    auto const channels = static_cast<size_t>(picture.channels);
    auto const count = static_cast<size_t>(picture.height * picture.width);
    auto const* source = picture.pixels.data();
    auto* target = picture.pixels.data();
    for (size_t i = 0; i < count; ++i, source += channels + 1)
      for (size_t c = 0; c < channels; ++c) {
        u32 const alpha = source[channels];
        *target++ = static_cast<u8>((source[c] * alpha + 255 * (255 - alpha) + 127) / 255);
      }
    picture.pixels.resize(count * channels);
  }

  template <class Action>
  void guarded(Action const& action) {
    if (setjmp(png_jmpbuf(png_)) == 0) action();
    else throw Error(fmt::format("{}: the PNG is corrupt or truncated ({})", name_, said_));
  }

  static PngReader& of(png_structp png) { return *static_cast<PngReader*>(png_get_error_ptr(png)); }
  [[noreturn]] static void on_error(png_structp png, png_const_charp words) {
    std::snprintf(of(png).said_, sizeof said_, "%s", words);
    png_longjmp(png, 1);
  }
  static void on_warning(png_structp, png_const_charp) {} // about what is beside the pixels
  static void on_read(png_structp png, png_bytep target, size_t count) {
    auto& left = of(png).left_;
    if (count > left.size()) png_error(png, "it ends too early");
    std::memcpy(target, left.data(), count);
    left = left.subspan(count);
  }

  std::span<u8 const> file_;
  std::string const& name_;
  std::span<u8 const> left_;
  png_structp png_ = nullptr;
  png_infop info_ = nullptr;
  char said_[128] = {};
};

} // namespace

PictureHeader png_header(std::span<u8 const> file, std::string const& name) { return PngReader(file, name).header(); }
Picture decode_png(std::span<u8 const> file, std::string const& name) { return PngReader(file, name).picture(); }

} // namespace nnc
