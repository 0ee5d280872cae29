// Pictures of pixels, and PNG files of them.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace command {

struct Color {
  std::uint8_t red = 0, green = 0, blue = 0;
};

inline constexpr Color black{0, 0, 0}, white{255, 255, 255};

struct Picture {
  Picture() = default;
  Picture(int width, int height, Color color = white);
  int width = 0, height = 0;
  std::vector<Color> pixels; // row by row, from the upper left
  Color& at(int x, int y) {
    return pixels[static_cast<std::size_t>(y) * static_cast<std::size_t>(width) + static_cast<std::size_t>(x)];
  }
  Color at(int x, int y) const { return const_cast<Picture&>(*this).at(x, y); }
};

// 8 bits for each channel; one channel where all colors are gray. Throws nnc::Failure when there is no memory for it.
std::string png(Picture const&);
std::string base64(std::string const& bytes);

} // namespace command
