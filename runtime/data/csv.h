// The grammar of comma-separated values (RFC 4180, and what spreadsheets make of it): cells, quotes, ends of lines.
#pragma once

#include "ir/basic.h"

#include <deque>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace nnc {

struct CsvDialect {
  char separator = ',';
  bool joins_blanks = false; // any run of blanks and tabs separates
};

// The rows of a text, one after the other. A row ends with LF, CR LF or CR; blank lines are no rows. A cell in double
// quotes may hold separators, ends of lines and doubled quotes; a quote within a plain cell is an ordinary character.
class CsvRows {
public:
  // `name` is what errors call the text. The cells stay valid until the next call of next().
  CsvRows(std::span<u8 const> text, CsvDialect dialect, std::string const& name);
  bool next(); // throws Error for a quote that does not end, and for characters behind one that does
  std::vector<std::string_view> const& cells() const { return cells_; }
  i64 line() const { return line_of_row_; } // where the row begins, from 1

private:
  std::string_view plain_cell();
  std::string_view quoted_cell();
  bool at_end_of_line() const;
  bool is_separator(char c) const { return c == dialect_.separator || (dialect_.joins_blanks && c == '\t'); }
  void skip_blanks();
  void end_line();

  std::string_view text_;
  CsvDialect dialect_;
  std::string const& name_;
  size_t at_ = 0;
  i64 line_ = 1, line_of_row_ = 1;
  std::vector<std::string_view> cells_;
  std::deque<std::string> unescaped_; // cells that had doubled quotes; a deque does not move them
  size_t used_ = 0;
};

// The separator that is meant: the most frequent of , ; tab and | outside of quotes in the first line; blanks where
// there is none of them, but blanks.
CsvDialect guess_dialect(std::span<u8 const> text);

} // namespace nnc
