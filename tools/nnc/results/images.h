// Outputs and columns of data that are pictures.
#pragma once

#include "nnc/nnc.hpp"
#include "tools/nnc/results/picture.h"

#include <optional>

namespace command {

// How the rows of an array of this shape are pictures: [n,h,w], [n,h,w,1], [n,h,w,3], [n,1,h,w], [n,3,h,w].
struct ImageForm {
  std::int64_t height = 0, width = 0, channels = 1;
  bool channels_first = false;
};
std::optional<ImageForm> image_form(std::vector<std::int64_t> const& shape);

// Numbers from `low` to `high` go from black to white.
struct Brightness {
  double low = 0, high = 1;
};
// u8 from 0 to 255; what lies within 0 and 1 from 0 to 1; else from the least to the largest number that is finite.
Brightness brightness_of(std::string const& dtype, std::vector<double> const& numbers);

// A number that is not finite becomes a red pixel.
Picture image_of(double const* numbers, ImageForm const&, Brightness);

} // namespace command
