// Kinds of characters in the texts that nnc reads: those of ASCII, whatever the host's locale calls a letter.
#pragma once

namespace nnc {

constexpr bool is_letter(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'); }
constexpr bool is_digit(char c) { return c >= '0' && c <= '9'; }

} // namespace nnc
