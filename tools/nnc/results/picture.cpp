#include "tools/nnc/results/picture.h"

#include "nnc/nnc.hpp"

#include <algorithm>
#include <csetjmp>
#include <png.h>

namespace command {

Picture::Picture(int width, int height, Color color)
    : width(width), height(height), pixels(static_cast<std::size_t>(width) * static_cast<std::size_t>(height), color) {}

namespace {

void take(png_structp png, png_bytep bytes, png_size_t count) {
  auto* const file = static_cast<std::string*>(png_get_io_ptr(png));
  try {
    file->append(reinterpret_cast<char const*>(bytes), count);
  } catch (...) { // no exception passes through C
    png_error(png, "out of memory");
  }
}

void flush(png_structp) {}
void ignore(png_structp, png_const_charp) {}
[[noreturn]] void give_up(png_structp png, png_const_charp) { png_longjmp(png, 1); }

// libpng leaves by longjmp when it fails, so nothing here has a destructor.
bool write_rows(std::string& file, Picture const& picture, png_bytep row, bool gray) {
  auto* png = png_create_write_struct(PNG_LIBPNG_VER_STRING, nullptr, give_up, ignore);
  if (!png) return false;
  auto* info = png_create_info_struct(png);
  if (!info || setjmp(png_jmpbuf(png))) {
    png_destroy_write_struct(&png, &info);
    return false;
  }
  png_set_write_fn(png, &file, take, flush);
  png_set_user_limits(png, 0x7fffffff, 0x7fffffff);
  png_set_IHDR(png, info, static_cast<png_uint_32>(picture.width), static_cast<png_uint_32>(picture.height), 8,
               gray ? PNG_COLOR_TYPE_GRAY : PNG_COLOR_TYPE_RGB, PNG_INTERLACE_NONE, PNG_COMPRESSION_TYPE_DEFAULT,
               PNG_FILTER_TYPE_DEFAULT);
  png_set_filter(png, PNG_FILTER_TYPE_BASE, PNG_FILTER_NONE | PNG_FILTER_UP); // many rows are the one above again
  png_write_info(png, info);
  for (int y = 0; y < picture.height; ++y) {
    auto* to = row;
    for (int x = 0; x < picture.width; ++x) {
      auto const color = picture.at(x, y);
      *to++ = color.red;
      if (gray) continue;
      *to++ = color.green;
      *to++ = color.blue;
    }
    png_write_row(png, row);
  }
  png_write_end(png, info);
  png_destroy_write_struct(&png, &info);
  return true;
}

} // namespace

std::string png(Picture const& picture) {
  bool const gray = std::all_of(picture.pixels.begin(), picture.pixels.end(),
                                [](Color c) { return c.red == c.green && c.green == c.blue; });
  std::vector<png_byte> row(static_cast<std::size_t>(picture.width) * 3);
  std::string file;
  if (!write_rows(file, picture, row.data(), gray))
    throw nnc::Failure(nnc::Code::argument, "error: out of memory for a picture");
  return file;
}

std::string base64(std::string const& bytes) {
  constexpr char const* digits = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  std::string text;
  for (std::size_t i = 0; i < bytes.size(); i += 3) {
    std::uint32_t group = 0;
    for (std::size_t k = 0; k < 3; ++k)
      group = group << 8 | (i + k < bytes.size() ? static_cast<unsigned char>(bytes[i + k]) : 0U);
    for (std::size_t k = 0; k < 4; ++k) text += i + k > bytes.size() ? '=' : digits[group >> (18 - 6 * k) & 63];
  }
  return text;
}

} // namespace command
