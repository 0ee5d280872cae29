// Scalars as text, shared by the printer and the parser.
#pragma once

#include "ir/ascii.h"
#include "ir/module.h"

namespace nnc {

// Shortest text that reads back to the same bits of `dtype`: "0.1", "1e-08", "inf", "-inf", "nan", "-0", "true", "255".
std::string literal_text(DType, Scalar);
// The inverse; nothing when the text is no literal of that dtype.
std::optional<Scalar> parse_literal(DType, std::string_view);

// The dtype that a literal operand of this node has when the text does not say: that of the first operand that is no
// literal, else of the first result.
std::optional<DType> literal_dtype(Function const&, Node const&);

inline bool is_name_character(char c) {
  return is_letter(c) || is_digit(c) || c == '_' || c == '.' || c == '/' || c == '\'';
}

} // namespace nnc
