// Patterns of paths, "body.*": what `over`, `freeze`, `fresh` and `average` choose.
#pragma once

#include "frontend/elaborate/context.h"
#include "frontend/elaborate/elaborator.h"

namespace nnc::front {

enum class Chosen : u8 { parameters, parameters_and_states };

// The paths that fit one of the patterns, in which `*` stands for any text, in the order of their declarations; all
// when there is no pattern. Throws Failure for a pattern that matches nothing.
std::vector<std::string> paths_that_fit(Elaborator&, std::vector<syntax::String> const& patterns, Chosen, Location at);

} // namespace nnc::front
