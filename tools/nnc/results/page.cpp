#include "tools/nnc/results/page.h"

#include <algorithm>
#include <fmt/core.h>

namespace command {
namespace {

constexpr char const* style = R"(
body { margin: 2em auto; max-width: 62em; padding: 0 1.5em; font: 15px/1.5 Helvetica, Arial, sans-serif; color: #222; background: #fff }
h1 { font-size: 1.6em; margin-bottom: 0.2em }
h2 { font-size: 1.2em; margin-top: 2em; padding-bottom: 0.2em; border-bottom: 1px solid #ddd }
table { border-collapse: collapse; margin: 0.8em 0 }
th, td { text-align: left; padding: 0.15em 1.4em 0.15em 0; vertical-align: top; overflow-wrap: anywhere }
th { color: #666; font-weight: normal; border-bottom: 1px solid #ddd }
td { font-variant-numeric: tabular-nums }
pre { font: 12px/1.45 Menlo, Consolas, "DejaVu Sans Mono", monospace; background: #f6f6f4; padding: 0.9em; overflow-x: auto }
svg { max-width: 100%; height: auto }
.cards { display: flex; flex-wrap: wrap; gap: 14px }
.card { font-size: 12px; line-height: 1.35; max-width: 16em; overflow-wrap: anywhere }
.card img { display: inline-block; margin-right: 4px; image-rendering: pixelated; border: 1px solid #ddd }
.card b { display: block }
summary { cursor: pointer; color: #1f6eb4 }
)";

std::string row(std::vector<std::string> const& cells, char const* tag) {
  std::string text = "<tr>";
  for (auto const& cell : cells) text += fmt::format("<{0}>{1}</{0}>", tag, escaped_for_xml(cell));
  return text + "</tr>\n";
}

} // namespace

Page::Page(std::string const& title) : title_(escaped_for_xml(title)) {}

void Page::paragraph(std::string const& text) { body_ += fmt::format("<p>{}</p>\n", escaped_for_xml(text)); }
void Page::heading(std::string const& text) { body_ += fmt::format("<h2>{}</h2>\n", escaped_for_xml(text)); }

void Page::table(std::vector<std::string> const& head, std::vector<std::vector<std::string>> const& rows) {
  body_ += "<table>\n";
  if (!head.empty()) body_ += row(head, "th");
  for (auto const& cells : rows) body_ += row(cells, "td");
  body_ += "</table>\n";
}

void Page::words(std::string const& text) { body_ += fmt::format("<pre>{}</pre>\n", escaped_for_xml(text)); }

void Page::folded(std::string const& heading, std::string const& text) {
  body_ += fmt::format("<details><summary>{}</summary>\n", escaped_for_xml(heading));
  words(text);
  body_ += "</details>\n";
}

void Page::drawing(Scene const& scene) { body_ += svg(scene); }

void Page::cards(std::vector<Card> const& cards) {
  constexpr int side = 84; // a picture is enlarged until it is at least as large
  body_ += "<div class=\"cards\">\n";
  for (auto const& card : cards) {
    body_ += "<div class=\"card\">";
    for (auto const& picture : card.pictures) {
      int const larger = std::max(1, (side + std::max(picture.width, picture.height) - 1) /
                                         std::max({1, picture.width, picture.height}));
      body_ += fmt::format("<img alt=\"\" width=\"{}\" height=\"{}\" src=\"data:image/png;base64,{}\">",
                           larger * picture.width, larger * picture.height, base64(png(picture)));
    }
    for (std::size_t i = 0; i < card.lines.size(); ++i)
      body_ +=
          i == 0 ? fmt::format("<b>{}</b>", escaped_for_xml(card.lines[i])) : escaped_for_xml(card.lines[i]) + "<br>";
    body_ += "</div>\n";
  }
  body_ += "</div>\n";
}

std::string Page::html() const {
  return fmt::format("<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n<meta name=\"viewport\" "
                     "content=\"width=device-width\">\n<link rel=\"icon\" href=\"data:,\">\n<title>{0}</title>\n"
                     "<style>{1}</style>\n</head>\n<body>\n<h1>{0}</h1>\n{2}</body>\n</html>\n",
                     title_, style, body_);
}

} // namespace command
