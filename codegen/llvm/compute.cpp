// Elementwise operators on values of LLVM. The costly ones are functions that kernels call: calls cost little and keep
// the code small, and small code is what compiles fast.
#include "codegen/llvm/arithmetic.h"
#include "codegen/math/apply.h"

namespace nnc {

using V = llvm::Value*;

// One by operator, dtype and lanes.
static llvm::Function* math_function(EmitModule& m, OpCode op, Lanes t) {
  auto* type = llvm_type(m.module.getContext(), t);
  std::string name =
      "math." + std::string(info(op).name) + "." + std::string(nnc::name(t.dtype)) + "x" + std::to_string(t.lanes);
  std::vector<llvm::Type*> operands(static_cast<size_t>(info(op).arity), type);
  return function_once(m, name, llvm::FunctionType::get(type, operands, false), [&](Emitter& b, llvm::Function& f) {
    LlvmArithmetic a(m, b, t.lanes);
    std::vector<V> arguments;
    for (auto& argument : f.args()) arguments.push_back(&argument);
    return math::apply<LlvmArithmetic>(a, op, t.dtype, t.dtype, arguments);
  });
}

V emit_compute(EmitModule& m, Emitter& b, OpCode op, DType from, Lanes to, std::vector<V> const& operands) {
  if (info(op).has(costly)) return call(b, math_function(m, op, to), operands);
  LlvmArithmetic a(m, b, to.lanes);
  return math::apply<LlvmArithmetic>(a, op, from, to.dtype, operands);
}

V emit_fma(EmitModule& m, Emitter& b, V x, V y, V z) {
  if (!m.machine.fma) return b.CreateFAdd(b.CreateFMul(x, y), z);
  return b.CreateIntrinsic(llvm::Intrinsic::fma, {x->getType()}, {x, y, z});
}

} // namespace nnc
