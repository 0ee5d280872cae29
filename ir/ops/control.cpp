// Nodes about nodes. They have no type rule of their own: a gradient has the type of its value, a call the types of its
// callee's results, a cond those of its sides' results, a kernel those of the values that it gives. The verifier checks
// them, the evaluator runs them.
#include "ir/op.h"

namespace nnc {
namespace {

constexpr AttributeSpec call_attributes[] = {{"callee", AttributeKind::string, false, "name of the function"}};
constexpr AttributeSpec with_gradient_attributes[] = {
    {"derivative", AttributeKind::string, false, "name of the function that gives the derivatives"},
    {"variables", AttributeKind::integer, false, "how many operands behind the values get a derivative"}};

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
};
constinit Op const ops::kernel{
    .name = "kernel",
    .doc = "a group of nodes that become one loop nest; made by `fuse`",
    .arity = -1,
    .regions = 1,
    .traits = structural,
};

} // namespace nnc
