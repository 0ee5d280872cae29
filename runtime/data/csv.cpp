#include "runtime/data/csv.h"

#include "ir/diagnostic.h"
#include "ir/printable.h"

#include <fmt/core.h>

#include <algorithm>
#include <array>

namespace nnc {

CsvRows::CsvRows(std::span<u8 const> text, CsvDialect dialect, std::string const& name)
    : text_(reinterpret_cast<char const*>(text.data()), text.size()), dialect_(dialect), name_(name) {
  if (text_.starts_with("\xEF\xBB\xBF")) at_ = 3; // the mark by which spreadsheets say UTF-8
}

bool CsvRows::at_end_of_line() const { return at_ == text_.size() || text_[at_] == '\n' || text_[at_] == '\r'; }

void CsvRows::end_line() {
  if (at_ == text_.size()) return;
  if (text_[at_] == '\r' && at_ + 1 < text_.size() && text_[at_ + 1] == '\n') ++at_;
  ++at_;
  ++line_;
}

void CsvRows::skip_blanks() {
  if (dialect_.joins_blanks)
    while (at_ < text_.size() && is_separator(text_[at_])) ++at_;
}

std::string_view CsvRows::plain_cell() {
  auto const begin = at_;
  while (!at_end_of_line() && !is_separator(text_[at_])) ++at_;
  return text_.substr(begin, at_ - begin);
}

std::string_view CsvRows::quoted_cell() {
  auto const line = line_;
  auto const begin = ++at_;
  bool doubled = false;
  for (;; ++at_) {
    if (at_ == text_.size())
      throw Error(fmt::format("{}:{}: a cell begins with a double quote that does not end", name_, line));
    if (text_[at_] == '\n') ++line_;
    if (text_[at_] != '"') continue;
    if (at_ + 1 == text_.size() || text_[at_ + 1] != '"') break;
    doubled = true;
    ++at_;
  }
  auto const cell = text_.substr(begin, at_ - begin);
  ++at_;
  if (!at_end_of_line() && !is_separator(text_[at_]))
    throw Error(fmt::format("{}:{}: '{}' behind a double quote that ends a cell, expected a separator", name_, line_,
                            printable(text_.substr(at_, 1))));
  if (!doubled) return cell;
  if (used_ == unescaped_.size()) unescaped_.emplace_back();
  auto& copy = unescaped_[used_++];
  copy.clear();
  for (size_t i = 0; i < cell.size(); ++i) {
    copy += cell[i];
    if (cell[i] == '"') ++i;
  }
  return copy;
}

bool CsvRows::next() {
  for (;;) {
    skip_blanks();
    if (at_ == text_.size()) return false;
    if (!at_end_of_line()) break;
    end_line();
  }
  cells_.clear();
  used_ = 0;
  line_of_row_ = line_;
  for (;;) {
    cells_.push_back(at_ < text_.size() && text_[at_] == '"' ? quoted_cell() : plain_cell());
    skip_blanks();
    if (at_end_of_line()) break;
    if (!dialect_.joins_blanks) ++at_;
  }
  end_line();
  return true;
}

CsvDialect guess_dialect(std::span<u8 const> text) {
  constexpr std::array<char, 4> separators{',', ';', '\t', '|'};
  std::array<i64, 4> counts{};
  i64 blanks = 0;
  bool quoted = false, seen = false;
  for (u8 const byte : text) {
    char const c = static_cast<char>(byte);
    if (c == '"') quoted = !quoted;
    if (quoted) continue;
    if (c == '\n' || c == '\r') {
      if (seen) break;
      continue;
    }
    seen = seen || c != ' ';
    for (size_t i = 0; i < separators.size(); ++i) counts[i] += c == separators[i];
    blanks += c == ' ' && seen;
  }
  auto const most = std::ranges::max_element(counts);
  if (*most > 0) return {.separator = separators[static_cast<size_t>(most - counts.begin())]};
  if (blanks > 0) return {.separator = ' ', .joins_blanks = true};
  return {};
}

} // namespace nnc
