// The pipeline: what stands in this list runs, in this order, for training and for inference alike.
#include "passes/pass.h"

#include <algorithm>

namespace nnc {

// Each stands in passes/<its name>.cpp.
using Run = PassResult(Module, PassContext&);
Run assemble_step, cse, dce, differentiate, fold, fuse, hoist, layout, order, partials, phases, plan_memory, schedule,
    simplify, widen;

namespace {

// The words of a row, in the order of its members.
constexpr bool optional = true, needed = false, idempotent = true, adds_once = false, rounds = true, exact = false;
constexpr f64 of_differences = 1e-3; // what finite differences miss, by which `grad` nodes are evaluated
constexpr f64 of_rounding = 1e-3;

constexpr Pass passes[] = {
    {"simplify", simplify, "what elaboration left behind would be differentiated too", optional, idempotent},
    {"cse", cse, "gradients of equal values are computed once", optional, idempotent},
    {"dce", dce, "what no result needs has no gradient", optional, idempotent},
    {"differentiate", differentiate, "before the updates join: they are not differentiated", needed, idempotent, exact,
     of_differences},
    {"assemble_step", assemble_step,
     "as soon as gradients are ordinary values, so that everything below sees the whole step", needed, adds_once},
    {"fold", fold, "exponents and factors of gradient rules become literals, which rules look at", optional,
     idempotent},
    {"simplify", simplify, "gradient rules are written for the general case", optional, idempotent},
    {"fold", fold, "simplify brings literals together", optional, idempotent},
    {"cse", cse, "forward and backward share values; updates share their scalars", optional, idempotent},
    {"dce", dce, "contributions to what needs no gradient", optional, idempotent},
    {"hoist", hoist, "forward and backward scans are there, and nothing in them that nobody needs", optional,
     idempotent},
    {"layout", layout,
     "when all convolutions are there, and before sums are given an order: along the axes as they lie", needed,
     idempotent, rounds, of_rounding},
    {"widen", widen, "when all sums are there, and before they are given an order: that of f32", needed, idempotent,
     rounds, of_rounding},
    {"order", order, "when extents are final, and before anything could depend on a schedule", needed, idempotent,
     rounds, of_rounding},
    {"phases", phases, "when sums have their order, which it keeps, and images lie as they will", optional, idempotent},
    {"partials", partials, "when sums have their order, which it keeps; the evaluator rounds each partial sum",
     optional, idempotent, exact, of_rounding},
    {"fuse", fuse, "groups whole programs: forward, backward and update", optional, idempotent},
    {"schedule", schedule, "needs the kernels; changes no bit", needed, idempotent},
    {"plan_memory", plan_memory, "needs the kernels and their order", needed, idempotent},
};

} // namespace

std::span<Pass const> pipeline() { return passes; }

Pass const* pass_named(std::string_view name) {
  auto* it = std::find_if(std::begin(passes), std::end(passes), [&](Pass const& p) { return p.name == name; });
  return it == std::end(passes) ? nullptr : it;
}

std::vector<Pass const*> distinct_passes() {
  std::vector<Pass const*> all;
  for (auto const& p : passes)
    if (pass_named(p.name) == &p) all.push_back(&p);
  return all;
}

} // namespace nnc
