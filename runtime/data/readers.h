// The way from a path to the reader of its format.
#pragma once

#include "runtime/data/reading.h"

namespace nnc {

// Files by their endings, or by what they begin with; folders by what they hold (see reading.h). Throws Error for what
// is in no format that nnc reads.
Dataset read_path(Reading const&);

// Columns whose names say which split they belong to ("x_train", "test_labels") go there, and lose that word; nothing
// happens unless there are both.
void divide_by_names(Dataset&);

} // namespace nnc
