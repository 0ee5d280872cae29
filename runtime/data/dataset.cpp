// What a user's words become: the columns of all their files, split, filled, and with what is known of them.
#include "runtime/data/dataset.h"

#include "ir/diagnostic.h"
#include "ir/printable.h"
#include "runtime/data/builtin.h"
#include "runtime/data/readers.h"
#include "runtime/data/splits.h"
#include "runtime/data/vocabulary.h"

#include <fmt/core.h>

#include <algorithm>
#include <charconv>
#include <limits>

namespace nnc {
namespace {

namespace fs = std::filesystem;

[[noreturn]] void unknown(std::string const& words) {
  Diagnostic diagnostic{.at = {}, .message = fmt::format("unknown data set '{}'", printable(words))};
  auto const near = nearest(words, builtin_datasets());
  diagnostic.help = near.empty() ? "a data set is mnist, fashion, a file or a folder, or named files "
                                   "(image=a.npy,label=b.csv:digit)"
                                 : fmt::format("did you mean '{}'?", near);
  throw Error(std::move(diagnostic));
}

bool is_path(std::string const& words) {
  std::error_code error;
  return words.find_first_of("/.") != std::string::npos || fs::exists(words, error);
}

Dataset read_item(DataItem const& item, ReadOptions& options, Opening const& load) {
  bool const is_plain = item.column.empty() && item.parts.empty() && !item.is_text;
  if (is_plain && item.path == "mnist") return load_mnist(load.folder);
  if (is_plain && item.path == "fashion") return load_fashion(load.folder);
  if (item.is_text) return read_text({item, item.path, options, load.known});
  if (is_plain && !is_path(item.path)) unknown(item.path);
  std::error_code error;
  if (!item.column.empty() && !item.is_text && !fs::exists(item.path, error)) {
    std::vector<std::string> options_there_are;
    for (auto const& option : data_options()) options_there_are.emplace_back(option.name);
    if (auto const near = nearest(item.column, options_there_are); !near.empty())
      throw Error(Diagnostic{.message = fmt::format("{}: no such file or folder", printable(item.path)),
                             .help = fmt::format("did you mean the option '{}'?", near)});
  }
  return read_path({item, item.path, options, load.known});
}

// A column of one small integer per example is a label: models take it as i32.
HostTensor widened_label(HostTensor tensor) {
  if (tensor.shape().size() != 1 || (tensor.dtype() != DType::u8 && tensor.dtype() != DType::i8)) return tensor;
  HostTensor result(DType::i32, tensor.shape());
  auto const target = result.writable_as<i32>();
  if (tensor.dtype() == DType::u8) std::ranges::copy(tensor.as<u8>(), target.begin());
  else std::ranges::copy(tensor.as<i8>(), target.begin());
  return result;
}

void add_columns(Split& to, Split& from) {
  for (auto& column : from.columns) {
    if (to.column(column.name)) throw Error(fmt::format("the column '{}' is given twice", column.name));
    to.columns.push_back({column.name, widened_label(std::move(column.tensor))});
  }
  to.is_sequence = to.is_sequence || from.is_sequence;
}

void add(Dataset& set, Dataset part) {
  add_columns(set.train, part.train);
  add_columns(set.test, part.test);
  set.files.insert(set.files.end(), part.files.begin(), part.files.end());
  set.notes.insert(set.notes.end(), part.notes.begin(), part.notes.end());
  set.properties.merge(part.properties);
  set.encodings.merge(part.encodings);
  set.missing.merge(part.missing);
  if (!part.class_names.empty()) set.class_names = part.class_names;
  if (!part.target.empty()) set.target = part.target;
  set.are_examples = set.are_examples || part.are_examples;
  set.is_excerpt = set.is_excerpt || part.is_excerpt;
}

// "a.npy" for the columns of a set that was read from it.
std::vector<std::string> names_of(Split const& split, Dataset const& set) {
  std::vector<std::string> names;
  bool const by_file = set.files.size() == split.columns.size();
  for (size_t i = 0; i < split.columns.size(); ++i)
    names.push_back(by_file ? set.files[i] : fmt::format("'{}'", split.columns[i].name));
  return names;
}

// Both splits feed the same model.
void check_same_types(Dataset const& set) {
  if (set.test.examples == 0) return;
  for (auto const& column : set.train.columns) {
    auto const* other = set.test.column(column.name);
    auto of_example = [](HostTensor const& t) {
      return type_text(t.dtype(), {t.shape().begin() + 1, t.shape().end()});
    };
    if (!other || of_example(*other) != of_example(column.tensor))
      throw Error(fmt::format("{}: an example of '{}' is {} in the training set and {} in the test set", set.from,
                              column.name, of_example(column.tensor), other ? of_example(*other) : "missing"));
  }
}

// The files of test=PATH, read as those of the training split are.
void read_test(Dataset& set, DataSpec const& spec, ReadOptions& options, Opening const& load) {
  auto const path = options.text("test");
  if (!path || path->empty() || is_share(*path)) return;
  if (spec.items.size() > 1)
    throw Error(fmt::format("test={}: expected one file for the training split, found {}", *path, spec.items.size()));
  if (set.test.examples > 0) throw Error(fmt::format("test={}: {} has a test split of its own", *path, set.name));
  auto item = spec.items[0];
  item.path = *path;
  auto known = load.known;
  known.insert(set.encodings.begin(), set.encodings.end());
  auto test = read_path({item, item.path, options, known});
  if (test.test.examples > 0) throw Error(fmt::format("test={}: these are split themselves", *path));
  add_columns(set.test, test.train);
  set.files.insert(set.files.end(), test.files.begin(), test.files.end());
}

// The column that models predict: the one that was said, "label", the only one of categories, or a last one of integers.
std::string target_of(Dataset const& set) {
  if (!set.target.empty()) return set.target;
  if (set.train.column("label")) return "label";
  std::string found;
  for (auto const& [name, encoding] : set.encodings) {
    if (encoding.kind != Encoding::Kind::categories) continue;
    if (!found.empty()) return {};
    found = name;
  }
  if (!found.empty() || set.train.columns.size() < 2) return found;
  auto const& last = set.train.columns.back();
  bool const is_label = last.tensor.shape().size() == 1 && is_int(last.tensor.dtype());
  if (!is_label || set.encodings.contains(last.name)) return "";
  for (auto const& [name, encoding] : set.encodings)
    if (last.name == length_name(name)) return "";
  return last.name;
}

// The largest label and one, over both splits; nothing without a column of integers.
std::optional<i64> count_classes(Dataset const& set, std::string const& name) {
  i64 largest = -1;
  for (auto const* split : {&set.train, &set.test}) {
    auto const* labels = split->column(name);
    if (!labels || labels->elements() == 0) continue;
    if (labels->dtype() == DType::i32) largest = std::max<i64>(largest, std::ranges::max(labels->as<i32>()));
    if (labels->dtype() == DType::i64) largest = std::max<i64>(largest, std::ranges::max(labels->as<i64>()));
  }
  return largest < 0 ? std::nullopt : std::optional(largest + 1);
}

// How long the texts of a column are, or the windows of a stream shall be.
std::optional<i64> time_of(Dataset const& set, std::string const& name, Encoding const& encoding) {
  auto const* column = set.train.column(name);
  auto const as = encoding.options.find("as");
  bool const is_padded = as != encoding.options.end() && as->second == "lines";
  if (is_padded && column && column->shape().size() == 2) return column->shape()[1];
  return ReadOptions(encoding.options).whole("time", 1, std::numeric_limits<i32>::max());
}

// How many classes there are is kept as names are: data that are read later may not have all of them.
constexpr char const* classes_key = "classes";

std::optional<i64> known_classes(Encodings const& known, std::string const& name) {
  auto const found = known.find(name);
  if (found == known.end() || !found->second.options.contains(classes_key)) return std::nullopt;
  auto const& text = found->second.options.at(classes_key);
  i64 count = 0;
  std::from_chars(text.data(), text.data() + text.size(), count);
  return count;
}

void find_properties(Dataset& set, Encodings const& known) {
  std::vector<std::string> texts;
  for (auto const& [name, encoding] : set.encodings) {
    if (encoding.kind == Encoding::Kind::categories) set.properties.emplace(name + "_classes", std::ssize(encoding.names));
    if (encoding.kind != Encoding::Kind::tokens) continue;
    set.properties.emplace(name + "_vocab", std::ssize(encoding.names));
    if (auto const time = time_of(set, name, encoding)) set.properties.emplace(name + "_time", *time);
    texts.push_back(name);
  }
  for (auto const* property : {"vocab", "time"})
    if (texts.size() == 1 && set.properties.contains(texts[0] + "_" + property))
      set.properties.emplace(property, set.properties.at(texts[0] + "_" + property));
  auto const target = target_of(set);
  if (target.empty()) return;
  auto const encoding = set.encodings.find(target);
  if (encoding != set.encodings.end() && encoding->second.kind == Encoding::Kind::categories) {
    set.properties.emplace("classes", std::ssize(encoding->second.names));
    if (set.class_names.empty()) set.class_names = encoding->second.names;
  } else if (auto const classes = count_classes(set, target)) {
    auto const all = std::max(*classes, known_classes(known, target).value_or(0));
    set.properties.emplace("classes", all);
    set.encodings[target].options[classes_key] = std::to_string(all);
  }
}

} // namespace

HostTensor const* Split::column(std::string_view name) const {
  for (auto const& column : columns)
    if (column.name == name) return &column.tensor;
  return nullptr;
}

Split Split::rows(i64 first, i64 count) const {
  Split part;
  part.examples = count;
  part.is_sequence = is_sequence;
  for (auto const& column : columns) part.columns.push_back({column.name, column.tensor.rows(first, count)});
  return part;
}

std::string Dataset::summary() const {
  auto const counts = test.examples ? fmt::format("{} training and {} test examples", train.examples, test.examples)
                                    : fmt::format("{} examples", train.examples);
  return fmt::format("{}: {} from {}", name, counts, from);
}

void count_examples(Split& split, std::vector<std::string> const& names) {
  for (size_t i = 0; i < split.columns.size(); ++i) {
    auto const& tensor = split.columns[i].tensor;
    if (i == 0) split.examples = tensor.shape()[0];
    if (tensor.shape()[0] == 0) throw Error(fmt::format("{}: has no examples", names[i]));
    if (tensor.shape()[0] != split.examples)
      throw Error(fmt::format("{} has {} examples, and {} has {}: the columns of a data set must have the same number",
                              names[0], split.examples, names[i], tensor.shape()[0]));
  }
}

Dataset load_dataset(std::string const& words, Opening const& load) {
  auto const spec = parse_data_spec(words);
  ReadOptions options(spec.options);
  Dataset set;
  for (auto const& item : spec.items) {
    auto part = read_item(item, options, load);
    if (spec.items.size() == 1) {
      set.name = part.name;
      set.from = part.from;
    }
    set.name += (set.name.empty() ? "" : part.name.empty() && spec.items.size() > 1 ? "," : "");
    if (part.name.empty()) set.name += item.is_text ? "text" : item.shown;
    add(set, std::move(part));
  }
  if (set.from.empty()) {
    auto const& first = spec.items[0];
    bool const is_named = spec.items.size() > 1 || !first.column.empty();
    set.from = first.is_text ? "the words themselves" : is_named ? "the named files" : first.path;
  }
  read_test(set, spec, options, load);
  count_examples(set.train, names_of(set.train, set));
  count_examples(set.test, names_of(set.test, set));
  check_same_types(set);
  divide_by_options(set, options);
  fill_missing(set, options, load.known);
  find_properties(set, load.known);
  options.expect_all_used(words);
  return set;
}

std::vector<std::string> const& builtin_datasets() {
  static std::vector<std::string> const names{"mnist", "fashion"};
  return names;
}

} // namespace nnc
