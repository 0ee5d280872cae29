// Texts as numbers and back: what a token is, which vocabulary a training has, columns of texts that are padded to one
// length.
//
// unit=bytes       a token is a byte and its number is the byte; the zero byte is the padding. 256 tokens, always.
// unit=characters  a token is a character of UTF-8; "\r\n" is one "\n".
// unit=words       a token is a run of letters and digits (an apostrophe between two letters belongs to it), or any
//                  other visible character for itself, as is each Chinese or Japanese one. Blanks and ends of lines
//                  part words and are no tokens.
//
// The vocabulary of characters and words: <pad> is 0, <unk> is 1, with marks <s> is 2 and </s> is 3; then the tokens,
// the most frequent one first, equally frequent ones in the order of their bytes. Bytes with marks: <s> is 256, </s> 257.
#pragma once

#include "runtime/data/dataset.h"
#include "runtime/data/spec.h"

#include <array>
#include <functional>
#include <unordered_map>

namespace nnc {

struct TextRules {
  enum class Unit : u8 { bytes, characters, words };
  Unit unit = Unit::characters;
  bool lower = false; // capitals as small letters; not for bytes
  bool marks = false; // <s> stands before each text, </s> behind it
};

// Where a text begins, for messages.
struct TextPlace {
  std::string_view file;
  i64 line = 1;
};

// The tokens of a text, one after the other. Text that is no UTF-8 is an Error with file, line and column (in bytes),
// unless tokens are bytes.
class Tokens {
public:
  Tokens(std::string_view text, TextRules const& rules, TextPlace place) : text_(text), rules_(rules), place_(place) {}
  bool next();
  std::string_view token() const { return token_; } // until the next next()

private:
  u32 look(size_t at, size_t& length) const; // the character there; throws Error
  void next_word(u32 first, size_t length);
  void take(size_t begin, size_t end, bool has_capitals);
  std::string_view text_;
  TextRules const& rules_;
  TextPlace place_;
  size_t at_ = 0;
  std::string_view token_;
  std::string small_; // the token in small letters
};

// How often each token occurs, and the vocabulary that follows.
class TokenCounts {
public:
  void add(std::string_view token);
  i64 total() const { return total_; }
  i64 different() const; // tokens
  i64 of(std::string_view token) const;
  // The names of the vocabulary, at most `most` of them, of tokens that occur at least `least` times.
  std::vector<std::string> vocabulary(TextRules const&, i64 most, i64 least) const;

private:
  struct Hash : std::hash<std::string_view> {
    using is_transparent = void;
  };
  std::array<i64, 256> bytes_{}; // tokens of one byte
  std::unordered_map<std::string, i64, Hash, std::equal_to<>> longer_;
  i64 total_ = 0;
};

// The encoding of texts whose vocabulary needs no counting, for tests and for bytes: the names of 256 bytes (and marks).
std::vector<std::string> names_of_bytes(bool marks);

// Reads the options of one column of texts (unit, lower, marks, vocab, min_count), counts its tokens unless the training
// (`known`) has its vocabulary, then gives numbers.
class TextEncoder {
public:
  // `usual`: the unit where nobody says one.
  TextEncoder(std::string column, ReadOptions&, Encodings const& known, TextRules::Unit usual);

  // Before all else: texts are cut behind so many tokens.
  void cut_at(i64 time) { time_ = time; }

  // The first pass, text by text.
  void count(std::string_view text, TextPlace);
  i64 texts() const { return texts_; }
  i64 longest() const { return longest_; } // tokens of a text, marks included
  i64 tokens() const { return tokens_; }   // of all texts, marks included

  // Behind it: the vocabulary stands.
  void settle();

  // The second pass: as many numbers as fit, and padding behind them; where not all of them fit and there are marks, the
  // last one is </s>. Gives the number of tokens that were written.
  i64 write(std::string_view text, TextPlace, std::span<i32> numbers) const;

  Encoding& encoding() { return encoding_; }
  bool is_known() const { return is_known_; }
  TextRules::Unit unit() const { return rules_.unit; }
  // What to tell: tokens that are not in the vocabulary, texts that were cut or have none.
  std::vector<std::string> notes() const;

private:
  std::string column_;
  Encoding encoding_{.kind = Encoding::Kind::tokens};
  bool is_known_ = false;
  TextRules rules_;
  i64 most_ = 0, least_ = 1; // of the vocabulary
  TokenCounts counts_;
  i64 texts_ = 0, longest_ = 0, tokens_ = 0;
  void make_numbers();
  i32 number_of(std::string_view token) const;
  std::array<i32, 256> bytes_{}; // numbers of tokens of one byte
  Numbering numbers_;
  std::optional<i64> time_;
  i64 unknown_ = 0, cut_ = 0, empty_ = 0;
  std::string first_unknown_, first_empty_;
};

// The same for texts that are padded to one length: time=N, what the training had, or the longest one.
class PaddedTexts {
public:
  PaddedTexts(std::string column, ReadOptions&, Encodings const& known);
  void count(std::string_view text, TextPlace place) { encoder_.count(text, place); }
  void settle(); // throws Error for padding without end
  i64 time() const { return *time_; }
  i32 write(std::string_view text, TextPlace place, std::span<i32> numbers) const {
    return static_cast<i32>(encoder_.write(text, place, numbers));
  }
  std::string const& column() const { return column_; }
  i64 texts() const { return encoder_.texts(); }
  Encoding const& encoding() { return encoder_.encoding(); }
  std::vector<std::string> notes() const { return encoder_.notes(); }

private:
  std::string column_;
  TextEncoder encoder_;
  std::optional<i64> time_;
};

// A column of texts that is padded to one length.
struct EncodedTexts {
  HostTensor numbers; // i32[texts, time], padded with 0
  HostTensor length;  // i32[texts]: how many of them are tokens
  Encoding encoding;
  std::vector<std::string> notes;
};

// Shows all texts in the order of the examples, the same ones whenever it is called: twice.
using TextVisitor = std::function<void(std::string_view text, TextPlace)>;
using EachText = std::function<void(TextVisitor const&)>;

// Encodes a column.
EncodedTexts encode_texts(EachText const&, std::string const& column, ReadOptions&, Encodings const& known);
EncodedTexts encode_texts(std::vector<std::string_view> const& texts, std::string const& column, std::string const& file,
                          ReadOptions&, Encodings const& known);

// What the column of lengths is called.
std::string length_name(std::string const& column);

// Puts the texts into the training split: COLUMN and COLUMN_length, with their encoding.
void add_texts(Dataset&, std::string const& column, EncodedTexts);

// What the numbers say, without padding, from behind <s> to before </s>. Words are parted by one blank, but there is none
// before .,;:!?)]}%’”» and …, none behind ([{¿¡“‘«$# and @, none around - / and _, none between digits and a point,
// comma or colon, none beside Chinese and Japanese characters, and none on the inner side of " quotes. Tokens without a
// place in the vocabulary are <unk>, or U+FFFD among characters. Numbers outside of the vocabulary are left out.
std::string text_of(Encoding const&, std::span<i32 const> numbers);

} // namespace nnc
