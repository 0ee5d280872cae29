// What stands behind a Data of the public API, and how its columns bind to the inputs of a program.
#pragma once

#include "nnc/nnc.hpp"
#include "runtime/data/dataset.h"
#include "runtime/program.h"

namespace nnc {
// What makes the batches of a set that has columns without rows.
struct Stream {
  NextBatch next;
  StreamOptions options;
};

struct DataContents {
  Dataset set;
  std::string summary;
  std::optional<Stream> stream = {};
};

// Throws Error where a column that the program takes has other names than where the weights were trained.
void expect_same_names(CompiledProgram const&, Encodings const& trained_on, Dataset const&);

// The types of the columns, for the elaborator.
std::vector<ColumnType> columns_of(Split const&);

// The column behind each input of the program, in its order: the one that it was compiled for when the split has it,
// else the one of the input's name, else the next in order. A null for a target that the split lacks when `targets` is
// false. Throws Error with both types when a column does not fit.
std::vector<NamedTensor const*> bind_columns(CompiledProgram const&, Split const&, std::string const& set_name,
                                             bool targets);

} // namespace nnc
