// What the numbers of a column mean: the names of its categories, the words of its vocabulary, the size to which its
// pictures were brought. A training keeps this in its checkpoints, so that data that are read later mean the same by the
// same number.
#pragma once

#include "ir/basic.h"

#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

namespace nnc {

struct Encoding {
  enum class Kind : u8 {
    numbers,    // are what they are
    categories, // i32: places in `names`; a value without a place is an error
    tokens,     // i32: places in `names`, the vocabulary; a token without a place is names[1], padding is names[0]
  };
  Kind kind = Kind::numbers;
  std::vector<std::string> names = {};
  std::map<std::string, std::string> options = {}; // that the reader must be given again: "size" -> "28x28"
  bool operator==(Encoding const&) const = default;
};

using Encodings = std::map<std::string, Encoding>; // by the name of the column

// One line of JSON, which goes into the metadata of a checkpoint, and back. Throws Error for anything else; `from` is
// what errors call the text.
std::string encodings_text(Encodings const&);
Encodings parse_encodings(std::string_view text, std::string const& from);

// The names that tokens of every vocabulary begin with: padding, and what is not in the vocabulary.
inline constexpr char const* padding_name = "<pad>";
inline constexpr char const* unknown_name = "<unk>";

// Numbers for names, in the order in which they came.
class Numbering {
public:
  Numbering() = default;
  explicit Numbering(std::vector<std::string> const& names);
  std::optional<i32> find(std::string_view name) const;
  i32 number_of(std::string_view name); // a new one where it is new
  std::vector<std::string> const& names() const { return names_; }
  // Names in their order (numbers by value, where all of them are numbers), and the new number of each old one.
  std::vector<i32> sort();

private:
  struct Hash : std::hash<std::string_view> {
    using is_transparent = void;
  };
  std::unordered_map<std::string, i32, Hash, std::equal_to<>> numbers_;
  std::vector<std::string> names_;
};

// "unknown category 'elk' of 'animal', expected one of 'cat', 'dog', ...": the message of a value that has no place.
std::string unknown_category(std::string_view value, std::string const& column, std::vector<std::string> const& names);

} // namespace nnc
