// Capitals are 14 units high, small letters 10, descenders 4. The strokes of a letter are separated by ";", their
// points by blanks. A stroke that begins with "~" is a quadratic B-spline from its first to its last point, one that
// begins with "o" a closed one: it touches the middles of its polygon's sides.
#include "tools/nnc/results/font.h"

#include <array>
#include <cstdlib>
#include <string_view>

namespace command {
namespace {

struct Glyph {
  char letter;
  double width;
  char const* strokes;
};

constexpr Glyph glyphs[] = {
    {' ', 3, ""},
    {'!', 2, "1,14 1,4;1,0 1,0.4"},
    {'"', 5, "1,14 1,10;4,14 4,10"},
    {'#', 10, "2.5,0 4.5,14;6,0 8,14;0.5,4.5 9,4.5;1,9.5 9.5,9.5"},
    {'$', 8, "~7.5,11 7.5,13.5 0.5,14 -0.5,7.5 8.5,7 8.5,-0.5 0,0 0,3;4,16 4,-2"},
    {'%', 11, "o0,8 4.5,8 4.5,14 0,14;o6.5,0 11,0 11,6 6.5,6;9.5,14 1.5,0"},
    {'&', 10, "~10,0 2,9 1,14 6.5,15 6,9.5 0,6 -0.5,0 6,-1 9.5,5.5"},
    {'\'', 2, "1,14 1,10"},
    {'(', 4, "~3.5,15.5 0,12 0,-1 3.5,-3.5"},
    {')', 4, "~0.5,15.5 4,12 4,-1 0.5,-3.5"},
    {'*', 8, "4,13 4,7;1.2,11.5 6.8,8.5;1.2,8.5 6.8,11.5"},
    {'+', 8, "0,6 8,6;4,2 4,10"},
    {',', 2, "1.3,0.4 0.5,-2.5"},
    {'-', 6, "0,5.5 6,5.5"},
    {'.', 2, "1,0 1,0.4"},
    {'/', 6, "0,-2 6,15"},
    {'0', 8, "o0,0 8,0 8,14 0,14"},
    {'1', 8, "1,11 4.5,14 4.5,0"},
    {'2', 8, "~0,10.5 0,14 8,14 8,8.5 0,0;0,0 8,0"},
    {'3', 8, "~0,11.5 0,14 7.5,14.3 7.5,7.5 3,7.5;~3,7.5 8,7.5 8,-0.3 0,-0.3 0,3"},
    {'4', 8, "6,0 6,14 0,4 8.5,4"},
    {'5', 8, "7,14 1,14 0.5,8;~0.5,8 2.5,9.3 8,9.5 8,0 0.5,-0.8 0,2.8"},
    {'6', 8, "~7,13 5.5,14.5 0,14.8 0,4.5;o0,0 8,0 8,9 0,9"},
    {'7', 8, "0,14 8,14 3,0"},
    {'8', 8, "o0.5,7.6 7.5,7.6 7.5,14 0.5,14;o0,0 8,0 8,7.6 0,7.6"},
    {'9', 8, "~1,1 2.5,-0.5 8,-0.8 8,9.5;o0,5 8,5 8,14 0,14"},
    {':', 2, "1,0 1,0.4;1,8.5 1,8.9"},
    {';', 2, "1.3,0.4 0.5,-2.5;1.2,8.5 1.2,8.9"},
    {'<', 8, "7.5,11 0.5,6 7.5,1"},
    {'=', 8, "0,4 8,4;0,8 8,8"},
    {'>', 8, "0.5,11 7.5,6 0.5,1"},
    {'?', 7, "~0,11 0,14 7,14.5 7,9.5 3.5,8 3.5,4;3.5,0 3.5,0.4"},
    {'@', 13, "o4,4 8.5,4 8.5,10 4,10;~8.5,10 8,3.5 12.8,3 12.5,14 0,15.5 0,-3 5,-3 10,-2"},
    {'A', 10, "0,0 5,14 10,0;1.8,5 8.2,5"},
    {'B', 9, "3.8,0 0.5,0 0.5,14 3.8,14;~3.8,14 8,14 8,7.5 3.8,7.5;0.5,7.5 4,7.5;~4,7.5 9,7.5 9,0 3.8,0"},
    {'C', 10, "~9.5,11 8.5,14 0,14.8 0,-0.8 8.5,0 9.5,3"},
    {'D', 10, "3.5,0 0.5,0 0.5,14 3.5,14;~3.5,14 9.8,14 9.8,0 3.5,0"},
    {'E', 8, "8,0 0.5,0 0.5,14 8,14;0.5,7.5 7,7.5"},
    {'F', 8, "0.5,0 0.5,14 8,14;0.5,7.5 6.5,7.5"},
    {'G', 10, "~9.5,11 8.5,14 0,14.8 0,-0.8 9.5,-0.8 9.8,3.5;9.8,3.5 9.8,6.5 5.5,6.5"},
    {'H', 10, "0.5,0 0.5,14;9.5,0 9.5,14;0.5,7.5 9.5,7.5"},
    {'I', 2, "1,0 1,14"},
    {'J', 7, "6,14 6,4;~6,4 6,0 0,-1 0,3.5"},
    {'K', 9, "0.5,0 0.5,14;8.3,14 0.5,5.5;3.3,8.6 8.8,0"},
    {'L', 8, "0.5,14 0.5,0 7.5,0"},
    {'M', 12, "0.5,0 0.5,14 6,3 11.5,14 11.5,0"},
    {'N', 10, "0.5,0 0.5,14 9.5,0 9.5,14"},
    {'O', 11, "o0,0 11,0 11,14 0,14"},
    {'P', 9, "0.5,0 0.5,14 4,14;~4,14 8.5,14 8.5,6.5 4,6.5;4,6.5 0.5,6.5"},
    {'Q', 11, "o0,0 11,0 11,14 0,14;7,3.5 11,-1"},
    {'R', 9, "0.5,0 0.5,14 4,14;~4,14 8.5,14 8.5,6.5 4,6.5;4,6.5 0.5,6.5;4.5,6.5 9,0"},
    {'S', 9, "~8,11 7.8,14 0.7,14.5 -0.3,7.7 9,7 9,-0.5 0.3,-0.3 0.2,3.2"},
    {'T', 9, "0,14 9,14;4.5,14 4.5,0"},
    {'U', 10, "0.5,14 0.5,5;~0.5,5 0.5,-0.2 9.5,-0.2 9.5,5;9.5,5 9.5,14"},
    {'V', 10, "0,14 5,0 10,14"},
    {'W', 14, "0,14 3.5,0 7,14 10.5,0 14,14"},
    {'X', 9, "0.2,14 9,0;0,0 8.8,14"},
    {'Y', 9, "0,14 4.5,7 9,14;4.5,7 4.5,0"},
    {'Z', 9, "0.3,14 8.5,14 0.3,0 8.7,0"},
    {'[', 4, "3.5,15 0.5,15 0.5,-3 3.5,-3"},
    {'\\', 6, "0,15 6,-2"},
    {']', 4, "0.5,15 3.5,15 3.5,-3 0.5,-3"},
    {'^', 8, "1,9 4,14 7,9"},
    {'_', 8, "0,-2 8,-2"},
    {'`', 4, "1,14 3,11"},
    {'a', 8, "o0,-0.2 7.5,-0.2 7.5,10.2 0,10.2;7.5,10 7.5,0"},
    {'b', 8, "0.5,14 0.5,0;o0.5,-0.2 8,-0.2 8,10.2 0.5,10.2"},
    {'c', 7, "~7,8 6,10 0,10.7 0,-0.7 6,0 7,2"},
    {'d', 8, "7.5,14 7.5,0;o0,-0.2 7.5,-0.2 7.5,10.2 0,10.2"},
    {'e', 8, "0,5.2 7.8,5.2;~7.8,5.2 8,10.4 0,10.6 0,-0.7 6.5,-0.4 7.5,2"},
    {'f', 5, "~5,14 1.8,14.5 1.8,10;1.8,10 1.8,0;0,9.5 4.5,9.5"},
    {'g', 8, "7.5,10 7.5,-1;~7.5,-1 7.5,-4.5 1,-5 0.5,-2;o0,-0.2 7.5,-0.2 7.5,10.2 0,10.2"},
    {'h', 8, "0.5,14 0.5,0;~0.5,6.5 1,10 7.5,11 7.5,5.5;7.5,5.5 7.5,0"},
    {'i', 2, "1,10 1,0;1,13.4 1,13.7"},
    {'j', 3, "2,10 2,-1;~2,-1 2,-4 -0.5,-4;2,13.4 2,13.7"},
    {'k', 7, "0.5,14 0.5,0;6.6,10 0.5,3.8;2.8,6.2 7,0"},
    {'l', 3, "1,14 1,2;~1,2 1,0 2.8,0"},
    {'m', 12, "0.5,10 0.5,0;~0.5,6.5 1,10 6,11 6,5.5;6,5.5 6,0;~6,6.5 6.5,10 11.5,11 11.5,5.5;11.5,5.5 11.5,0"},
    {'n', 8, "0.5,10 0.5,0;~0.5,6.5 1,10 7.5,11 7.5,5.5;7.5,5.5 7.5,0"},
    {'o', 8, "o0,-0.2 8,-0.2 8,10.2 0,10.2"},
    {'p', 8, "0.5,10 0.5,-4;o0.5,-0.2 8,-0.2 8,10.2 0.5,10.2"},
    {'q', 8, "7.5,10 7.5,-4;o0,-0.2 7.5,-0.2 7.5,10.2 0,10.2"},
    {'r', 5, "0.5,10 0.5,0;~0.5,6 1,10.4 4.8,10"},
    {'s', 7, "~6.5,8 6.2,10 0.2,10.6 0,5.4 7,4.9 7,-0.5 0.2,-0.3 0,2"},
    {'t', 5, "1.8,13.5 1.8,3;~1.8,3 1.8,-0.5 5,0;0,10 4.8,10"},
    {'u', 8, "0.5,10 0.5,4;~0.5,4 0.5,-1 7,-1 7.5,3.5;7.5,10 7.5,0"},
    {'v', 8, "0,10 4,0 8,10"},
    {'w', 12, "0,10 3,0 6,10 9,0 12,10"},
    {'x', 8, "0.2,10 7.8,0;0.2,0 7.8,10"},
    {'y', 8, "0,10 4,0;8,10 4,0;~4,0 2.8,-3.5 0.5,-4.2"},
    {'z', 7, "0.2,10 6.8,10 0.2,0 7,0"},
    {'{', 5, "~4.5,15 2,15.5 2.5,6.5 0,6;~0,6 2.5,5.5 2,-3.5 4.5,-3"},
    {'|', 2, "1,15 1,-3"},
    {'}', 5, "~0.5,15 3,15.5 2.5,6.5 5,6;~5,6 2.5,5.5 3,-3.5 0.5,-3"},
    {'~', 8, "~0,5 1,8.5 4,6.5 7,4 8,7.5"},
};

constexpr Glyph other{'\0', 8, "0,0 8,0 8,14 0,14 0,0"};
constexpr double units = 20;  // in a line of text
constexpr double between = 3; // two letters

Glyph const& glyph_of(char letter) {
  auto const index = static_cast<std::size_t>(static_cast<unsigned char>(letter)) - ' ';
  return index < std::size(glyphs) ? glyphs[index] : other;
}

// One for each character; the bytes of a character that is not ASCII begin with 11 in binary, and go on with 10.
template <class See>
void each_glyph(std::string const& text, See see) {
  for (char const c : text)
    if ((static_cast<unsigned char>(c) & 0xc0) != 0x80) see(glyph_of(c));
}

std::vector<Point> points_of(std::string_view stroke) {
  std::vector<Point> points;
  std::string const text(stroke);
  for (char const* at = text.c_str(); *at;) {
    char* end = nullptr;
    double const x = std::strtod(at, &end);
    double const y = std::strtod(end + 1, &end);
    points.push_back({x, y});
    at = end + (*end == ' ');
  }
  return points;
}

Point middle(Point a, Point b) { return {(a.x + b.x) / 2, (a.y + b.y) / 2}; }

void add_arc(std::vector<Point>& out, Point from, Point control, Point to) {
  constexpr int steps = 6;
  for (int i = 1; i <= steps; ++i) {
    double const t = static_cast<double>(i) / steps, u = 1 - t;
    out.push_back(
        {u * u * from.x + 2 * u * t * control.x + t * t * to.x, u * u * from.y + 2 * u * t * control.y + t * t * to.y});
  }
}

std::vector<Point> curve(std::vector<Point> const& p, bool closed) {
  std::vector<Point> out{closed ? middle(p.back(), p.front()) : p.front()};
  for (std::size_t i = closed ? 0 : 1; i < p.size() - (closed ? 0 : 1); ++i) {
    bool const last = !closed && i + 2 == p.size();
    add_arc(out, out.back(), p[i], last ? p[i + 1] : middle(p[i], p[(i + 1) % p.size()]));
  }
  return out;
}

} // namespace

std::vector<std::vector<Point>> strokes_of(std::string const& text, double size) {
  std::vector<std::vector<Point>> all;
  double const unit = size / units;
  double begin = 0;
  each_glyph(text, [&](Glyph const& glyph) {
    std::string_view rest = glyph.strokes;
    while (!rest.empty()) {
      auto stroke = rest.substr(0, rest.find(';'));
      rest.remove_prefix(std::min(rest.size(), stroke.size() + 1));
      bool const open = stroke[0] == '~', closed = stroke[0] == 'o';
      if (open || closed) stroke.remove_prefix(1);
      auto points = points_of(stroke);
      if (open || closed) points = curve(points, closed);
      for (auto& point : points) point = {(begin + point.x) * unit, point.y * unit};
      all.push_back(std::move(points));
    }
    begin += glyph.width + between;
  });
  return all;
}

double width_of(std::string const& text, double size) {
  double width = 0;
  each_glyph(text, [&](Glyph const& glyph) { width += glyph.width + between; });
  return width * size / units;
}

} // namespace command
