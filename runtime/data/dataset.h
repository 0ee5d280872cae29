// Data sets: named columns whose first axis is the examples, in a training and a test split.
#pragma once

#include "runtime/data/encoding.h"
#include "runtime/tensor.h"

#include <filesystem>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace nnc {

// Columns in another type, as a program takes them: made when it asks, kept as long as the split.
class Conversions {
public:
  // Null where a value would become another one (a float an integer, or a number out of range): `problem` says which.
  NamedTensor const* column(NamedTensor const&, DType, std::string& problem);
  std::vector<std::string> words() const; // "'x' is f64, and f32 in the model", for its user

private:
  mutable std::mutex mutex_;
  std::map<std::pair<void const*, DType>, std::unique_ptr<NamedTensor>> made_;
  std::vector<std::string> words_;
};

// Columns of equal length. `examples` is 0 when a data set has no such split.
struct Split {
  std::vector<NamedTensor> columns; // in the order of the set: inputs first, then targets
  i64 examples = 0;
  std::shared_ptr<Conversions> conversions = std::make_shared<Conversions>(); // of these columns
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
  std::string target;                    // the column that was said to be predicted, or empty
  struct Missing {
    i64 count = 0;
    std::string where; // of the first one: "a.csv:7: no value for 'age'"
    std::vector<f64> counts = {}; // of the training split, for each number of an example
  };
  std::map<std::string, Missing> missing; // numbers of columns that are NaN because nothing stood there

  // "mnist: 5000 training and 1000 test examples from the command itself"
  std::string summary() const;
};

// The columns of a split have as many examples as the first one; `names` is what errors call each of them. Throws Error
// for another number, and for none.
void count_examples(Split&, std::vector<std::string> const& names);

struct Opening {
  std::optional<std::filesystem::path> folder = {}; // of the built-in sets (--data)
  Encodings known = {};                             // of the training whose data these continue
};

// `words` is what the user wrote behind --train, --eval or --run, see spec.h:
//   mnist, fashion              a built-in set; `folder`, $NNC_DATA, and the usual places are looked at in turn
//   FOLDER, FILE, COLUMN=FILE:PART, ...   what reading.h has readers for; several give the columns of one set
//   OPTION=VALUE                what data_options() says
// Throws Error when it is not there, is damaged, has no example, or its columns differ in length.
Dataset load_dataset(std::string const& words, Opening const& = {});

// The built-in names, for help and suggestions.
std::vector<std::string> const& builtin_datasets();

} // namespace nnc
