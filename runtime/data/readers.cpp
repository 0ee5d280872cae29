// Which reader a file or folder asks for, and what readers of folders share.
#include "runtime/data/readers.h"

#include "ir/diagnostic.h"
#include "runtime/data/builtin.h"

#include <fmt/core.h>

#include <algorithm>
#include <array>
#include <fstream>

namespace nnc {
namespace {

namespace fs = std::filesystem;

// Files of the same kind, as a folder of classes holds them.
enum class Kind : u8 { table, array, text, image, sound };

struct Format {
  char const* ending;
  char const* begins; // what such files begin with, whatever they are called; null: nothing
  Kind kind;
  Reader read;
};

// Of endings of which one is part of another the longer comes first.
constexpr Format formats[] = {
    {".csv.gz", nullptr, Kind::table, read_table},
    {".tsv.gz", nullptr, Kind::table, read_table},
    {".csv", nullptr, Kind::table, read_table},
    {".tsv", nullptr, Kind::table, read_table},
    {".jsonl.gz", nullptr, Kind::table, read_json_lines},
    {".jsonl", nullptr, Kind::table, read_json_lines},
    {".ndjson", nullptr, Kind::table, read_json_lines},
    {".npy", "\x93NUMPY", Kind::array, read_numpy},
    {".npz", nullptr, Kind::array, read_numpy},
    {".safetensors", nullptr, Kind::array, read_tensors},
    {".idx.gz", nullptr, Kind::array, read_idx_file},
    {".idx", nullptr, Kind::array, read_idx_file},
    {"-ubyte.gz", nullptr, Kind::array, read_idx_file},
    {"-ubyte", nullptr, Kind::array, read_idx_file},
};

// What a folder of classes may hold.
struct FolderKind {
  Kind kind;
  char const* what;
  Reader read;
};
constexpr std::array<FolderKind, 0> folder_kinds{};

std::string small_letters(std::string text) {
  for (char& c : text)
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c + ('a' - 'A'));
  return text;
}

Format const* format_of(fs::path const& path) {
  auto const name = small_letters(path.filename().string());
  auto const found = std::ranges::find_if(formats, [&](auto const& format) { return name.ends_with(format.ending); });
  return found == std::end(formats) ? nullptr : found;
}

// By what it begins with: for files whose name says nothing. IDX begins with two zeros and a type.
Format const* format_by_content(fs::path const& path) {
  std::ifstream file(path, std::ios::binary);
  char head[8] = {};
  file.read(head, sizeof head);
  std::string_view const begin(head, static_cast<size_t>(file.gcount()));
  for (auto const& format : formats)
    if (format.begins && begin.starts_with(format.begins)) return &format;
  bool const is_idx = begin.size() >= 4 && begin[0] == 0 && begin[1] == 0 && begin[2] >= 8 && begin[2] <= 14;
  return is_idx || path.extension() == ".gz" ? format_of("a.idx") : nullptr;
}

std::string endings_list() {
  std::string list;
  for (auto const& format : formats) list += fmt::format("{}{}", list.empty() ? "" : " ", format.ending);
  return list;
}

bool is_hidden(fs::path const& path) { return path.filename().string().starts_with('.'); }

std::vector<fs::path> entries_of(fs::path const& folder) {
  std::error_code error;
  std::vector<fs::path> found;
  for (fs::directory_iterator at(folder, error), end; !error && at != end; at.increment(error))
    if (!is_hidden(at->path())) found.push_back(at->path());
  if (error) throw Error(Code::file, fmt::format("{}: cannot be listed: {}", folder.string(), error.message()));
  std::ranges::sort(found);
  return found;
}

// The words by which the parts of a split set are called.
constexpr std::string_view train_words[] = {"train", "training"};
constexpr std::string_view test_words[] = {"test", "testing", "t10k", "eval", "val", "valid", "validation"};

bool is_among(std::span<std::string_view const> words, std::string_view word) {
  return std::ranges::find(words, word) != words.end();
}

// "x_train" -> ("x", train), "test-labels" -> ("labels", test).
struct SplitName {
  std::string rest;
  bool is_train = false, is_test = false;
};
SplitName split_name(std::string const& name) {
  auto const cut = [&](size_t at, bool word_first) {
    auto const word = small_letters(word_first ? name.substr(0, at) : name.substr(at + 1));
    return SplitName{word_first ? name.substr(at + 1) : name.substr(0, at), is_among(train_words, word),
                     is_among(test_words, word)};
  };
  if (auto const at = name.find_first_of("_-."); at != std::string::npos)
    if (auto const split = cut(at, true); (split.is_train || split.is_test) && !split.rest.empty()) return split;
  if (auto const at = name.find_last_of("_-."); at != std::string::npos && at > 0)
    if (auto const split = cut(at, false); split.is_train || split.is_test) return split;
  return {name};
}

} // namespace

