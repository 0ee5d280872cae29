// What is cheaper to compute again than to store.
#pragma once

#include "passes/fuse/groups.h"

namespace nnc::fusion {

// Per node: every kernel that reads it computes it from what is stored anyway.
std::vector<bool> cheaper_again(Graph const&, Groups const&);

} // namespace nnc::fusion
