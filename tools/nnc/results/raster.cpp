// A scene as pixels. What covers a part of a pixel is mixed with what is there, in that proportion.
#include "tools/nnc/results/font.h"
#include "tools/nnc/results/scene.h"

#include <algorithm>
#include <cmath>

namespace command {
namespace {

constexpr double weight_of_text = 0.085; // the width of a stroke, as a part of the size
constexpr double dash = 5, gap = 4;

double distance(Point p, Point a, Point b) { // from p to the segment a b
  double const dx = b.x - a.x, dy = b.y - a.y, length = dx * dx + dy * dy;
  double const t = length > 0 ? std::clamp(((p.x - a.x) * dx + (p.y - a.y) * dy) / length, 0.0, 1.0) : 0;
  return std::hypot(p.x - a.x - t * dx, p.y - a.y - t * dy);
}

std::uint8_t mixed(std::uint8_t below, std::uint8_t above, double part) {
  return static_cast<std::uint8_t>(std::lround(below + part * (above - below)));
}

// A line in pieces of dashes.
std::vector<std::vector<Point>> dashes(std::vector<Point> const& points, double scale) {
  std::vector<std::vector<Point>> all;
  bool drawing = true;
  double left = dash * scale;
  std::vector<Point> now{points.front()};
  for (std::size_t i = 1; i < points.size(); ++i) {
    Point from = points[i - 1];
    auto const to = points[i];
    for (double length; (length = std::hypot(to.x - from.x, to.y - from.y)) > left;) {
      from = {from.x + (to.x - from.x) * left / length, from.y + (to.y - from.y) * left / length};
      now.push_back(from);
      if (drawing) all.push_back(now);
      now = {from};
      drawing = !drawing;
      left = (drawing ? dash : gap) * scale;
    }
    left -= std::hypot(to.x - from.x, to.y - from.y);
    now.push_back(to);
  }
  if (drawing) all.push_back(now);
  return all;
}

class Painter {
public:
  Painter(Scene const& scene, double scale)
      : scale_(scale),
        out_(static_cast<int>(std::ceil(scene.width * scale)), static_cast<int>(std::ceil(scene.height * scale))),
        covered_(out_.pixels.size()) {
    for (auto const& item : scene.items) std::visit([this](auto const& one) { draw(one); }, item);
  }
  Picture picture() && { return std::move(out_); }

private:
  void draw(Scene::Line const& line) {
    if (line.points.empty()) return;
    std::vector<Point> points;
    for (auto const& point : line.points) points.push_back({point.x * scale_, point.y * scale_});
    if (line.dashed) stroke(dashes(points, scale_), line.width * scale_, line.color, line.opacity);
    else stroke({points}, line.width * scale_, line.color, line.opacity);
  }

  void draw(Scene::Text const& text) {
    auto strokes = strokes_of(text.text, text.size * scale_);
    double const width = width_of(text.text, text.size * scale_);
    double const back = text.anchor == Scene::Anchor::start ? 0 : text.anchor == Scene::Anchor::end ? width : width / 2;
    for (auto& one : strokes)
      for (auto& p : one)
        p = text.upwards ? Point{text.at.x * scale_ - p.y, text.at.y * scale_ - (p.x - back)}
                         : Point{text.at.x * scale_ + p.x - back, text.at.y * scale_ - p.y};
    stroke(strokes, std::max(1.0, text.size * weight_of_text * scale_), text.color, 1);
  }

  void draw(Scene::Rect const& rect) {
    double const left = rect.x * scale_, right = left + rect.width * scale_;
    double const top = rect.y * scale_, bottom = top + rect.height * scale_;
    for (int y = row(top); y < row(std::ceil(bottom)); ++y)
      for (int x = column(left); x < column(std::ceil(right)); ++x)
        mix(x, y, rect.fill,
            std::max(0.0, std::min(x + 1.0, right) - std::max<double>(x, left)) *
                std::max(0.0, std::min(y + 1.0, bottom) - std::max<double>(y, top)));
  }

  void draw(Scene::Image const& image) {
    double const left = image.x * scale_, top = image.y * scale_;
    double const width = image.width * scale_, height = image.height * scale_;
    auto const& from = image.picture;
    for (int y = row(std::round(top)); y < row(std::round(top + height)); ++y)
      for (int x = column(std::round(left)); x < column(std::round(left + width)); ++x) {
        int const u = static_cast<int>((x + 0.5 - left) / width * from.width);
        int const v = static_cast<int>((y + 0.5 - top) / height * from.height);
        out_.at(x, y) = from.at(std::clamp(u, 0, from.width - 1), std::clamp(v, 0, from.height - 1));
      }
  }

  // Where strokes cross or join they cover a pixel once.
  void stroke(std::vector<std::vector<Point>> const& strokes, double width, Color color, double opacity) {
    double const reach = width / 2 + 0.5;
    touched_.clear();
    for (auto const& points : strokes)
      for (std::size_t i = 0; i < points.size(); ++i) {
        if (i == 0 && points.size() > 1) continue;
        auto const a = points[i == 0 ? 0 : i - 1], b = points[i];
        cover_segment(a, b, reach);
      }
    for (auto const at : touched_) {
      auto const index = static_cast<int>(at);
      mix(index % out_.width, index / out_.width, color, covered_[at] * opacity);
      covered_[at] = 0;
    }
  }

  // Row by row, only the columns that a line of this slope can reach.
  void cover_segment(Point a, Point b, double reach) {
    if (a.y > b.y) std::swap(a, b);
    double const slope = b.y > a.y ? (b.x - a.x) / (b.y - a.y) : 0;
    bool const flat = b.y - a.y < 1e-9;
    double const side = reach * std::hypot(1, slope);
    for (int y = row(a.y - reach); y < row(b.y + reach + 1); ++y) {
      double left = std::min(a.x, b.x) - reach, right = std::max(a.x, b.x) + reach;
      if (!flat) {
        double const first = a.x + (y - a.y) * slope, last = first + slope;
        left = std::max(left, std::min(first, last) - side);
        right = std::min(right, std::max(first, last) + side);
      }
      for (int x = column(left); x < column(right + 1); ++x) {
        auto const part = static_cast<float>(std::clamp(reach - distance({x + 0.5, y + 0.5}, a, b), 0.0, 1.0));
        auto const at =
            static_cast<std::size_t>(y) * static_cast<std::size_t>(out_.width) + static_cast<std::size_t>(x);
        if (part <= covered_[at]) continue;
        if (covered_[at] == 0) touched_.push_back(at);
        covered_[at] = part;
      }
    }
  }

  void mix(int x, int y, Color color, double part) {
    auto& below = out_.at(x, y);
    below = {mixed(below.red, color.red, part), mixed(below.green, color.green, part),
             mixed(below.blue, color.blue, part)};
  }

  int column(double x) const {
    return static_cast<int>(std::clamp(std::floor(x), 0.0, static_cast<double>(out_.width)));
  }
  int row(double y) const { return static_cast<int>(std::clamp(std::floor(y), 0.0, static_cast<double>(out_.height))); }

  double scale_;
  Picture out_;
  std::vector<float> covered_; // by the strokes that are being drawn
  std::vector<std::size_t> touched_;
};

} // namespace

Picture pixels(Scene const& scene, double scale) { return Painter(scene, scale).picture(); }

} // namespace command