void divide_by_names(Dataset& set) {
  bool has_train = false, has_test = false;
  for (auto const& column : set.train.columns) {
    auto const split = split_name(column.name);
    has_train |= split.is_train;
    has_test |= split.is_test;
  }
  if (!has_train || !has_test || !set.test.columns.empty()) return;
  Split train, test;
  for (auto& column : set.train.columns) {
    auto split = split_name(column.name);
    if (auto const encoding = set.encodings.find(column.name); encoding != set.encodings.end() && split.rest != column.name) {
      auto node = set.encodings.extract(encoding);
      node.key() = split.rest;
      set.encodings.insert(std::move(node));
    }
    auto& to = split.is_test ? test : train;
    if (named(to.columns, split.rest))
      throw Error(fmt::format("two columns would be called '{}' in one split: '{}' is the second", split.rest, column.name));
    to.columns.push_back({std::move(split.rest), std::move(column.tensor)});
  }
  set.train = std::move(train);
  set.test = std::move(test);
}

std::string ending_of(fs::path const& path) {
  auto const* format = format_of(path);
  return format ? format->ending : small_letters(path.extension().string());
}

std::vector<fs::path> files_below(fs::path const& folder, std::vector<std::string> const& endings) {
  std::vector<fs::path> files;
  for (auto const& entry : entries_of(folder)) {
    std::error_code error;
    if (fs::is_directory(entry, error)) {
      auto const below = files_below(entry, endings);
      files.insert(files.end(), below.begin(), below.end());
      continue;
    }
    auto const name = small_letters(entry.filename().string());
    if (std::ranges::any_of(endings, [&](auto const& ending) { return name.ends_with(ending); })) files.push_back(entry);
  }
  return files;
}

ClassFolder class_folder(fs::path const& folder, std::vector<std::string> const& endings,
                         std::vector<std::string> const* known) {
  Numbering classes;
  std::error_code error;
  std::map<std::string, fs::path> folders;
  for (auto const& entry : entries_of(folder))
    if (fs::is_directory(entry, error)) folders[entry.filename().string()] = entry;
  for (auto const& [name, path] : folders) classes.number_of(name);
  classes.sort();
  ClassFolder result;
  result.classes = known ? *known : classes.names();
  Numbering const numbers(result.classes);
  for (auto const& name : classes.names()) {
    auto const number = numbers.find(name);
    if (!number)
      throw Error(fmt::format("{}: {}", folders[name].string(), unknown_category(name, "the classes", result.classes)));
    auto const files = files_below(folders[name], endings);
    if (files.empty()) {
      std::string list;
      for (auto const& ending : endings) list += fmt::format("{}*{}", list.empty() ? "" : ", ", ending);
      throw Error(fmt::format("{}: the class '{}' is empty, expected files {}", folders[name].string(), name, list));
    }
    result.files.insert(result.files.end(), files.begin(), files.end());
    result.labels.insert(result.labels.end(), files.size(), *number);
  }
  return result;
}

SplitFolders split_folders(fs::path const& folder) {
  SplitFolders found;
  std::error_code error;
  for (auto const& entry : entries_of(folder)) {
    if (!fs::is_directory(entry, error)) continue;
    auto const name = small_letters(entry.filename().string());
    if (is_among(train_words, name)) found.train = entry;
    // A test set is one before a validation set is.
    if (is_among(test_words, name) && (found.test.empty() || name.starts_with("test"))) found.test = entry;
  }
  return found;
}

