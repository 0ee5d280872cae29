#include "runtime/data/spec.h"

#include "ir/diagnostic.h"
#include "ir/printable.h"

#include <fmt/core.h>

#include <algorithm>
#include <charconv>
#include <filesystem>

namespace nnc {
namespace {

constexpr DataOption options[] = {
    {"test", "SHARE|PATH", "this share of the examples, drawn by split_seed, or these files are the test split"},
    {"split", "COLUMN", "rows whose value there is test are the test split, rows of train the training"},
    {"fold", "K/N", "cross-validation: the K-th of N equal parts of the examples is the test split"},
    {"split_seed", "N", "draws which examples test=SHARE and fold=K/N take; 0 where nothing is said"},
    {"limit", "N", "takes the first N examples of each split alone"},
    {"target", "COLUMN", "the column to be predicted: it comes last, and all other numbers are one column, features"},
    {"header", "yes|no", "whether the first line of a table names the columns; it is found out where nothing is said"},
    {"separator", "TEXT", "what stands between the cells of a table: comma, tab, semicolon, bar, blank, blanks (any number), or a character"},
    {"decimal", "point|comma", "what stands before the decimals; a comma in a table that semicolons separate"},
    {"skip", "N", "leaves out the first N rows of a table"},
    {"missing", "TEXT", "what a missing value is written as, besides empty cells, NA, N/A, NaN, null, None and ?"},
    {"fill", "NUMBER|mean|nan", "stands for missing numbers; without it they are an error"},
    {"categories", "COLUMN+...", "columns whose numbers are names of categories"},
    {"drop", "COLUMN+...", "columns that are left out"},
    {"size", "HEIGHTxWIDTH|SIDE", "brings pictures to that many pixels; they must have one size where nothing is said"},
    {"gray", "", "brings pictures to one number for each pixel, their luma"},
    {"rgb", "", "brings pictures to red, green and blue for each pixel"},
    {"rate", "N", "resamples sounds to N samples in a second; they must have one rate where nothing is said"},
    {"seconds", "S", "cuts sounds to this length or puts silence behind them; the longest where nothing is said"},
    {"text", "COLUMN+...", "columns of a table that are texts, not categories"},
    {"unit", "bytes|characters|words", "what a token of a text is: characters of a stream, else words, where nothing is said"},
    {"lower", "yes|no", "capitals of texts are read as small letters"},
    {"vocab", "N", "a vocabulary has at most N tokens, the most frequent ones; others are <unk>"},
    {"min_count", "N", "tokens that occur less often than N times are <unk>"},
    {"as", "stream|lines", "a text file has a row for each token, or an example for each line, padded to one length"},
    {"time", "N", "texts are cut behind N tokens, and padded to so many; the longest text where nothing is said"},
    {"marks", "yes|no", "<s> stands in front of each text, and </s> behind it"},
};

bool is_option(std::string_view name) {
  return std::ranges::any_of(options, [&](auto const& option) { return name == option.name; });
}

DataOption const& option_named(std::string_view name) {
  auto const found = std::ranges::find_if(options, [&](auto const& option) { return name == option.name; });
  if (found == std::end(options)) throw CompilerBug(fmt::format("no option of data is called {}", name));
  return *found;
}

[[noreturn]] void bad_value(std::string_view name, std::string_view value, std::string const& expected) {
  throw Error(Diagnostic{.message = fmt::format("{}={}: expected {}", name, printable(value), expected),
                         .help = fmt::format("{}={}: {}", name, option_named(name).form, option_named(name).meaning)});
}

// At the separator, but not within double quotes, which stay.
std::vector<std::string> split_outside_quotes(std::string_view text, char separator) {
  std::vector<std::string> parts(1);
  bool quoted = false;
  for (char c : text) {
    if (c == '"') quoted = !quoted;
    if (c == separator && !quoted) parts.emplace_back();
    else parts.back() += c;
  }
  return parts;
}

std::string without_quotes(std::string_view text) {
  if (text.size() >= 2 && text.front() == '"' && text.back() == '"') text = text.substr(1, text.size() - 2);
  return std::string(text);
}

size_t find_outside_quotes(std::string_view text, char wanted) {
  bool quoted = false;
  for (size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '"') quoted = !quoted;
    if (text[i] == wanted && !quoted) return i;
  }
  return std::string_view::npos;
}

bool is_there(std::string const& path) {
  std::error_code error;
  return std::filesystem::exists(path, error);
}

// The last colon parts the path from the columns, unless there is a file that is called so.
void split_parts(DataItem& item) {
  auto const colon = item.path.rfind(':');
  if (colon == std::string::npos || is_there(item.path)) return;
  if (colon == 0 || colon + 1 == item.path.size())
    throw Error(fmt::format("'{}': expected FILE:COLUMN", printable(item.shown)));
  auto const columns = item.path.substr(colon + 1);
  if (columns.find('/') != std::string::npos) return;
  for (auto& part : split_outside_quotes(columns, '+')) {
    if (part.empty()) throw Error(fmt::format("'{}': expected a column behind '+'", printable(item.shown)));
    item.parts.push_back(without_quotes(part));
  }
  item.path.resize(colon);
}

constexpr std::string_view prompt = "text:"; // what stands behind it is the text itself

DataItem item_of(std::string const& text) {
  DataItem item;
  item.shown = text;
  std::string_view rest = text;
  if (auto const equals = find_outside_quotes(text, '='); equals != std::string_view::npos && !is_there(text)) {
    item.column = without_quotes(rest.substr(0, equals));
    rest = rest.substr(equals + 1);
    if (item.column.empty() || rest.empty())
      throw Error(fmt::format("expected COLUMN=FILE, found '{}'", printable(text)));
  }
  if (rest.starts_with(prompt)) {
    item.is_text = true;
    item.path = without_quotes(rest.substr(prompt.size()));
    return item;
  }
  item.path = without_quotes(rest);
  if (rest.front() != '"') split_parts(item);
  return item;
}

} // namespace

