#include "ir/text/quoted.h"

#include "ir/basic.h"
#include "ir/printable.h"

#include <algorithm>
#include <charconv>
#include <fmt/core.h>

namespace nnc {

std::string quoted(std::string_view s) {
  std::string out = "\"";
  for (size_t i = 0, length = 0; i < s.size(); i += length) {
    length = std::max<size_t>(character_length(s.substr(i)), 1);
    auto const character = s.substr(i, length);
    if (character == "\n") out += "\\n";
    else if (character == "\"" || character == "\\") out += '\\', out += character;
    else if (printable(character) == character) out += character;
    else
      for (char c : character) out += fmt::format("\\x{:02x}", static_cast<u8>(c));
  }
  return out + "\"";
}

std::optional<Quoted> read_quoted(std::string_view s) {
  Quoted out;
  for (size_t i = 1; i < s.size() && s[i] != '\n' && s[i] != '\0'; ++i) {
    if (s[i] == '"') {
      out.length = i + 1;
      return out;
    }
    if (s[i] != '\\') {
      out.text += s[i];
      continue;
    }
    if (++i == s.size() || s[i] == '\n' || s[i] == '\0') return {};
    u8 byte = 0;
    auto const digits = s.substr(i + 1, 2);
    auto const end = std::from_chars(digits.data(), digits.data() + digits.size(), byte, 16).ptr;
    bool const spelled = s[i] == 'x' && digits.size() == 2 && end == digits.data() + 2;
    out.text += spelled ? static_cast<char>(byte) : s[i] == 'n' ? '\n' : s[i];
    if (spelled) i += 2;
  }
  return {};
}

} // namespace nnc
