// Files of text: one stream of tokens, or an example for each line; folders with a file for each example; prompts.
#include "ir/diagnostic.h"
#include "ir/printable.h"
#include "runtime/data/decoded.h"
#include "runtime/data/reading.h"
#include "runtime/data/vocabulary.h"
#include "runtime/files.h"

#include <fmt/core.h>

#include <algorithm>
#include <limits>

namespace nnc {
namespace {

namespace fs = std::filesystem;

constexpr char const* usual_column = "text";
constexpr char const* label_column = "label";
constexpr i64 most_time = std::numeric_limits<i32>::max();

// The text of a mapped file, without the mark by which some editors say UTF-8.
std::string_view text_in(MappedFile const& file, bool without_mark = true) {
  auto const bytes = file.bytes();
  std::string_view text(reinterpret_cast<char const*>(bytes.data()), bytes.size());
  if (without_mark && text.starts_with("\xEF\xBB\xBF")) text.remove_prefix(3);
  return text;
}

// Lines end with "\n" or "\r\n"; behind the last one there is none where the text ends so.
void each_line(std::string_view text, std::string const& file, TextVisitor const& visit) {
  for (i64 line = 1; !text.empty(); ++line) {
    auto const end = text.find('\n');
    auto content = text.substr(0, end);
    if (end != text.npos && content.ends_with('\r')) content.remove_suffix(1);
    visit(content, {file, line});
    text.remove_prefix(end == text.npos ? text.size() : end + 1);
  }
}

std::string column_of(DataItem const& item) {
  if (!item.parts.empty())
    throw Error(fmt::format("'{}': a text has no columns, expected nothing behind the colon", printable(item.shown)));
  return item.column.empty() ? usual_column : item.column;
}

// One row for each token.
Dataset read_stream(std::string const& column, Reading const& reading) {
  auto const name = reading.path.string();
  auto const file = MappedFile::open(reading.path);
  TextEncoder encoder(column, reading.options, reading.known, TextRules::Unit::characters);
  auto const time = reading.options.whole("time", 1, most_time);
  auto const text = text_in(*file, encoder.unit() != TextRules::Unit::bytes);
  encoder.count(text, {name});
  if (encoder.tokens() == 0) throw Error(fmt::format("{}: has no token, expected a text", name));
  encoder.settle();
  auto ids = room_for(DType::i32, {encoder.tokens()});
  encoder.write(text, {name}, ids.writable_as<i32>());
  auto& encoding = encoder.encoding();
  if (!encoder.is_known()) {
    encoding.options["as"] = "stream";
    if (time) encoding.options["time"] = std::to_string(*time);
  }
  Dataset set;
  set.train.is_sequence = true;
  set.train.examples = encoder.tokens();
  set.train.columns.push_back({column, std::move(ids)});
  set.notes = encoder.notes();
  set.encodings[column] = std::move(encoding);
  return set;
}

Dataset read_lines(std::string const& column, Reading const& reading) {
  auto const name = reading.path.string();
  auto const file = MappedFile::open(reading.path);
  auto const text = text_in(*file);
  if (text.empty()) throw Error(fmt::format("{}: has no line, expected one for each example", name));
  Dataset set;
  add_texts(set, column,
            encode_texts([&](TextVisitor const& visit) { each_line(text, name, visit); }, column, reading.options,
                         reading.known));
  return set;
}

// The column whose vocabulary a prompt without a name is written in.
std::string column_of_prompt(Reading const& reading) {
  std::vector<std::string> columns;
  for (auto const& [name, encoding] : reading.known)
    if (encoding.kind == Encoding::Kind::tokens) columns.push_back(name);
  if (columns.empty()) throw Error("a prompt needs the vocabulary of a checkpoint");
  auto const is_text = [&](std::string const& name) { return std::ranges::find(columns, name) != columns.end(); };
  auto const& asked = reading.item.column;
  if (!asked.empty() && is_text(asked)) return asked;
  if (asked.empty() && columns.size() == 1) return columns[0];
  if (asked.empty() && is_text(usual_column)) return usual_column;
  std::string list;
  for (auto const& name : columns) list += fmt::format("{}{}=text:\"...\"", list.empty() ? "" : ", ", name);
  throw Error(Diagnostic{.message = asked.empty() ? fmt::format("the model reads {} texts, and the prompt is for none of "
                                                                "them", columns.size())
                                                  : fmt::format("the model reads no text '{}'", printable(asked)),
                         .help = list});
}

// One example. A prompt for a model that was trained on padded texts is padded as they were; one for a model of streams
// is as long as it is.
Dataset read_prompt(Reading const& reading) {
  auto const column = column_of_prompt(reading);
  auto known = reading.known;
  auto& options = known.at(column).options;
  auto const as = options.find("as");
  if (as == options.end() || as->second != "lines") options.erase("time");
  auto encoded = encode_texts({reading.item.path}, column, "prompt", reading.options, known);
  if (encoded.length.as<i32>()[0] == 0) throw Error("the prompt has no token");
  encoded.encoding = reading.known.at(column);
  Dataset set;
  add_texts(set, column, std::move(encoded));
  set.are_examples = true;
  return set;
}

} // namespace

Dataset read_text(Reading const& reading) {
  if (reading.item.is_text) return read_prompt(reading);
  auto const column = column_of(reading.item);
  auto const known = reading.known.find(column);
  auto as = reading.options.one_of("as", {"stream", "lines"});
  if (!as && known != reading.known.end())
    as = ReadOptions(known->second.options).one_of("as", {"stream", "lines"});
  auto set = as.value_or("stream") == "lines" ? read_lines(column, reading) : read_stream(column, reading);
  set.files.push_back(reading.path.string());
  return set;
}

Dataset read_text_folder(Reading const& reading) {
  auto const column = column_of(reading.item);
  std::vector<std::string> const endings{".txt"};
  auto const known = reading.known.find(label_column);
  auto found = class_folder(reading.path, endings, known == reading.known.end() ? nullptr : &known->second.names);
  bool const has_classes = !found.files.empty();
  if (!has_classes) found.files = files_below(reading.path, endings);
  if (found.files.empty()) throw Error(fmt::format("{}: has no file *.txt", reading.path.string()));
  auto const each = [&](TextVisitor const& visit) {
    for (auto const& path : found.files) {
      auto const name = path.string();
      auto const file = MappedFile::open(path);
      visit(text_in(*file), {name});
    }
  };
  Dataset set;
  add_texts(set, column, encode_texts(each, column, reading.options, reading.known));
  for (auto const& path : found.files) set.files.push_back(path.string());
  if (!has_classes) return set;
  HostTensor labels(DType::i32, {static_cast<i64>(found.labels.size())});
  std::ranges::copy(found.labels, labels.writable_as<i32>().begin());
  set.train.columns.push_back({label_column, std::move(labels)});
  set.encodings[label_column] = {.kind = Encoding::Kind::categories, .names = found.classes};
  set.class_names = std::move(found.classes);
  return set;
}

} // namespace nnc
