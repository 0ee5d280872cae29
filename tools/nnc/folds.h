// Cross-validation in one command: --split fold=*/N trains on each fold in turn.
#pragma once

#include "tools/nnc/jobs.h"

#include <optional>

namespace command {

// N of `--split fold=*/N`; nothing where the line does not ask for all folds. Throws Mistake for another N than 2 or
// more, and for switches that are about one training: --save, --resume, --eval, --run, ...
std::optional<std::int64_t> folds_of(Line const&);

// Trains once on each fold, from the weights of the seed (or of --load), and says the mean of what the tests measured, and
// its standard deviation over the folds.
Status run_folds(Line const&, std::int64_t folds, Screen&);

} // namespace command
