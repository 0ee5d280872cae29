#include "tools/nnc/results/scene.h"

#include "nnc/nnc.hpp"

#include <algorithm>
#include <cmath>
#include <fmt/core.h>

namespace command {
namespace {

std::string hex(Color color) { return fmt::format("#{:02x}{:02x}{:02x}", color.red, color.green, color.blue); }

// Hundredths of a unit are enough for any screen.
std::string number(double value) {
  double const rounded = std::round(value * 100) / 100;
  return fmt::format("{}", rounded == 0 ? 0.0 : rounded);
}

std::string element(Scene::Line const& line) {
  std::string points;
  for (auto const& point : line.points)
    points += fmt::format("{}{},{}", points.empty() ? "" : " ", number(point.x), number(point.y));
  if (line.points.size() == 1) points += " " + points;
  return fmt::format("<polyline points=\"{}\" fill=\"none\" stroke=\"{}\" stroke-width=\"{}\" stroke-linecap=\"round\" "
                     "stroke-linejoin=\"round\"{}{}/>\n",
                     points, hex(line.color), number(line.width), line.dashed ? " stroke-dasharray=\"5 4\"" : "",
                     line.opacity < 1 ? fmt::format(" opacity=\"{}\"", number(line.opacity)) : "");
}

std::string element(Scene::Rect const& rect) {
  return fmt::format("<rect x=\"{}\" y=\"{}\" width=\"{}\" height=\"{}\" fill=\"{}\"/>\n", number(rect.x),
                     number(rect.y), number(rect.width), number(rect.height), hex(rect.fill));
}

std::string element(Scene::Text const& text) {
  constexpr char const* anchors[] = {"", " text-anchor=\"middle\"", " text-anchor=\"end\""};
  auto const turn =
      text.upwards ? fmt::format(" transform=\"rotate(-90 {} {})\"", number(text.at.x), number(text.at.y)) : "";
  return fmt::format("<text x=\"{}\" y=\"{}\" font-size=\"{}\" fill=\"{}\"{}{}>{}</text>\n", number(text.at.x),
                     number(text.at.y), number(text.size), hex(text.color), anchors[static_cast<int>(text.anchor)],
                     turn, escaped_for_xml(text.text));
}

std::string element(Scene::Image const& image) {
  return fmt::format("<image x=\"{}\" y=\"{}\" width=\"{}\" height=\"{}\" preserveAspectRatio=\"none\" "
                     "style=\"image-rendering:pixelated\" href=\"data:image/png;base64,{}\"/>\n",
                     number(image.x), number(image.y), number(image.width), number(image.height),
                     base64(png(image.picture)));
}

} // namespace

std::string svg(Scene const& scene) {
  auto text = fmt::format("<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{0}\" height=\"{1}\" viewBox=\"0 0 {0} "
                          "{1}\" font-family=\"Helvetica, Arial, sans-serif\">\n"
                          "<rect width=\"{0}\" height=\"{1}\" fill=\"#ffffff\"/>\n",
                          number(scene.width), number(scene.height));
  for (auto const& item : scene.items) text += std::visit([](auto const& one) { return element(one); }, item);
  return text + "</svg>\n";
}

std::string drawn(Scene const& scene, std::string const& file) {
  constexpr double pixels_per_unit = 2; // as screens of today have
  return file.ends_with(".svg") || file.ends_with(".SVG") ? svg(scene) : png(pixels(scene, pixels_per_unit));
}

std::string escaped_for_xml(std::string const& text) {
  std::string out;
  for (size_t begin = 0; begin <= text.size();) {
    auto const end = std::min(text.find_first_of("\n\t", begin), text.size());
    for (char const c : nnc::printable(text.substr(begin, end - begin))) {
      if (c == '<') out += "&lt;";
      else if (c == '>') out += "&gt;";
      else if (c == '&') out += "&amp;";
      else if (c == '"') out += "&quot;";
      else out += c;
    }
    if (end < text.size()) out += text[end];
    begin = end + 1;
  }
  return out;
}

} // namespace command
