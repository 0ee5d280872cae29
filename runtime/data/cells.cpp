#include "runtime/data/cells.h"

#include "ir/diagnostic.h"
#include "ir/printable.h"

#include <fmt/core.h>

#include <algorithm>
#include <charconv>
#include <cmath>
#include <limits>
#include <utility>

namespace nnc {
namespace {

constexpr size_t most_categories = 100'000;
constexpr char const* missing_category = "missing";

std::string small_letters(std::string_view text) {
  std::string result(text);
  for (char& c : result)
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c + ('a' - 'A'));
  return result;
}

std::string_view trimmed(std::string_view text) {
  while (!text.empty() && (text.front() == ' ' || text.front() == '\t')) text.remove_prefix(1);
  while (!text.empty() && (text.back() == ' ' || text.back() == '\t')) text.remove_suffix(1);
  return text;
}

} // namespace

CellRules cell_rules(ReadOptions& options, char decimal) {
  CellRules rules{.missing = {"", "na", "n/a", "nan", "null", "none", "?"}, .decimal = decimal};
  if (auto const word = options.text("missing")) rules.missing.insert(small_letters(*word));
  for (auto& name : options.list("categories")) rules.categories.insert(std::move(name));
  return rules;
}

CellColumn::CellColumn(std::string name, CellRules const& rules, Encoding const* known)
    : name_(std::move(name)), rules_(rules), known_(known) {
  if (known_) names_ = Numbering(known_->names);
  if (rules_.categories.contains(name_)) all_numbers_ = false;
}

bool CellColumn::is_missing(std::string_view cell) const {
  constexpr size_t longest = 32; // longer ones are said by the option alone, and compared as they are
  return rules_.missing.contains(cell.size() <= longest ? small_letters(cell) : std::string(cell));
}

// "3", "-1.5e3", "+.5", "inf"; with a decimal comma "1,5". No hexadecimal numbers, no blanks within.
std::optional<f64> CellColumn::parse(std::string_view cell) const {
  if (cell.starts_with('+')) cell.remove_prefix(1);
  char buffer[64] = {};
  if (rules_.decimal != '.' && cell.size() < sizeof buffer) {
    std::ranges::replace_copy(cell, buffer, rules_.decimal, '.');
    cell = {buffer, cell.size()};
  }
  f64 value = 0;
  auto const [end, error] = std::from_chars(cell.data(), cell.data() + cell.size(), value);
  if (end != cell.data() + cell.size() || cell.empty()) return std::nullopt;
  // Out of range: the sign and whether it is tiny or huge are in the text, and strtod's answer is what is meant.
  if (error == std::errc::result_out_of_range) return std::strtod(std::string(cell).c_str(), nullptr);
  return error == std::errc{} ? std::optional(value) : std::nullopt;
}

void CellColumn::look(std::string_view cell, bool is_text, i64 line) {
  cell = trimmed(cell);
  if (is_missing(cell)) {
    if (missing_++ == 0) first_missing_ = line;
    return;
  }
  ++values_;
  if (all_numbers_) {
    auto const value = is_text ? std::nullopt : parse(cell);
    if (value) {
      if (*value != std::trunc(*value) || std::abs(*value) > 9.2e18 || cell.find_first_of(".eE") != cell.npos)
        all_integers_ = false;
      if (values_ == 1) least_ = largest_ = *value;
      least_ = std::min(least_, *value);
      largest_ = std::max(largest_, *value);
    } else {
      all_numbers_ = false;
      first_text_ = line;
      text_example_ = std::string(cell.substr(0, 64));
    }
  }
}

void CellColumn::collect(std::string_view cell) {
  cell = trimmed(cell);
  if (is_missing(cell)) return;
  if (names_.names().size() < most_categories) names_.number_of(cell);
  else if (!names_.find(cell)) too_many_ = true;
}

void CellColumn::settle(std::string const& file) {
  if (is_named()) {
    settled_ = Kind::categories;
    dtype_ = DType::i32;
    return;
  }
  if (known_ && !all_numbers_)
    throw Error(fmt::format("{}:{}: '{}' in the column '{}', which was numbers where the model was trained", file,
                            first_text_, printable(text_example_), name_));
  if (all_numbers_) {
    settled_ = all_integers_ && values_ > 0 && missing_ == 0 ? Kind::integers : Kind::reals;
    bool const is_wide = least_ < std::numeric_limits<i32>::min() || largest_ > std::numeric_limits<i32>::max();
    dtype_ = settled_ == Kind::reals ? DType::f32 : is_wide ? DType::i64 : DType::i32;
    return;
  }
  settled_ = too_many_ ? Kind::prose : Kind::categories;
  dtype_ = DType::i32;
  if (missing_ > 0) names_.number_of(missing_category);
  names_.sort();
}

f64 CellColumn::number(std::string_view cell) const {
  return parse(trimmed(cell)).value_or(std::numeric_limits<f64>::quiet_NaN());
}

i64 CellColumn::integer(std::string_view cell) const {
  cell = trimmed(cell);
  if (cell.starts_with('+')) cell.remove_prefix(1);
  i64 value = 0;
  std::from_chars(cell.data(), cell.data() + cell.size(), value);
  return value;
}

i32 CellColumn::category(std::string_view cell, std::string const& file, i64 line) const {
  cell = trimmed(cell);
  if (is_missing(cell)) cell = missing_category;
  if (auto const number = names_.find(cell)) return *number;
  throw Error(fmt::format("{}:{}: {}", file, line, unknown_category(cell, name_, names_.names())));
}

Encoding CellColumn::encoding() const {
  if (settled_ == Kind::categories) return {.kind = Encoding::Kind::categories, .names = names_.names()};
  return {};
}

} // namespace nnc
