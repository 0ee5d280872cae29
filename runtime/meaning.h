// Which outputs of a program are over the names of a column of the data: its classes, or its vocabulary.
#pragma once

#include "ir/module.h"
#include "runtime/data/encoding.h"

namespace nnc {

// For each output of @run the column whose names it is over, or an empty text. Floats are, where their last extent is
// the number of names of one column and of no other; integers, where they come from an argmax over such an extent, or
// are what an input of that column has.
std::vector<std::string> columns_of_outputs(Function const& run, Encodings const&,
                                            std::map<std::string, std::string> const& column_of_input);

} // namespace nnc
