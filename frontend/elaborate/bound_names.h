// The names that a function binds somewhere, whichever branch is taken.
#pragma once

#include "frontend/syntax.h"

#include <set>
#include <string>

namespace nnc::front {

using BoundNames = std::set<std::string>;

// Parameters, extents of types, targets, declarations; of loops and branches too, of functions inside only their names.
BoundNames bound_names(std::vector<syntax::Parameter> const&, syntax::Block const&);
BoundNames bound_names(syntax::FunctionDecl const&);

} // namespace nnc::front
