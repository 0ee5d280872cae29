// A panel of curves over a common axis, and one of a table of numbers.
#pragma once

#include "tools/nnc/results/scene.h"

#include <string>
#include <utility>
#include <vector>

namespace command {

struct Series {
  std::string label; // in the legend; empty: it is not there
  Color color;
  std::vector<Point> points; // y may be NaN: the curve has a gap
  bool dashed = false, dots = false, faint = false;
};

struct Chart {
  std::string title, x_label;
  std::vector<Series> series;
  std::vector<std::pair<double, std::string>> marks; // of the axis above, with their x: ends of epochs
  std::string marks_label;
  bool linear = false; // the axis of y, whatever its numbers are
};

struct Heat { // a table of one or two axes
  std::string title;
  std::vector<std::string> rows, columns; // names; empty: numbers
  std::string row_label, column_label;
  std::size_t height = 0, width = 0;
  std::vector<double> values;
  bool by_row = false; // a color is a share of its row's sum
};

// Numbers for an axis: at least two, at most `most` + 1, in steps of 1, 2 or 5 times a power of ten.
std::vector<double> ticks(double low, double high, int most);
// As the numbers of an axis are written: with as many decimals as a step of these ticks needs.
std::string tick_text(double value, double step);

// Draws into a box of the scene, which is as high as height_of says.
void draw(Scene&, Chart const&, double x, double y, double width);
void draw(Scene&, Heat const&, double x, double y, double width);
double height_of(Chart const&, double width);
double height_of(Heat const&, double width);

// The color number `index` of curves, all well apart; they repeat.
Color color_of_curve(std::size_t index);

} // namespace command
