#include "tools/nnc/results/images.h"

#include <algorithm>
#include <cmath>

namespace command {

std::optional<ImageForm> image_form(std::vector<std::int64_t> const& shape) {
  auto const channels = [](std::int64_t extent) { return extent == 1 || extent == 3; };
  std::optional<ImageForm> form;
  if (shape.size() == 3) form = {shape[1], shape[2]};
  else if (shape.size() == 4 && channels(shape[1])) form = {shape[2], shape[3], shape[1], true};
  else if (shape.size() == 4 && channels(shape[3])) form = {shape[1], shape[2], shape[3]};
  constexpr std::int64_t most = 4096; // pixels of a side
  if (form && (std::min(form->height, form->width) < 2 || std::max(form->height, form->width) > most)) return {};
  return form;
}

Brightness brightness_of(std::string const& dtype, std::vector<double> const& numbers) {
  if (dtype == "u8") return {0, 255};
  Brightness range{INFINITY, -INFINITY};
  for (double const x : numbers)
    if (std::isfinite(x)) range = {std::min(range.low, x), std::max(range.high, x)};
  if (range.low > range.high || (range.low >= 0 && range.high <= 1)) return {};
  if (range.low == range.high) return {range.low - 1, range.low};
  return range;
}

Picture image_of(double const* numbers, ImageForm const& form, Brightness range) {
  Picture picture(static_cast<int>(form.width), static_cast<int>(form.height));
  for (std::int64_t y = 0; y < form.height; ++y)
    for (std::int64_t x = 0; x < form.width; ++x) {
      std::uint8_t color[3];
      bool finite = true;
      for (std::int64_t c = 0; c < 3; ++c) {
        auto const channel = std::min(c, form.channels - 1);
        auto const at = form.channels_first ? (channel * form.height + y) * form.width + x
                                            : (y * form.width + x) * form.channels + channel;
        double const part = (numbers[at] - range.low) / (range.high - range.low);
        finite = finite && std::isfinite(part);
        color[c] = finite ? static_cast<std::uint8_t>(std::lround(255 * std::clamp(part, 0.0, 1.0))) : 0;
      }
      picture.at(static_cast<int>(x), static_cast<int>(y)) =
          finite ? Color{color[0], color[1], color[2]} : Color{220, 20, 20};
    }
  return picture;
}

} // namespace command
