#include "tools/nnc/results/chart.h"

#include "tools/nnc/screen.h"

#include <algorithm>
#include <cmath>
#include <fmt/core.h>

namespace command {
namespace {

constexpr Color ink{40, 40, 40}, pale{130, 130, 130}, grid{228, 228, 228};
constexpr double title_size = 14, text_size = 11;
constexpr double height_without_legend = 283;
constexpr std::size_t most_points = 1200; // of a curve, which is more than there are pixels

// Is this number drawn? A range of larger ones is none that can be calculated with.
bool is_drawn(double value) { return std::abs(value) < 1e300; }

// The axis of y, linear, or logarithmic where what is to be seen is spread over several decades.
class Axis {
public:
  explicit Axis(Chart const& chart) {
    double low = INFINITY, high = -INFINITY;
    for (auto const& series : chart.series)
      for (auto const& point : series.points)
        if (is_drawn(point.y)) low = std::min(low, point.y), high = std::max(high, point.y);
    if (low > high) low = 0, high = 1;
    logarithmic_ = !chart.linear && low > 0 && high / low > 300;
    if (logarithmic_) {
      low_ = std::log10(low), high_ = std::log10(high);
    } else {
      if (high - low <= 1e-12 * std::abs(high)) {
        double const room = high == 0 ? 1 : std::abs(high) / 2;
        low -= room, high += room;
      }
      low_ = low, high_ = high;
    }
    double const margin = (high_ - low_) * 0.04;
    low_ -= margin, high_ += margin;
  }
  double part(double value) const { // 0 below, 1 above
    return ((logarithmic_ ? std::log10(value) : value) - low_) / (high_ - low_);
  }
  std::vector<std::pair<double, std::string>> marks() const {
    std::vector<std::pair<double, std::string>> out;
    if (!logarithmic_) {
      auto const all = ticks(low_, high_, 6);
      for (double const value : all)
        if (value >= low_ && value <= high_) out.emplace_back(value, tick_text(value, all[1] - all[0]));
      return out;
    }
    bool const few = high_ - low_ < 4;
    for (double decade = std::floor(low_); decade <= high_; ++decade)
      for (double const digit : {1.0, 2.0, 5.0}) {
        double const value = digit * std::pow(10, decade);
        if ((digit == 1 || few) && std::log10(value) >= low_ && std::log10(value) <= high_)
          out.emplace_back(value, fmt::format("{:.3g}", value));
      }
    return out;
  }

private:
  bool logarithmic_ = false;
  double low_ = 0, high_ = 1;
};

// As many points as can be told apart: means of as many neighbours.
std::vector<Point> thinned(std::vector<Point> const& points) {
  auto const size = (points.size() + most_points - 1) / most_points;
  if (size <= 1) return points;
  std::vector<Point> out;
  for (std::size_t i = 0; i < points.size(); i += size) {
    auto const end = std::min(points.size(), i + size);
    Point mean;
    for (std::size_t k = i; k < end; ++k) mean = {mean.x + points[k].x, mean.y + points[k].y};
    out.push_back({mean.x / static_cast<double>(end - i), mean.y / static_cast<double>(end - i)});
  }
  return out;
}

struct Box {
  double left, top, right, bottom;
};

void draw_line(Scene& scene, Point a, Point b, Color color) { scene.add(Scene::Line{{a, b}, color, 1}); }

// Lines of the legend; returns how high they are.
double draw_legend(Scene& scene, std::vector<Series> const& all, double x, double y, double width) {
  constexpr double key = 22, line = 17;
  double at = x, below = y;
  bool any = false;
  for (auto const& series : all) {
    if (series.label.empty()) continue;
    double const wide = key + 6 + width_of(series.label, text_size) + 16;
    if (any && at + wide - 16 > x + width) at = x, below += line;
    any = true;
    bool const is_point = series.points.size() == 1 && series.dots;
    if (!is_point) scene.add(Scene::Line{{{at, below - 4}, {at + key, below - 4}}, series.color, 2, series.dashed});
    if (series.dots) scene.add(Scene::Line{{{at + key / 2, below - 4}}, series.color, is_point ? 8.0 : 6.0});
    scene.add(Scene::Text{{at + key + 6, below}, series.label, text_size, Scene::Anchor::start, ink});
    at += wide;
  }
  return any ? below - y + line : 0;
}

void draw_series(Scene& scene, Series const& series, auto const& place) {
  auto const points = thinned(series.points);
  Scene::Line line{{}, series.color, series.faint ? 1.0 : 2.0, series.dashed, series.faint ? 0.45 : 1};
  auto const finish = [&] {
    if (line.points.size() > 1) scene.add(line);
    line.points.clear();
  };
  for (auto const& point : points)
    if (is_drawn(point.y)) line.points.push_back(place(point));
    else finish();
  finish();
  bool const lonely = points.size() == 1;
  if (!series.dots || points.size() > 60) return;
  for (auto const& point : points)
    if (is_drawn(point.y)) scene.add(Scene::Line{{place(point)}, series.color, lonely ? 8.0 : 6.0});
}

std::string cell_text(double value) {
  if (std::isnan(value)) return "nan";
  bool const whole = std::abs(value) < 1e15 && value == std::floor(value);
  return whole ? fmt::format("{:.0f}", value) : fmt::format("{:.3g}", value);
}

std::string name_of(std::vector<std::string> const& names, std::size_t index) {
  return index < names.size() ? names[index] : std::to_string(index);
}

double widest(std::vector<std::string> const& names, std::size_t count) {
  double width = 0;
  for (std::size_t i = 0; i < count; ++i) width = std::max(width, width_of(name_of(names, i), text_size));
  return width;
}

// Where the cells of a table lie within its panel.
struct Cells {
  double left, top, size_x, size_y, height; // the last of the whole panel
  bool upright;                             // names of columns are read from below
};

constexpr std::size_t most_cells = 40; // of a side that are drawn one by one, with their names

Cells cells_of(Heat const& heat, double width) {
  bool const large = std::max(heat.height, heat.width) > most_cells;
  Cells cells;
  cells.left =
      12 + (heat.row_label.empty() ? 0 : 18) + (large ? 30 : std::min(width / 3, widest(heat.rows, heat.height) + 8));
  cells.top = 34;
  double const room = std::max(60.0, width - cells.left - 12);
  cells.size_x =
      std::min(heat.width < 5 ? 70.0 : 40.0, room / static_cast<double>(std::max<std::size_t>(heat.width, 1)));
  cells.size_y = large ? std::min(cells.size_x, 360.0 / static_cast<double>(std::max<std::size_t>(heat.height, 1)))
                       : std::clamp(cells.size_x, 16.0, 30.0);
  double const names = widest(heat.columns, heat.width);
  cells.upright = !large && names > cells.size_x - 4;
  double const below = large || !cells.upright ? 18 : names + 10;
  cells.height =
      cells.top + cells.size_y * static_cast<double>(heat.height) + below + (heat.column_label.empty() ? 6 : 22);
  return cells;
}

// From white to a deep blue.
Color shade(double part) {
  if (!std::isfinite(part)) return {225, 225, 225};
  auto const mix = [&](double from, double to) {
    return static_cast<std::uint8_t>(std::lround(from + std::clamp(part, 0.0, 1.0) * (to - from)));
  };
  return {mix(255, 20), mix(255, 80), mix(255, 150)};
}

std::vector<double> parts_of(Heat const& heat) {
  std::vector<double> parts = heat.values;
  double low = 0, high = -INFINITY;
  for (double const x : parts)
    if (std::isfinite(x)) low = std::min(low, x), high = std::max(high, x);
  for (std::size_t i = 0; i < heat.height; ++i) {
    double sum = 0;
    for (std::size_t k = 0; k < heat.width; ++k) sum += heat.values[i * heat.width + k];
    for (std::size_t k = 0; k < heat.width; ++k) {
      double& x = parts[i * heat.width + k];
      if (heat.by_row) x = sum > 0 ? x / sum : 0;
      else x = high > low ? (x - low) / (high - low) : 0;
    }
  }
  return parts;
}

} // namespace

std::vector<double> ticks(double low, double high, int most) {
  double const range = high - low, power = std::pow(10, std::floor(std::log10(range / most)));
  double step = 10 * power;
  for (double const factor : {5.0, 2.0, 1.0})
    if (range / (factor * power) <= most) step = factor * power;
  std::vector<double> out;
  auto const first = static_cast<std::int64_t>(std::ceil(low / step - 1e-9));
  for (auto i = first; static_cast<double>(i) * step <= high + step * 1e-9; ++i)
    out.push_back(static_cast<double>(i) * step);
  while (out.size() < 2) out.push_back((out.empty() ? static_cast<double>(first) * step : out.back()) + step);
  return out;
}

std::string tick_text(double value, double step) {
  if (std::abs(value) < step * 1e-6) return "0";
  double const size = std::abs(value);
  if (size >= 1e7 || step < 1e-4) return fmt::format("{:.4g}", value);
  auto const decimals = std::max(0, static_cast<int>(std::ceil(-std::log10(step) - 1e-9)));
  if (decimals > 0 || size < 1e4) return fmt::format("{:.{}f}", value, decimals);
  return (value < 0 ? "-" : "") + grouped(static_cast<std::int64_t>(std::llround(size)));
}

Color color_of_curve(std::size_t index) {
  constexpr Color colors[] = {{31, 110, 180}, {225, 105, 10}, {40, 150, 60},   {200, 40, 45},  {130, 90, 190},
                              {130, 85, 70},  {215, 95, 170}, {110, 110, 110}, {20, 165, 185}, {160, 160, 30}};
  return colors[index % std::size(colors)];
}

double height_of(Chart const& chart, double width) {
  Scene nowhere;
  return height_without_legend + draw_legend(nowhere, chart.series, 0, 0, width - 24);
}

void draw(Scene& scene, Chart const& chart, double x, double y, double width) {
  scene.add(Scene::Text{{x + 12, y + 20}, chart.title, title_size, Scene::Anchor::start, ink});
  double const legend = draw_legend(scene, chart.series, x + 12, y + 40, width - 24);
  Axis const axis(chart);
  auto const marks = axis.marks();
  double names = 0;
  for (auto const& [value, text] : marks) names = std::max(names, width_of(text, text_size));
  Box const box{x + 20 + names, y + 32 + legend + (chart.marks.empty() ? 0 : 18), x + width - 16,
                y + height_without_legend + legend - 42};
  double last = 1;
  for (auto const& series : chart.series)
    for (auto const& point : series.points) last = std::max(last, point.x);
  auto const across = [&](double step) { return box.left + step / last * (box.right - box.left); };
  auto const place = [&](Point p) { return Point{across(p.x), box.bottom - axis.part(p.y) * (box.bottom - box.top)}; };
  for (auto const& [value, text] : marks) {
    double const level = place({0, value}).y;
    draw_line(scene, {box.left, level}, {box.right, level}, grid);
    scene.add(Scene::Text{{box.left - 7, level + 4}, text, text_size, Scene::Anchor::end, ink});
  }
  auto const below = ticks(0, last, static_cast<int>(std::max(2.0, (box.right - box.left) / 75)));
  for (double const step : below) {
    if (step > last) continue;
    draw_line(scene, {across(step), box.bottom}, {across(step), box.bottom + 4}, ink);
    scene.add(Scene::Text{{across(step), box.bottom + 17},
                          tick_text(step, std::max(1.0, below[1] - below[0])),
                          text_size,
                          Scene::Anchor::middle,
                          ink});
  }
  for (auto const& [step, text] : chart.marks) {
    draw_line(scene, {across(step), box.top}, {across(step), box.bottom}, grid);
    scene.add(Scene::Text{{across(step), box.top - 5}, text, text_size - 1, Scene::Anchor::middle, pale});
  }
  if (!chart.marks.empty())
    scene.add(Scene::Text{{box.left - 7, box.top - 5}, chart.marks_label, text_size - 1, Scene::Anchor::end, pale});
  scene.add(
      Scene::Text{{(box.left + box.right) / 2, box.bottom + 34}, chart.x_label, text_size, Scene::Anchor::middle, ink});
  scene.add(Scene::Line{{{box.left, box.top}, {box.left, box.bottom}, {box.right, box.bottom}}, ink, 1});
  for (bool const faint : {true, false})
    for (auto const& series : chart.series)
      if (series.faint == faint) draw_series(scene, series, place);
}

double height_of(Heat const& heat, double width) { return cells_of(heat, width).height; }

void draw(Scene& scene, Heat const& heat, double x, double y, double width) {
  auto const cells = cells_of(heat, width);
  auto const parts = parts_of(heat);
  double const left = x + cells.left, top = y + cells.top;
  double const wide = cells.size_x * static_cast<double>(heat.width),
               high = cells.size_y * static_cast<double>(heat.height);
  scene.add(Scene::Text{{x + 12, y + 20}, heat.title, title_size, Scene::Anchor::start, ink});
  bool const large = std::max(heat.height, heat.width) > most_cells;
  if (large) {
    Picture picture(static_cast<int>(heat.width), static_cast<int>(heat.height));
    for (std::size_t i = 0; i < parts.size(); ++i) picture.pixels[i] = shade(parts[i]);
    scene.add(Scene::Image{left, top, wide, high, std::move(picture)});
    scene.add(Scene::Text{{left - 6, top + 10}, "0", text_size, Scene::Anchor::end, ink});
    scene.add(Scene::Text{{left - 6, top + high}, std::to_string(heat.height - 1), text_size, Scene::Anchor::end, ink});
    scene.add(Scene::Text{{left, top + high + 14}, "0", text_size, Scene::Anchor::start, ink});
    scene.add(Scene::Text{
        {left + wide, top + high + 14}, std::to_string(heat.width - 1), text_size, Scene::Anchor::end, ink});
  }
  for (std::size_t i = 0; i < heat.height && !large; ++i) {
    double const level = top + cells.size_y * static_cast<double>(i);
    scene.add(Scene::Text{
        {left - 6, level + cells.size_y / 2 + 4}, name_of(heat.rows, i), text_size, Scene::Anchor::end, ink});
    for (std::size_t k = 0; k < heat.width; ++k) {
      double const part = parts[i * heat.width + k], at = left + cells.size_x * static_cast<double>(k);
      scene.add(Scene::Rect{at, level, cells.size_x - 1, cells.size_y - 1, shade(part)});
      auto const text = cell_text(heat.values[i * heat.width + k]);
      double const size =
          std::min(text_size, text_size * (cells.size_x - 4) / std::max(1.0, width_of(text, text_size)));
      if (size >= 6)
        scene.add(Scene::Text{{at + (cells.size_x - 1) / 2, level + cells.size_y / 2 + size * 0.35},
                              text,
                              size,
                              Scene::Anchor::middle,
                              part > 0.5 ? white : ink});
    }
  }
  for (std::size_t k = 0; k < heat.width && !large; ++k) {
    double const at = left + cells.size_x * (static_cast<double>(k) + 0.5);
    if (cells.upright)
      scene.add(
          Scene::Text{{at + 4, top + high + 6}, name_of(heat.columns, k), text_size, Scene::Anchor::end, ink, true});
    else scene.add(Scene::Text{{at, top + high + 14}, name_of(heat.columns, k), text_size, Scene::Anchor::middle, ink});
  }
  scene.add(
      Scene::Text{{left + wide / 2, y + cells.height - 6}, heat.column_label, text_size, Scene::Anchor::middle, ink});
  if (!heat.row_label.empty())
    scene.add(Scene::Text{{x + 20, top + high / 2}, heat.row_label, text_size, Scene::Anchor::middle, ink, true});
}

} // namespace command
