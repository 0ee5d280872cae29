// Data sets: named columns whose first axis is the examples, in a training and a test split.
#pragma once

#include "runtime/data/encoding.h"
#include "runtime/tensor.h"

#include <filesystem>
#include <map>
#include <optional>
#include <string>
#include <string_view>

namespace nnc {

// Columns of equal length. `examples` is 0 when a data set has no such split.
struct Split {
  std::vector<NamedTensor> columns; // in the order of the set: inputs first, then targets
  i64 examples = 0;
  HostTensor const* column(std::string_view name) const;
  Split rows(i64 first, i64 count) const; // a part; shares the bytes
};

struct Dataset {
  std::string name;        // "mnist"; for files the words that named them
  std::string from;        // where it was found: a folder, or "the command itself"
  std::vector<std::string> notes; // what the user should know about it, a sentence each
  bool is_excerpt = false; // of a larger set of the same name
  Split train, test;
  std::vector<std::string> files;        // that were read
  std::vector<std::string> class_names;  // by number; empty: nobody knows
  std::map<std::string, i64> properties; // what model arguments of these names take: "classes", "vocab"
  Encodings encodings;                   // of the columns that have one

  // "mnist: 5000 training and 1000 test examples from the command itself"
  std::string summary() const;
};

// `words` is what the user wrote behind --train, --eval or --run:
//   mnist, fashion            a built-in set; `folder` (--data), $NNC_DATA, and the usual places are looked at in turn
//   FOLDER                    IDX files under the four names of MNIST, plain or .gz; the two of the test set may be
//   absent image=FILE,label=FILE     named columns, all of them the training split
// Throws Error when it is not there, is damaged, has no example, or its columns differ in length.
Dataset load_dataset(std::string const& words, std::optional<std::filesystem::path> const& folder = {});

// The built-in names, for help and suggestions.
std::vector<std::string> const& builtin_datasets();

} // namespace nnc
