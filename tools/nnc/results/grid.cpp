// Outputs that are pictures as one: a grid for each of these outputs, one below the other, a picture with its number
// for each example.
#include "tools/nnc/results/elements.h"
#include "tools/nnc/results/images.h"
#include "tools/nnc/results/scene.h"
#include "tools/nnc/results/writers.h"

#include <algorithm>
#include <cmath>
#include <fmt/core.h>

namespace command {
namespace {

constexpr std::int64_t most = 400;     // pictures of an output
constexpr double largest = 20'000'000; // pixels that they take together
constexpr double side = 56;            // a picture is enlarged until it is at least as large
constexpr double caption = 16, gap = 8, heading = 30, size = 11;

bool is_picture(nnc::TensorInfo const& form) {
  return !form.shape.empty() && form.shape[0] == -1 && image_form(form.shape).has_value();
}

void add_grid(Scene& scene, nnc::Array const& array, std::int64_t examples) {
  auto const form = *image_form(array.shape);
  auto const all = numbers(array);
  auto const range = brightness_of(array.dtype, all);
  double const enlarged = std::max(1.0, std::ceil(side / static_cast<double>(std::max(form.width, form.height))));
  double const width = enlarged * static_cast<double>(form.width), height = enlarged * static_cast<double>(form.height);
  auto const fit = static_cast<std::int64_t>(largest / (width * height));
  auto const shown = std::min(examples, std::clamp<std::int64_t>(fit, 1, most));
  // About as wide as high, with captions of the largest number in any case.
  double const cell = std::max(width, width_of(std::to_string(shown), size)) + gap, line = height + caption + gap;
  double const square = std::round(std::sqrt(static_cast<double>(shown) * line / cell));
  auto const columns = std::clamp<std::int64_t>(static_cast<std::int64_t>(square), 1, std::max<std::int64_t>(shown, 1));
  auto title = array.name;
  if (shown < examples) title += fmt::format(", the first {} of {}", shown, examples);
  if (array.dtype != "u8" && (range.low != 0 || range.high != 1))
    title += fmt::format(", black {:.4g}, white {:.4g}", range.low, range.high);
  double const top = scene.height;
  scene.add(Scene::Text{{gap, top + heading - 10}, title, 13});
  for (std::int64_t i = 0; i < shown; ++i) {
    double const x = gap + static_cast<double>(i % columns) * cell;
    double const y = top + heading + static_cast<double>(i / columns) * line;
    scene.add(Scene::Image{x, y, width, height, image_of(all.data() + i * count_of(array.shape, 1), form, range)});
    scene.add(Scene::Text{{x, y + height + caption - 4}, std::to_string(i), size, Scene::Anchor::start, {90, 90, 90}});
  }
  scene.height = top + heading + static_cast<double>((shown + columns - 1) / columns) * line;
  double const grid = gap + static_cast<double>(columns) * cell;
  scene.width = std::max(scene.width, std::max(grid, 2 * gap + width_of(title, 13)));
}

} // namespace

Scene picture_grid_scene(Outputs const& outputs) {
  Scene scene;
  for (auto const& array : outputs.arrays)
    if (per_example(array, outputs.examples) && image_form(array.shape)) add_grid(scene, array, outputs.examples);
  return scene;
}

std::string picture_grid(Outputs const& outputs) { return png(pixels(picture_grid_scene(outputs), 1)); }

Writer::Refusal picture_grid_refuses(Forms const& forms) {
  if (std::any_of(forms.begin(), forms.end(), is_picture)) return {};
  std::string have;
  for (auto const& form : forms)
    have += fmt::format("{}'{}' {}", have.empty() ? "" : ", ", nnc::printable(form.name), form.type);
  return {fmt::format("no output is a picture: {}", have),
          "a picture is [batch,h,w], [batch,h,w,3], [batch,3,h,w], or the same with 1 channel"};
}

} // namespace command