std::span<DataOption const> data_options() { return options; }

std::optional<std::string> ReadOptions::text(std::string_view name) {
  option_named(name);
  used_.emplace(name);
  for (auto const* values : {&given_, &defaults_})
    if (auto const found = values->find(std::string(name)); found != values->end()) return found->second;
  return std::nullopt;
}

std::optional<std::string> ReadOptions::one_of(std::string_view name, std::vector<std::string> const& values) {
  auto const value = text(name);
  if (!value || std::ranges::find(values, *value) != values.end()) return value;
  std::string list;
  for (auto const& known : values) list += (list.empty() ? "" : ", ") + known;
  bad_value(name, *value, "one of " + list);
}

std::optional<i64> ReadOptions::whole(std::string_view name, i64 least, i64 most) {
  auto const value = text(name);
  if (!value) return std::nullopt;
  i64 number = 0;
  auto const [end, error] = std::from_chars(value->data(), value->data() + value->size(), number);
  if (error != std::errc{} || end != value->data() + value->size() || number < least || number > most)
    bad_value(name, *value, fmt::format("a whole number from {} to {}", least, most));
  return number;
}

std::optional<f64> ReadOptions::number(std::string_view name, f64 least, f64 most) {
  auto const value = text(name);
  if (!value) return std::nullopt;
  f64 number = 0;
  auto const [end, error] = std::from_chars(value->data(), value->data() + value->size(), number);
  if (error != std::errc{} || end != value->data() + value->size() || !(number >= least) || !(number <= most))
    bad_value(name, *value, fmt::format("a number from {} to {}", least, most));
  return number;
}

std::vector<std::string> ReadOptions::list(std::string_view name) {
  std::vector<std::string> names;
  for (auto& part : split_outside_quotes(text(name).value_or(""), '+'))
    if (!part.empty()) names.push_back(without_quotes(part));
  return names;
}

bool ReadOptions::flag(std::string_view name) {
  auto const value = one_of(name, {"", "yes", "no"});
  return value && *value != "no";
}

std::optional<std::vector<i64>> ReadOptions::size(std::string_view name, i64 most) {
  auto const value = text(name);
  if (!value) return std::nullopt;
  std::vector<i64> extents;
  for (auto const& part : split_outside_quotes(*value, 'x')) {
    i64 extent = 0;
    auto const [end, error] = std::from_chars(part.data(), part.data() + part.size(), extent);
    if (error != std::errc{} || end != part.data() + part.size() || extent < 1 || extent > most || extents.size() == 2)
      bad_value(name, *value, fmt::format("HEIGHTxWIDTH, each from 1 to {}", most));
    extents.push_back(extent);
  }
  if (extents.size() == 1) extents.push_back(extents[0]);
  return extents;
}

void ReadOptions::add_defaults(std::map<std::string, std::string> const& before) {
  defaults_.insert(before.begin(), before.end());
}

std::map<std::string, std::string> ReadOptions::asked() const {
  std::map<std::string, std::string> asked;
  for (auto const* values : {&given_, &defaults_})
    for (auto const& [name, value] : *values)
      if (used_.contains(name)) asked.emplace(name, value);
  return asked;
}

void ReadOptions::expect_all_used(std::string const& words) const {
  for (auto const& [name, value] : given_)
    if (!used_.contains(name))
      throw Error(Diagnostic{.message = fmt::format("the option '{}' says nothing to the readers of {}", name,
                                                    printable(words)),
                             .help = fmt::format("{}: {}", name, option_named(name).meaning)});
}

DataSpec parse_data_spec(std::string const& words) {
  // A shell takes the quotes off: then all of it is the text, commas included.
  if (words.starts_with(prompt) && !words.starts_with("text:\""))
    return {.items = {{.path = words.substr(5), .is_text = true, .shown = words}}};
  if (std::ranges::count(words, '"') % 2)
    throw Error(fmt::format("'{}': a double quote without its other one", printable(words)));
  DataSpec spec;
  for (auto const& part : split_outside_quotes(words, ',')) {
    if (part.empty()) throw Error(fmt::format("'{}': expected a file or an option between the commas", printable(words)));
    auto const equals = find_outside_quotes(part, '=');
    auto const name = part.substr(0, equals);
    // source=en.txt,target=es.txt, text=kjv.txt: no column of a table is called like a file that is there.
    bool const is_column = (name == "target" || name == "text") && equals != std::string::npos &&
                           (part.compare(equals + 1, prompt.size(), prompt) == 0 || is_there(part.substr(equals + 1)));
    if (!is_option(name) || is_column) {
      spec.items.push_back(item_of(part));
      continue;
    }
    auto const value = equals == std::string::npos ? "" : without_quotes(std::string_view(part).substr(equals + 1));
    if (!spec.options.emplace(name, value).second)
      throw Error(fmt::format("the option '{}' is given twice in '{}'", name, printable(words)));
  }
  if (spec.items.empty()) throw Error(fmt::format("'{}' names no file", printable(words)));
  return spec;
}

} // namespace nnc
