// What a person sees: standard error, with a progress line only where it is a terminal.
#pragma once

#include "nnc/nnc.hpp"

#include <string>

namespace command {

class Screen {
public:
  // `plain`: no colors (--no-color; NO_COLOR and TERM=dumb are respected too).
  explicit Screen(bool plain);

  void say(std::string const& line);     // one line that stays
  void error(std::string const& text);   // the first "error:" stands out
  void warning(std::string const& text); // the first "warning:"
  void progress(nnc::Progress const&);   // replaces the progress line
  void epoch(nnc::Milestone const&, std::int64_t epochs);

private:
  void clear();
  void put_line(std::string const& line);
  void say_with(std::string const& word, char const* color, std::string const& text);
  bool terminal_ = false; // standard error is a terminal that can move its cursor
  bool colors_ = false;
  bool shown_ = false; // a progress line stands on the screen
  double last_ = -1;   // when it was drawn, in seconds of training
};

// "0.0871", "1.2e-05": four digits that matter.
std::string number_text(double value);
std::string table_text(nnc::Table const&); // a line for each row, in columns; further axes side by side
// "loss 0.0871  accuracy 0.9744"
std::string numbers_text(std::vector<nnc::Number> const&);
// 1234567 -> "1,234,567"
std::string grouped(std::int64_t count);

} // namespace command
