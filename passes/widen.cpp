// Sums and products of f16 or bf16 elements become those of f32 ones, rounded once to their type at the end. Nothing
// that accumulates is left in a narrow float: code is made for sums in f32 and f64 alone.
//
// What accumulates does so in f32.
//
//     %y = reduce_sum %x {axes=[1]} : bf16[batch]                                    %x: bf16[batch,784]
//  becomes
//     %0 = convert %x : f32[batch,784]
//     %1 = reduce_sum %0 {axes=[1]} : f32[batch]
//     %y = convert %1 : bf16[batch]
#include "ir/op.h"
#include "passes/pass.h"
#include "passes/rewrite.h"

namespace nnc {
namespace {

bool widen_function(Function& f) {
  Rewriter rewriter(f);
  rewriter.hold_variables();
  rewriter.run([&](Node&& n) {
    bool const sums = info(n.op).has(accumulates) && is_narrow_float(f.type(n.result()).dtype);
    if (!sums) return rewriter.keep(std::move(n));
    std::vector<Node> made;
    Builder make(f, made);
    make.at = n.at;
    DType const narrow = f.type(n.result()).dtype;
    auto operands = n.operands;
    for (auto& v : operands)
      if (is_narrow_float(f.type(v).dtype)) v = make.convert(v, DType::f32);
    ValueId const rounded = make.convert(make.make(n.op, operands, n.attributes), narrow);
    for (auto& x : made) rewriter.keep(std::move(x));
    rewriter.replace(n.result(), rounded);
  });
  return rewriter.changed;
}

} // namespace

PassResult widen(Module m, PassContext&) { return each_function(std::move(m), widen_function); }

} // namespace nnc
