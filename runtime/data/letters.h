// Which characters make words, and the small letters of capitals: as much of Unicode as telling words apart takes, for
// the scripts that have capitals and for those that write no blanks.
#pragma once

#include "ir/basic.h"

#include <string>
#include <string_view>

namespace nnc {

enum class Letter : u8 {
  blank,  // parts words: blanks, ends of lines, control and invisible characters
  letter, // letters, digits and accents: runs of them are words
  single, // a word for itself: punctuation, signs, and the characters of scripts without blanks (Chinese, Japanese)
};
Letter kind_of_letter(u32 code);

// The small letter of a capital (Latin, Greek, Cyrillic, Armenian, full width); else the character itself.
u32 small_letter(u32 code);

// The code point of one UTF-8 character, whose length character_length (ir/printable.h) told.
u32 code_of(std::string_view character);
void append_character(std::string& text, u32 code);

} // namespace nnc
