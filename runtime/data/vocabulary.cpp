#include "runtime/data/vocabulary.h"

#include "ir/diagnostic.h"
#include "ir/printable.h"
#include "runtime/data/decoded.h"
#include "runtime/data/letters.h"

#include <fmt/core.h>

#include <algorithm>
#include <limits>

namespace nnc {
namespace {

using Unit = TextRules::Unit;

constexpr i32 padding = 0, unknown = 1;
constexpr i32 bytes_in_all = 256;
constexpr i64 most_tokens = std::numeric_limits<i32>::max();
constexpr char const *begin_name = "<s>", *end_name = "</s>";
constexpr std::pair<char const*, Unit> units[] = {
    {"bytes", Unit::bytes}, {"characters", Unit::characters}, {"words", Unit::words}};

char const* name_of(Unit unit) { return std::ranges::find(units, unit, [](auto& row) { return row.second; })->first; }

size_t at_byte(char c) { return static_cast<u8>(c); }

i32 begin_mark(Unit unit) { return unit == Unit::bytes ? bytes_in_all : 2; }

// Where the byte at this place stands: its line, and its column in bytes.
[[noreturn]] void no_character(std::string_view text, size_t at, TextPlace place) {
  auto const before = text.substr(0, at);
  auto const line = place.line + std::ranges::count(before, '\n');
  auto const column = at - (before.rfind('\n') + 1) + 1; // npos + 1 is 0
  throw Error(Diagnostic{.message = fmt::format("{}:{}:{}: the byte 0x{:02x} begins no character of UTF-8", place.file, line,
                                                column, at_byte(text[at])),
                         .help = "unit=bytes takes any bytes; iconv -f latin1 -t utf8 makes UTF-8 of older texts"});
}

std::string said(std::map<std::string, std::string> const& options, char const* name) {
  auto const found = options.find(name);
  return found == options.end() ? "" : found->second;
}

TextRules rules_of(Encoding const& encoding) {
  auto const* unit = std::ranges::find(units, said(encoding.options, "unit"), [](auto& row) { return row.first; });
  return {.unit = unit == std::end(units) ? Unit::characters : unit->second,
          .lower = said(encoding.options, "lower") == "yes",
          .marks = said(encoding.options, "marks") == "yes"};
}

// What a checkpoint says of a column of texts, if that can be.
TextRules known_rules(Encoding const& known, std::string const& column) {
  if (known.kind != Encoding::Kind::tokens)
    throw Error(fmt::format("'{}' is text here, and was {} where the model was trained", column,
                            known.kind == Encoding::Kind::categories ? "categories" : "numbers"));
  auto const rules = rules_of(known);
  size_t const least = rules.unit == Unit::bytes ? bytes_in_all + (rules.marks ? 2 : 0) : rules.marks ? 4 : 2;
  if (known.names.size() < least || known.names.size() > static_cast<size_t>(most_tokens))
    throw Error(fmt::format("the vocabulary of '{}' has {} names, expected at least {}", column, known.names.size(), least));
  return rules;
}

// An option that the training decided may be repeated, but not changed.
void expect_same(std::string_view option, std::string const& column, std::string const& given, std::string const& known) {
  if (given != known)
    throw Error(fmt::format("{0}={1}: the model was trained with {0}={2} for '{3}'", option, given, known, column));
}

bool yes_or(ReadOptions& options, char const* name, std::string const& column, bool const* known) {
  bool const is_given = options.text(name).has_value(), value = options.flag(name);
  if (!known) return value;
  if (is_given) expect_same(name, column, value ? "yes" : "no", *known ? "yes" : "no");
  return *known;
}

std::string plural(i64 count, char const* what) { return fmt::format("{} {}{}", count, what, count == 1 ? "" : "s"); }

} // namespace

u32 Tokens::look(size_t at, size_t& length) const {
  if (at_byte(text_[at]) < 0x80) {
    length = 1;
    return static_cast<u32>(text_[at]);
  }
  length = character_length(text_.substr(at, 4));
  if (length == 0) no_character(text_, at, place_);
  return code_of(text_.substr(at, length));
}

void Tokens::take(size_t begin, size_t end, bool has_capitals) {
  at_ = end;
  token_ = text_.substr(begin, end - begin);
  if (!has_capitals) return;
  small_.clear();
  size_t length = 0;
  for (size_t at = begin; at < end; at += length) append_character(small_, small_letter(look(at, length)));
  token_ = small_;
}

void Tokens::next_word(u32 first, size_t length) {
  auto const is_apostrophe = [](u32 code) { return code == '\'' || code == 0x2019; };
  auto const begin = at_;
  auto end = at_ + length;
  bool has_capitals = rules_.lower && small_letter(first) != first;
  if (kind_of_letter(first) == Letter::letter)
    while (end < text_.size()) {
      auto code = look(end, length);
      auto next = end + length;
      if (is_apostrophe(code) && next < text_.size()) {
        code = look(next, length);
        next += length;
      }
      if (kind_of_letter(code) != Letter::letter) break;
      has_capitals = has_capitals || (rules_.lower && small_letter(code) != code);
      end = next;
    }
  take(begin, end, has_capitals);
}

bool Tokens::next() {
  size_t length = 0;
  for (; at_ < text_.size(); at_ += length) {
    if (rules_.unit == Unit::bytes) {
      take(at_, at_ + 1, false);
      return true;
    }
    auto const code = look(at_, length);
    if (rules_.unit == Unit::words) {
      if (kind_of_letter(code) == Letter::blank) continue;
      next_word(code, length);
      return true;
    }
    if (code == '\r' && at_ + 1 < text_.size() && text_[at_ + 1] == '\n') continue;
    take(at_, at_ + length, rules_.lower && small_letter(code) != code);
    return true;
  }
  return false;
}

void TokenCounts::add(std::string_view token) {
  ++total_;
  if (token.size() == 1) {
    ++bytes_[at_byte(token[0])];
    return;
  }
  if (auto const found = longer_.find(token); found != longer_.end()) ++found->second;
  else longer_.emplace(token, 1);
}

i64 TokenCounts::different() const {
  return static_cast<i64>(longer_.size()) + std::ranges::count_if(bytes_, [](i64 count) { return count > 0; });
}

i64 TokenCounts::of(std::string_view token) const {
  if (token.size() == 1) return bytes_[at_byte(token[0])];
  auto const found = longer_.find(token);
  return found == longer_.end() ? 0 : found->second;
}

std::vector<std::string> TokenCounts::vocabulary(TextRules const& rules, i64 most, i64 least) const {
  std::vector<std::string> names{padding_name, unknown_name};
  if (rules.marks) names.insert(names.end(), {begin_name, end_name});
  std::vector<std::pair<i64, std::string>> tokens; // negative counts: the most frequent one first
  auto const take = [&](i64 count, std::string_view token) {
    if (count > 0 && count >= least) tokens.emplace_back(-count, token);
  };
  for (size_t byte = 0; byte < bytes_.size(); ++byte) take(bytes_[byte], std::string(1, static_cast<char>(byte)));
  for (auto const& [token, count] : longer_) take(count, token);
  std::ranges::sort(tokens);
  for (auto& [count, token] : tokens) {
    if (static_cast<i64>(names.size()) >= most) break;
    names.push_back(std::move(token));
  }
  return names;
}

std::vector<std::string> names_of_bytes(bool marks) {
  std::vector<std::string> names;
  for (int byte = 0; byte < bytes_in_all; ++byte)
    names.push_back(byte == padding          ? padding_name
                    : byte > ' ' && byte < 127 ? std::string(1, static_cast<char>(byte))
                                               : fmt::format("<0x{:02x}>", byte));
  if (marks) names.insert(names.end(), {begin_name, end_name});
  return names;
}

TextEncoder::TextEncoder(std::string column, ReadOptions& options, Encodings const& known, Unit usual)
    : column_(std::move(column)) {
  auto const found = known.find(column_);
  is_known_ = found != known.end();
  if (is_known_) {
    rules_ = known_rules(found->second, column_);
    encoding_ = found->second;
  }
  std::vector<std::string> unit_names;
  for (auto const& [name, unit] : units) unit_names.emplace_back(name);
  auto const unit = options.one_of("unit", unit_names);
  if (is_known_ && unit) expect_same("unit", column_, *unit, name_of(rules_.unit));
  if (!is_known_)
    rules_.unit = unit ? std::ranges::find(units, *unit, [](auto& row) { return row.first; })->second : usual;
  rules_.marks = yes_or(options, "marks", column_, is_known_ ? &rules_.marks : nullptr);
  if (rules_.unit != Unit::bytes) {
    rules_.lower = yes_or(options, "lower", column_, is_known_ ? &rules_.lower : nullptr);
    most_ = options.whole("vocab", rules_.marks ? 5 : 3, most_tokens).value_or(most_tokens);
    least_ = options.whole("min_count", 1, std::numeric_limits<i64>::max()).value_or(1);
  }
  if (is_known_) {
    make_numbers();
    return;
  }
  encoding_.options["unit"] = name_of(rules_.unit);
  if (rules_.lower) encoding_.options["lower"] = "yes";
  if (rules_.marks) encoding_.options["marks"] = "yes";
}

void TextEncoder::make_numbers() {
  bytes_.fill(unknown);
  if (rules_.unit == Unit::bytes)
    for (size_t byte = 0; byte < bytes_.size(); ++byte) bytes_[byte] = static_cast<i32>(byte);
  else
    for (size_t i = rules_.marks ? 4 : 2; i < encoding_.names.size(); ++i)
      if (auto const& name = encoding_.names[i]; name.size() == 1) bytes_[at_byte(name[0])] = static_cast<i32>(i);
  numbers_ = Numbering(encoding_.names);
}

i32 TextEncoder::number_of(std::string_view token) const {
  return token.size() == 1 ? bytes_[at_byte(token[0])] : numbers_.find(token).value_or(unknown);
}

void TextEncoder::count(std::string_view text, TextPlace place) {
  auto const where = [&] { return fmt::format("{}:{}", place.file, place.line); };
  i64 length = 0;
  if (rules_.unit == Unit::bytes) length = static_cast<i64>(text.size());
  else
    for (Tokens tokens(text, rules_, place); tokens.next(); ++length) {
      auto const token = tokens.token();
      if (!is_known_) counts_.add(token);
      else if (number_of(token) == unknown && unknown_++ == 0)
        first_unknown_ = fmt::format("'{}' in {}", printable(token.substr(0, 64)), where());
    }
  if (length == 0 && empty_++ == 0) first_empty_ = where();
  length += rules_.marks ? 2 : 0;
  cut_ += time_ && length > *time_;
  ++texts_;
  tokens_ += length;
  longest_ = std::max(longest_, length);
}

void TextEncoder::settle() {
  if (is_known_) return;
  if (rules_.unit == Unit::bytes) encoding_.names = names_of_bytes(rules_.marks);
  else {
    encoding_.names = counts_.vocabulary(rules_, most_, least_);
    unknown_ = counts_.total();
    for (size_t i = rules_.marks ? 4 : 2; i < encoding_.names.size(); ++i) unknown_ -= counts_.of(encoding_.names[i]);
  }
  make_numbers();
}

i64 TextEncoder::write(std::string_view text, TextPlace place, std::span<i32> numbers) const {
  size_t at = 0;
  bool fits = true;
  auto const add = [&](i32 number) {
    fits = at < numbers.size();
    if (fits) numbers[at++] = number;
  };
  if (rules_.marks) add(begin_mark(rules_.unit));
  for (Tokens tokens(text, rules_, place); fits && tokens.next();) add(number_of(tokens.token()));
  if (rules_.marks) {
    if (fits) add(begin_mark(rules_.unit) + 1);
    if (!fits && at > 0) numbers[at - 1] = begin_mark(rules_.unit) + 1;
  }
  std::fill(numbers.begin() + static_cast<std::ptrdiff_t>(at), numbers.end(), padding);
  return static_cast<i64>(at);
}

std::vector<std::string> TextEncoder::notes() const {
  std::vector<std::string> notes;
  auto const words = static_cast<i64>(encoding_.names.size()) - (rules_.marks ? 4 : 2);
  auto const* const what = name_of(rules_.unit);
  if (unknown_ > 0 && is_known_)
    notes.push_back(fmt::format("'{}': {} of {} are not in the vocabulary of {} {} and are read as {}, the first one is {}",
                                column_, unknown_, plural(tokens_, "token"), words, what, unknown_name, first_unknown_));
  else if (unknown_ > 0)
    notes.push_back(fmt::format("'{}': the vocabulary has {} of {} different {}, and {} of {} are read as {}", column_, words,
                                counts_.different(), what, unknown_, plural(tokens_, "token"), unknown_name));
  if (cut_ > 0) notes.push_back(fmt::format("'{}': {} of {} are cut at time={}", column_, cut_, plural(texts_, "text"), *time_));
  if (empty_ > 0)
    notes.push_back(fmt::format("'{}': {} of {} {} no token, the first one at {}", column_, empty_, plural(texts_, "text"),
                                empty_ == 1 ? "has" : "have", first_empty_));
  return notes;
}

PaddedTexts::PaddedTexts(std::string column, ReadOptions& options, Encodings const& known)
    : column_(std::move(column)), encoder_(column_, options, known, Unit::words), time_(options.whole("time", 1, most_tokens)) {
  if (!time_ && encoder_.is_known()) time_ = ReadOptions(encoder_.encoding().options).whole("time", 1, most_tokens);
  if (time_) encoder_.cut_at(*time_);
}

void PaddedTexts::settle() {
  encoder_.settle();
  if (!time_) {
    auto const rows = encoder_.texts(), width = std::max<i64>(1, encoder_.longest());
    // One line that never ends among short ones must not fill the disk with padding.
    constexpr i64 many = i64{1} << 28, padding_per_token = 64;
    if (rows * (width / padding_per_token) > std::max(many / padding_per_token, encoder_.tokens()))
      throw Error(Diagnostic{.message = fmt::format("'{}': the longest text has {} tokens, and {} padded to this length "
                                                    "are too many",
                                                    column_, width, plural(rows, "text")),
                             .help = "time=N cuts them behind N tokens"});
    time_ = width;
  }
  if (!encoder_.is_known()) encoder_.encoding().options.insert({{"as", "lines"}, {"time", std::to_string(*time_)}});
}

EncodedTexts encode_texts(EachText const& each, std::string const& column, ReadOptions& options, Encodings const& known) {
  PaddedTexts texts(column, options, known);
  each([&](std::string_view text, TextPlace place) { texts.count(text, place); });
  texts.settle();
  EncodedTexts result{.numbers = room_for(DType::i32, {texts.texts(), texts.time()}),
                      .length = room_for(DType::i32, {texts.texts()})};
  auto const numbers = result.numbers.writable_as<i32>(), lengths = result.length.writable_as<i32>();
  size_t row = 0;
  auto const size = static_cast<size_t>(texts.time());
  each([&](std::string_view text, TextPlace place) {
    if (row == lengths.size()) throw CompilerBug("texts are more than they were");
    lengths[row] = texts.write(text, place, numbers.subspan(row * size, size));
    ++row;
  });
  result.encoding = texts.encoding();
  result.notes = texts.notes();
  return result;
}

EncodedTexts encode_texts(std::vector<std::string_view> const& texts, std::string const& column, std::string const& file,
                          ReadOptions& options, Encodings const& known) {
  auto const each = [&](TextVisitor const& visit) {
    i64 line = 0;
    for (auto const text : texts) visit(text, {file, ++line});
  };
  return encode_texts(each, column, options, known);
}

std::string length_name(std::string const& column) { return column + "_length"; }

void add_texts(Dataset& set, std::string const& column, EncodedTexts texts) {
  set.train.examples = texts.numbers.shape()[0];
  set.train.columns.push_back({column, std::move(texts.numbers)});
  set.train.columns.push_back({length_name(column), std::move(texts.length)});
  set.encodings[column] = std::move(texts.encoding);
  for (auto& note : texts.notes) set.notes.push_back(std::move(note));
}

namespace {

// Joins words as they are written.
class Sentence {
public:
  void add(std::string_view token) {
    auto const length = character_length(token);
    auto const code = length ? code_of(token.substr(0, length)) : 0;
    bool const is_quote = token == "\"";
    bool const closes = is_quote && in_quotes_;
    if (!text_.empty() && !sticks_ && !closes && !joins_before(code, token)) text_ += ' ';
    if (is_quote) in_quotes_ = !in_quotes_;
    text_ += token;
    bool const is_number = !token.empty() && is_digit(token.back());
    joins_numbers_ = after_number_ && token.size() == 1 && one_of(code, U".,:");
    after_number_ = is_number;
    sticks_ = (is_quote && in_quotes_) || one_of(code, U"([{¿¡“‘«$#@-/_") || is_ideograph(code);
  }
  std::string take() { return std::move(text_); }

private:
  static bool one_of(u32 code, std::u32string_view list) { return list.find(code) != list.npos; }
  static bool is_digit(char c) { return c >= '0' && c <= '9'; }
  static bool is_ideograph(u32 code) { return code >= 0x3000 && kind_of_letter(code) == Letter::single && code < 0x1F000; }
  bool joins_before(u32 code, std::string_view token) const {
    return one_of(code, U".,;:!?)]}%’”»…-/_") || is_ideograph(code) || (joins_numbers_ && is_digit(token[0]));
  }
  std::string text_;
  bool sticks_ = false, in_quotes_ = false, after_number_ = false, joins_numbers_ = false;
};

} // namespace

std::string text_of(Encoding const& encoding, std::span<i32 const> numbers) {
  auto const rules = rules_of(encoding);
  auto const begin = begin_mark(rules.unit);
  Sentence sentence;
  std::string text;
  for (i32 const number : numbers) {
    if (rules.marks && number == begin + 1) break;
    bool const is_mark = number == padding || (rules.marks && number == begin);
    if (is_mark || number < 0 || static_cast<size_t>(number) >= encoding.names.size()) continue;
    auto const& name = encoding.names[static_cast<size_t>(number)];
    if (rules.unit == Unit::words) sentence.add(name);
    else if (rules.unit == Unit::bytes) text += static_cast<char>(number);
    else text += number == unknown ? "\uFFFD" : name;
  }
  return rules.unit == Unit::words ? sentence.take() : text;
}

} // namespace nnc
