// Evaluates nodes whose operands are literals, where IEEE 754 or integer arithmetic defines every bit.
// Afterwards no exact scalar computation on literals is left; exp and its like are never folded.
//
// Scalar arithmetic on literals.
//
//     %0 = sub 2, 1 : f32[]
//     %1 = mul %x, %0 : f32[8]
//  becomes
//     %1 = mul %x, 1 : f32[8]
#include "ir/op.h"
#include "ir/tensor.h"
#include "passes/pass.h"
#include "passes/rewrite.h"

#include <algorithm>
#include <cmath>

namespace nnc {
namespace {

bool defined_exactly(Op const& op, DType result) {
  return op.has(elementwise) && (op.has(exact) || (!is_float(result) && !op.has(costly)));
}

// Kernels flush subnormals and count divisions by zero; both stay for the run.
bool folds_quietly(Function const& f, Node const& n, Tensor const& result) {
  if (n.op == OpCode::floor_div || n.op == OpCode::mod)
    if (auto const& d = f.values[n.operands[1]]; is_int(d.type.dtype) && d.constant->i == 0) return false;
  auto small = [](DType d, f64 x) { return d != DType::f64 && is_float(d) && x != 0 && std::fabs(x) < 0x1p-126; };
  for (auto v : n.operands)
    if (small(f.type(v).dtype, f.values[v].constant->f)) return false;
  return !is_float(result.dtype) || !small(result.dtype, result.f[0]);
}

std::optional<Scalar> folded(Function const& f, Node const& n) {
  auto const& type = f.type(n.result());
  if (type.rank() != 0 || !defined_exactly(info(n.op), type.dtype)) return {};
  std::vector<Tensor> operands;
  for (auto v : n.operands) {
    auto const& value = f.values[v];
    if (!value.constant) return {};
    auto t = Tensor::zeros(value.type.dtype, {});
    if (is_float(t.dtype)) t.f[0] = value.constant->f;
    else t.i[0] = value.constant->i;
    operands.push_back(std::move(t));
  }
  auto result = info(n.op).evaluate(n, operands, std::span(&type, 1)).front();
  if (is_float(type.dtype)) result.f[0] = round_to(type.dtype, result.f[0]);
  if (!folds_quietly(f, n, result)) return {};
  return is_float(type.dtype) ? Scalar{.f = result.f[0]} : Scalar{.i = result.i[0]};
}

bool fold_function(Function& f) {
  Rewriter rewriter(f);
  rewriter.hold_variables();
  rewriter.run([&](Node&& n) {
    auto value = n.results.size() == 1 ? folded(f, n) : std::nullopt;
    if (!value) return rewriter.keep(std::move(n));
    rewriter.replace(n.result(), literal(f, f.type(n.result()).dtype, *value));
  });
  return rewriter.changed;
}

} // namespace

PassResult fold(Module m, PassContext&) { return each_function(std::move(m), fold_function); }

} // namespace nnc
