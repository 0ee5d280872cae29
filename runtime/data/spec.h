// The words that name a data set: files and folders, which of their columns, and options for their readers.
//
//   WORDS  := ITEM {"," ITEM}
//   ITEM   := [COLUMN "="] PATH [":" PART {"+" PART}]   image=a.npy   b.csv:label   x=b.csv:age+bmi   text:"In the"
//           | OPTION ["=" VALUE]                        test=0.2      size=28x28    gray
//
// What stands in double quotes is taken as it is, commas included. An item whose name is an option is one, whether a
// file of that name is there or not: ./gray is the file.
#pragma once

#include "ir/basic.h"

#include <map>
#include <optional>
#include <set>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace nnc {

struct DataItem {
  std::string column;             // that the user named; empty: the reader names its columns
  std::string path;               // of a file or folder
  std::vector<std::string> parts; // behind the colon: which columns of the file; empty: all
  bool is_text = false;           // `path` is no path but the text itself (text:"...")
  std::string shown;              // as the user wrote it
};

// What may be said to a reader. `form` is what stands behind "=" in messages and help: "N", "SHARE"; empty: a flag.
struct DataOption {
  char const* name;
  char const* form;
  char const* meaning;
};
std::span<DataOption const> data_options();

// The options of one data set. A reader asks for those that it knows; what nobody asked for is an error at the end.
class ReadOptions {
public:
  ReadOptions() = default;
  explicit ReadOptions(std::map<std::string, std::string> given) : given_(std::move(given)) {}

  // Each throws Error for a value that is none. `name` must stand in data_options().
  std::optional<std::string> text(std::string_view name);
  std::optional<std::string> one_of(std::string_view name, std::vector<std::string> const& values);
  std::optional<i64> whole(std::string_view name, i64 least, i64 most);
  std::optional<f64> number(std::string_view name, f64 least, f64 most);
  std::vector<std::string> list(std::string_view name); // "age+bmi"; empty where nothing is said
  bool flag(std::string_view name); // "gray", "gray=yes", "gray=no"
  // "28x20" or "28", which means both: the extents.
  std::optional<std::vector<i64>> size(std::string_view name, i64 most);

  // Options that a column was read with before hold where the words say nothing else.
  void add_defaults(std::map<std::string, std::string> const& before);
  // Throws Error for the first one that no reader asked for; `readers` says what was read: "a table".
  void expect_all_used(std::string const& words) const;
  // Those that were asked for so far, with their values: what a reader's result depends on.
  std::map<std::string, std::string> asked() const;

private:
  std::map<std::string, std::string> given_, defaults_;
  std::set<std::string, std::less<>> used_;
};

struct DataSpec {
  std::vector<DataItem> items;
  std::map<std::string, std::string> options;
};

// Throws Error for words that are no specification.
DataSpec parse_data_spec(std::string const& words);

} // namespace nnc
