// Which examples are the test split, as the options of a data set say; and what is done with missing numbers.
#pragma once

#include "runtime/data/reading.h"

namespace nnc {

// What test= says is a share of the examples, and no path: "0.2", "1e-3".
bool is_share(std::string_view test);

// Obeys test=SHARE, fold=K/N, split=COLUMN, limit=N. Throws Error for a set that is split already, and for a part
// without an example.
void divide_by_options(Dataset&, ReadOptions&);

// Obeys fill=NUMBER and fill=mean, the mean of the column (of each number of an example) over the training split, or
// over that of the training that `known` is of; fill=nan leaves them. Without it a missing number is an Error that says
// where it is missing.
void fill_missing(Dataset&, ReadOptions&, Encodings const& known);

// These rows, copied; room_for them.
Split rows_of(Split const&, std::vector<i64> const& rows);

} // namespace nnc
