#include "ir/printable.h"

#include "ir/basic.h"

#include <algorithm>
#include <fmt/core.h>

namespace nnc {

size_t character_length(std::string_view s) {
  auto byte = [&](size_t i) { return i < s.size() ? static_cast<u8>(s[i]) : u8{0}; };
  auto continues = [&](size_t i, u8 least = 0x80, u8 most = 0xBF) { return byte(i) >= least && byte(i) <= most; };
  u8 const b = byte(0);
  if (b < 0x80) return b ? 1 : 0;
  if (b >= 0xC2 && b <= 0xDF) return continues(1) ? 2 : 0;
  if (b >= 0xE0 && b <= 0xEF) // neither overlong nor a surrogate
    return continues(1, b == 0xE0 ? 0xA0 : 0x80, b == 0xED ? 0x9F : 0xBF) && continues(2) ? 3 : 0;
  if (b >= 0xF0 && b <= 0xF4) // neither overlong nor beyond U+10FFFF
    return continues(1, b == 0xF0 ? 0x90 : 0x80, b == 0xF4 ? 0x8F : 0xBF) && continues(2) && continues(3) ? 4 : 0;
  return 0;
}

namespace {

u32 code_point(std::string_view character) {
  u32 code = static_cast<u8>(character[0]);
  if (character.size() > 1) code &= 0x7FU >> character.size();
  for (char c : character.substr(1)) code = code << 6 | (static_cast<u8>(c) & 0x3FU);
  return code;
}

struct Range {
  u32 first, last;
};
constexpr Range unseen[] = {
    {0x00, 0x1F},     {0x7F, 0x9F},       // control characters
    {0x61C, 0x61C},   {0x200E, 0x200F},   // marks of direction
    {0x202A, 0x202E}, {0x2066, 0x2069},   // embeddings, overrides and isolates
    {0x2028, 0x2029},                     // separators of lines and paragraphs
    {0x200B, 0x200D}, {0x2060, 0x2064},   // of no width
    {0xAD, 0xAD},     {0xFEFF, 0xFEFF},   // soft hyphen, byte order mark
    {0xFFF9, 0xFFFB}, {0xE0000, 0xE007F}, // annotations, tags
};

bool is_unseen(u32 code) {
  return std::any_of(std::begin(unseen), std::end(unseen), [&](Range r) { return code >= r.first && code <= r.last; });
}

std::string spelled(std::string_view character) {
  u32 const code = code_point(character);
  if (character == "\n") return "\\n";
  if (character == "\t") return "\\t";
  if (code < 0x80) return fmt::format("\\x{:02x}", code);
  return fmt::format("\\u{{{:x}}}", code);
}

constexpr size_t longest_word = 160, longest_text = 1200;

// The beginning and the end of a long text, cut between characters.
std::string middle_cut(std::string_view text, size_t ahead, size_t behind) {
  auto inside = [&](size_t i) { return (static_cast<u8>(text[i]) & 0xC0U) == 0x80U; };
  while (ahead > 0 && inside(ahead)) --ahead;
  size_t begin = text.size() - behind;
  while (begin < text.size() && inside(begin)) ++begin;
  return std::string(text.substr(0, ahead)) + "..." + std::string(text.substr(begin));
}

} // namespace

std::string printable(std::string_view text) {
  std::string out;
  for (size_t i = 0, length = 0; i < text.size(); i += length) {
    length = character_length(text.substr(i));
    bool const is_text = length > 0;
    if (!is_text) length = 1;
    auto const character = text.substr(i, length);
    if (!is_text) out += fmt::format("\\x{:02x}", static_cast<u8>(text[i]));
    else if (is_unseen(code_point(character))) out += spelled(character);
    else out += character;
  }
  return out;
}

std::string shortened(std::string_view text) {
  std::string const shown = printable(text);
  std::string out;
  for (size_t begin = 0; begin <= shown.size();) {
    size_t const end = std::min(shown.find(' ', begin), shown.size());
    auto const word = std::string_view(shown).substr(begin, end - begin);
    out += word.size() > longest_word ? middle_cut(word, longest_word / 2, longest_word / 4) : std::string(word);
    if (end < shown.size()) out += ' ';
    begin = end + 1;
  }
  return out.size() > longest_text ? middle_cut(out, longest_text - 300, 300) : out;
}

} // namespace nnc
