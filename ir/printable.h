// How a text of somebody else (a name, a path, a line of a program) is shown: in characters that only show something.
// Control characters could move the cursor of a terminal, bidirectional ones show a line in another order than it has,
// and bytes that are no UTF-8 anything at all.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace nnc {

// How many bytes the UTF-8 character takes that begins here; 0: there is none, or it is the zero byte.
size_t character_length(std::string_view);

// The text on one line: control characters and bytes that are no text as \x1b, \n and \xff, bidirectional and other
// invisible characters as \u{202e}.
std::string printable(std::string_view);

// A printable text whose long words (names that nobody reads to their end) are cut in their middle and that is cut
// itself behind some hundred words.
std::string shortened(std::string_view);

} // namespace nnc
