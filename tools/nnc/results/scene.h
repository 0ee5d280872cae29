// A drawing of lines, rectangles, texts and pictures, and its two forms: SVG and pixels.
//
// Coordinates are in units of which a screen has one per pixel, from the upper left. What comes later lies above.
#pragma once

#include "tools/nnc/results/picture.h"

#include <string>
#include <variant>
#include <vector>

namespace command {

struct Point {
  double x = 0, y = 0;
};

struct Scene {
  struct Line { // through all points, with round joints and ends; a line of one point is a dot
    std::vector<Point> points;
    Color color;
    double width = 1;
    bool dashed = false;
    double opacity = 1;
  };
  struct Rect {
    double x = 0, y = 0, width = 0, height = 0;
    Color fill;
  };
  enum class Anchor { start, middle, end };
  struct Text { // `at` is on the base line
    Point at;
    std::string text;
    double size = 12; // of a line of text
    Anchor anchor = Anchor::start;
    Color color = black;
    bool upwards = false; // is read from below
  };
  struct Image { // its pixels keep their edges
    double x = 0, y = 0, width = 0, height = 0;
    Picture picture;
  };
  using Item = std::variant<Line, Rect, Text, Image>;

  double width = 0, height = 0;
  std::vector<Item> items;
  void add(Item item) { items.push_back(std::move(item)); }
};

std::string svg(Scene const&);
// With so many pixels for each unit.
Picture pixels(Scene const&, double scale);
// By the ending of the file, ".svg" or ".png".
std::string drawn(Scene const&, std::string const& file);

// In SVG and HTML: <, >, & and quotes are spelled out, and so are bytes that are no UTF-8 and control characters.
std::string escaped_for_xml(std::string const& text);

// How wide a text is in the font of `pixels`, which is about as wide as that of a browser.
double width_of(std::string const& text, double size);

} // namespace command