namespace {

Dataset read_split_folders(SplitFolders const& folders, Reading const& reading) {
  auto const below = [&](fs::path const& folder, Encodings const& known) {
    return read_path({reading.item, folder, reading.options, known});
  };
  auto set = below(folders.train, reading.known);
  auto known = reading.known;
  known.insert(set.encodings.begin(), set.encodings.end());
  auto test = below(folders.test, known);
  if (!set.test.columns.empty() || !test.test.columns.empty())
    throw Error(fmt::format("{}: is split by folder, and {} is split once more", reading.path.string(),
                            (set.test.columns.empty() ? folders.test : folders.train).string()));
  set.test = std::move(test.train);
  set.files.insert(set.files.end(), test.files.begin(), test.files.end());
  for (auto& note : test.notes)
    if (std::ranges::find(set.notes, note) == set.notes.end()) set.notes.push_back(std::move(note));
  for (auto& [name, missing] : test.missing) {
    auto& all = set.missing[name];
    if (all.count == 0) all.where = missing.where;
    all.count += missing.count;
  }
  return set;
}

// train.csv and test.csv, or each of them alone; files of arrays become columns.
Dataset read_files(std::vector<fs::path> const& files, Reading const& reading) {
  std::vector<fs::path> tables;
  for (auto const& file : files)
    if (format_of(file)->kind == Kind::table) tables.push_back(file);
  if (tables.size() == 1 && files.size() == 1) return read_path({reading.item, tables[0], reading.options, reading.known});
  if (!tables.empty()) {
    SplitFolders split;
    for (auto const& table : tables) {
      auto const stem = small_letters(table.stem().stem().string());
      if (is_among(train_words, stem)) split.train = table;
      if (is_among(test_words, stem) && (split.test.empty() || stem.starts_with("test"))) split.test = table;
    }
    if (split.train.empty() || split.test.empty())
      throw Error(Diagnostic{.message = fmt::format("{}: holds {} tables, expected one, or train{} and test{}",
                                                    reading.path.string(), tables.size(), ending_of(tables[0]),
                                                    ending_of(tables[0])),
                             .help = fmt::format("name the one that is meant: {}", tables[0].string())});
    return read_split_folders(split, reading);
  }
  Dataset set;
  for (auto const& file : files) {
    auto part = read_path({reading.item, file, reading.options, reading.known});
    for (auto& column : part.train.columns) set.train.columns.push_back(std::move(column));
    set.encodings.merge(part.encodings);
    set.files.insert(set.files.end(), part.files.begin(), part.files.end());
    set.notes.insert(set.notes.end(), part.notes.begin(), part.notes.end());
  }
  divide_by_names(set);
  return set;
}

Dataset read_folder(Reading const& reading) {
  auto const& folder = reading.path;
  if (has_mnist_names(folder)) return load_idx_folder(folder);
  if (auto const folders = split_folders(folder); !folders.train.empty() && !folders.test.empty())
    return read_split_folders(folders, reading);
  std::vector<fs::path> files;
  std::error_code error;
  for (auto const& entry : entries_of(folder)) {
    auto const* format = fs::is_regular_file(entry, error) ? format_of(entry) : nullptr;
    if (format && (format->kind == Kind::table || format->kind == Kind::array)) files.push_back(entry);
  }
  if (!files.empty()) return read_files(files, reading);
  for (auto const& kind : folder_kinds) {
    std::vector<std::string> endings;
    for (auto const& format : formats)
      if (format.kind == kind.kind) endings.emplace_back(format.ending);
    if (!files_below(folder, endings).empty()) return kind.read(reading);
  }
  throw Error(Diagnostic{.message = fmt::format("{}: holds no file that nnc reads", folder.string()),
                         .help = "it reads " + endings_list()});
}

} // namespace

Dataset read_path(Reading const& reading) {
  std::error_code error;
  if (fs::is_directory(reading.path, error)) return read_folder(reading);
  if (!fs::exists(reading.path, error)) throw Error(fmt::format("{}: no such file or folder", reading.path.string()));
  auto const* format = format_of(reading.path);
  if (!format && fs::is_regular_file(reading.path, error)) format = format_by_content(reading.path);
  if (!format)
    throw Error(Diagnostic{.message = fmt::format("{}: is in no format that nnc reads", reading.path.string()),
                           .help = "it reads " + endings_list()});
  auto set = format->read(reading);
  if (format->kind == Kind::array) divide_by_names(set);
  return set;
}

} // namespace nnc
