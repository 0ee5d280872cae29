// x[...]: ints, ranges and `none` become one slice and one reshape, an int tensor or a run-time scalar a gather.
#pragma once

#include "frontend/elaborate/elaborator.h"
#include "frontend/elaborate/value.h"

namespace nnc::front {

Any indexed(Elaborator&, Any const& base, std::vector<syntax::Index> const&, Location);

} // namespace nnc::front
