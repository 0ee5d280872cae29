// A page of HTML that needs nothing beside it.
#pragma once

#include "tools/nnc/results/scene.h"

#include <string>
#include <vector>

namespace command {

class Page {
public:
  explicit Page(std::string const& title);
  void paragraph(std::string const& text);
  void heading(std::string const& text);
  void table(std::vector<std::string> const& head, std::vector<std::vector<std::string>> const& rows);
  void words(std::string const& text);                              // as they are, in a font of one width
  void folded(std::string const& heading, std::string const& text); // words that are shown when asked for
  void drawing(Scene const&);
  // Cards side by side: pictures with lines of text below each.
  struct Card {
    std::vector<Picture> pictures;
    std::vector<std::string> lines; // the first stands out
  };
  void cards(std::vector<Card> const&);
  std::string html() const;

private:
  std::string title_, body_;
};

} // namespace command
