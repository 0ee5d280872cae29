// Strings of the text form: "a \"b\" \n \x1b". What does not show is spelled out, so that a dump steers no terminal.
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace nnc {

std::string quoted(std::string_view);

struct Quoted {
  std::string text;
  size_t length = 0; // with its quotes
};
// The string that begins with the first byte, a quote; nothing when its line does not close it.
std::optional<Quoted> read_quoted(std::string_view);

} // namespace nnc
