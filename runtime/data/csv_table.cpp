// Files of comma-separated values and their relatives, as tables.
#include "ir/diagnostic.h"
#include "ir/printable.h"
#include "runtime/data/csv.h"
#include "runtime/data/table.h"
#include "runtime/data/whole_file.h"

#include <fmt/core.h>

#include <algorithm>
#include <charconv>

namespace nnc {
namespace {

bool looks_like_a_number(std::string_view cell) {
  f64 value = 0;
  if (cell.starts_with('+')) cell.remove_prefix(1);
  auto const [end, error] = std::from_chars(cell.data(), cell.data() + cell.size(), value);
  return !cell.empty() && end == cell.data() + cell.size();
}

class CsvTable final : public TableRows {
public:
  CsvTable(std::span<u8 const> text, CsvDialect dialect, std::string file, i64 skip, std::optional<bool> header,
           Reading const& reading)
      : text_(text), dialect_(dialect), file_(std::move(file)), skip_(skip) {
    begin();
    if (!rows_->next()) throw Error(fmt::format("{}: is empty", file_));
    std::vector<std::string> first(rows_->cells().begin(), rows_->cells().end());
    has_header_ = header ? *header : is_header(first, reading);
    for (size_t i = 0; i < first.size(); ++i) {
      bool const is_named = has_header_ && first[i].find_first_not_of(' ') != std::string::npos;
      names_.push_back(is_named ? trimmed(first[i]) : fmt::format("column{}", i + 1));
    }
  }
  std::string const& file() const override { return file_; }
  std::vector<std::string> const& names() const override { return names_; }
  void restart() override {
    begin();
    if (has_header_) rows_->next();
  }
  bool next() override {
    if (!rows_->next()) return false;
    if (auto const found = rows_->cells().size(); found != names_.size())
      throw Error(fmt::format("{}:{}: expected {} as in the first row, found {}", file_, rows_->line(),
                              names_.size() == 1 ? "1 cell" : fmt::format("{} cells", names_.size()), found));
    return true;
  }
  TableCell cell(size_t place) const override { return {rows_->cells()[place]}; }
  i64 line() const override { return rows_->line(); }

private:
  static std::string trimmed(std::string const& text) {
    auto const begin = text.find_first_not_of(' ');
    return text.substr(begin, text.find_last_not_of(' ') - begin + 1);
  }

  void begin() {
    rows_.emplace(text_, dialect_, file_);
    for (i64 i = 0; i < skip_; ++i) rows_->next();
  }

  // Names are texts; where all cells of the file are, they are all different.
  bool is_header(std::vector<std::string> const& first, Reading const& reading) {
    for (auto const& cell : first)
      if (looks_like_a_number(cell)) return false;
    for (auto const& part : reading.item.parts)
      if (std::ranges::find(first, part) != first.end()) return true;
    if (!rows_->next()) return true;
    if (std::ranges::any_of(rows_->cells(), looks_like_a_number)) return true;
    std::vector<std::string> sorted = first;
    std::ranges::sort(sorted);
    return std::ranges::adjacent_find(sorted) == sorted.end();
  }

  std::span<u8 const> text_;
  CsvDialect dialect_;
  std::string file_;
  i64 skip_;
  bool has_header_ = false;
  std::optional<CsvRows> rows_;
  std::vector<std::string> names_;
};

CsvDialect dialect_of(Reading const& reading, std::span<u8 const> text) {
  auto const said = reading.options.text("separator");
  if (!said) {
    if (ending_of(reading.path).starts_with(".tsv")) return {.separator = '\t'};
    return guess_dialect(text);
  }
  if (*said == "blanks") return {.separator = ' ', .joins_blanks = true};
  constexpr std::pair<char const*, char> words[] = {
      {"comma", ','}, {"semicolon", ';'}, {"tab", '\t'}, {"bar", '|'}, {"blank", ' '}};
  for (auto const& [word, character] : words)
    if (*said == word) return {.separator = character};
  if (said->size() == 1 && (*said)[0] != '"' && (*said)[0] != '\n' && (*said)[0] != '\r') return {.separator = (*said)[0]};
  throw Error(Diagnostic{.message = fmt::format("separator={}: expected one character", printable(*said)),
                         .help = "comma, semicolon, tab, bar, blank and blanks are words for some"});
}

} // namespace

Dataset read_table(Reading const& reading) {
  auto const content = WholeFile::open(reading.path);
  auto const dialect = dialect_of(reading, content->bytes());
  auto const decimal = reading.options.one_of("decimal", {"point", "comma"});
  bool const comma = decimal ? *decimal == "comma" : dialect.separator == ';';
  std::optional<bool> header;
  if (auto const said = reading.options.one_of("header", {"", "yes", "no"})) header = *said != "no";
  auto const skip = reading.options.whole("skip", 0, 1'000'000).value_or(0);
  CsvTable table(content->bytes(), dialect, reading.path.string(), skip, header, reading);
  return read_rows(table, reading, comma ? ',' : '.', "table");
}

} // namespace nnc
