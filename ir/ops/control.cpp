// Nodes about nodes. They have no type rule of their own: a gradient has the type of its value, a call the types of its
// callee's results, a cond those of its sides' results, a scan those of its region's, a kernel those of the values that
// it gives. The verifier checks them, the evaluator runs them.
#include "ir/op.h"

namespace nnc {
namespace {

constexpr AttributeSpec call_attributes[] = {{"callee", AttributeKind::string, false, "name of the function"}};
constexpr AttributeSpec with_gradient_attributes[] = {
    {"derivative", AttributeKind::string, false, "name of the function that gives the derivatives"},
    {"variables", AttributeKind::integer, false, "how many operands behind the values get a derivative"}};
constexpr AttributeSpec cond_attributes[] = {
    {"barrier", AttributeKind::boolean, true, "the threads meet before they read the condition"},
    {"places", AttributeKind::places, true, "where its results live"}};
constexpr AttributeSpec scan_attributes[] = {
    {"length", AttributeKind::integer, false, "how many rounds"},
    {"carries", AttributeKind::integer, true, "how many values go from round to round"},
    {"reverse", AttributeKind::boolean, true, "the first round is of the last elements"},
    {"recompute", AttributeKind::boolean, true,
     "its derivative keeps the carries of each round alone, and nothing of all rounds is computed at once"},
    {"places", AttributeKind::places, true, "where the elements of this round live, and what has been stacked"}};

} // namespace

constinit Op const ops::grad{
    .name = "grad",
    .doc = "derivatives of the first operand, a float scalar, by each of the others; replaced by `differentiate`",
    .arity = -1,
    .traits = structural,
};
constinit Op const ops::with_gradient{
    .name = "with_gradient",
    .doc =
        "the first operands, one for each result, as they are. Derivatives do not flow to them but to the `variables` "
        "behind them, as the function `derivative` of the results' derivatives and the other operands says; replaced "
        "by `differentiate`",
    .arity = -1,
    .traits = structural,
    .attributes = with_gradient_attributes,
};
constinit Op const ops::call{
    .name = "call",
    .doc = "runs another function of the module; replaced by `assemble_step`",
    .arity = -1,
    .traits = structural,
    .attributes = call_attributes,
};
constinit Op const ops::cond{
    .name = "cond",
    .doc =
        "the results of its first region where the first operand, a bool, is true, else those of its second one; only "
        "that region is computed. The other operands are what the regions read",
    .arity = -1,
    .regions = 2,
    .traits = structural,
    .attributes = cond_attributes,
};
constinit Op const ops::scan{
    .name = "scan",
    .doc =
        "runs its region `length` times. The first operands are sequences, of which each round gets the elements at "
        "its index of axis 0, then `carries` values to begin with; the others are what the region reads. The region gives "
        "the carries of the next round, then what is stacked along a new axis 0, at the index of the round. Results: "
        "the last carries, and what was stacked",
    .arity = -1,
    .regions = 1,
    .traits = structural,
    .attributes = scan_attributes,
};
constinit Op const ops::kernel{
    .name = "kernel",
    .doc = "a group of nodes that become one loop nest; made by `fuse`",
    .arity = -1,
    .regions = 1,
    .traits = structural,
};

} // namespace nnc
