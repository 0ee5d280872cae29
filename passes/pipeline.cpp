// The pipeline: what stands in this list runs, in this order, for training and for inference alike.
#include "passes/assemble_step.h"
#include "passes/cse.h"
#include "passes/dce.h"
#include "passes/differentiate.h"
#include "passes/fold.h"
#include "passes/fuse.h"
#include "passes/order.h"
#include "passes/pass.h"
#include "passes/plan_memory.h"
#include "passes/schedule.h"
#include "passes/simplify.h"

#include <algorithm>

namespace nnc {
namespace {

constexpr bool rounds = true;

constexpr Pass passes[] = {
    {"simplify", simplify, "what elaboration left behind would be differentiated too"},
    {"cse", cse, "gradients of equal values are computed once"},
    {"dce", dce, "what no result needs has no gradient"},
    {"differentiate", differentiate, "before the updates join: they are not differentiated"},
    {"assemble_step", assemble_step,
     "as soon as gradients are ordinary values, so that everything below sees the whole step"},
    {"fold", fold, "exponents and factors of gradient rules become literals, which rules look at"},
    {"simplify", simplify, "gradient rules are written for the general case"},
    {"fold", fold, "simplify brings literals together"},
    {"cse", cse, "forward and backward share values; updates share their scalars"},
    {"dce", dce, "contributions to what needs no gradient"},
    {"order", order, "when extents are final, and before anything could depend on a schedule", rounds},
    {"fuse", fuse, "groups whole programs: forward, backward and update"},
    {"schedule", schedule, "needs the kernels; changes no bit"},
    {"plan_memory", plan_memory, "needs the kernels and their order"},
};

} // namespace

std::span<Pass const> pipeline() { return passes; }

Pass const* pass_named(std::string_view name) {
  auto* it = std::find_if(std::begin(passes), std::end(passes), [&](Pass const& p) { return p.name == name; });
  return it == std::end(passes) ? nullptr : it;
}

} // namespace nnc
