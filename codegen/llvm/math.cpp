// Functions that kernels call: the mathematical ones and the random bits. Calls cost little and keep the code small, and
// small code is what compiles fast.
#include "codegen/llvm/arithmetic.h"
#include "codegen/math/functions.h"
#include "ir/op.h"
#include "ir/random.h"

namespace nnc {
namespace {

// An internal function of the module, made on first use by `body`.
template <class Body>
llvm::Function* function_once(EmitModule& m, std::string const& name, llvm::FunctionType* type, Body body) {
  if (auto* f = m.module.getFunction(name)) return f;
  auto* f = llvm::Function::Create(type, llvm::Function::InternalLinkage, name, m.module);
  decorate(*f);
  f->addFnAttr(llvm::Attribute::NoInline);
  Emitter b(llvm::BasicBlock::Create(m.module.getContext(), "", f));
  b.CreateRet(body(b, *f));
  return f;
}

template <class X> X apply(LlvmArithmetic& a, OpCode op, X x, X y) {
  switch (op) {
  case OpCode::exp: return math::exp(a, x);
  case OpCode::log: return math::log(a, x);
  case OpCode::tanh: return math::tanh(a, x);
  case OpCode::sin: return math::sin(a, x);
  case OpCode::cos: return math::cos(a, x);
  case OpCode::pow: return math::pow(a, x, y);
  case OpCode::erf:
    if constexpr (std::is_same_v<X, LlvmArithmetic::F>) return math::erf(a, x);
    else throw Error("erf of an f64 number is not compiled yet");
  default: throw CompilerBug("not a mathematical function: " + std::string(info(op).name));
  }
}

} // namespace

llvm::Function* math_function(EmitModule& m, OpCode op, Lanes t) {
  auto* type = llvm_type(m.module.getContext(), t);
  std::string name = "math." + std::string(info(op).name) + "." + std::string(nnc::name(t.dtype)) + "x" + std::to_string(t.lanes);
  std::vector<llvm::Type*> operands(static_cast<size_t>(info(op).arity), type);
  return function_once(m, name, llvm::FunctionType::get(type, operands, false), [&](Emitter& b, llvm::Function& f) {
    LlvmArithmetic a(m, b, t.lanes);
    llvm::Value *x = f.getArg(0), *y = f.getArg(static_cast<unsigned>(operands.size()) - 1);
    if (t.dtype == DType::f64) return apply(a, op, LlvmArithmetic::D{x}, LlvmArithmetic::D{y}).v;
    return apply(a, op, LlvmArithmetic::F{x}, LlvmArithmetic::F{y}).v;
  });
}

// <lanes x i32> bits(i64 base, <lanes x i32> offsets, i64 seed, i64 step, i32 path): see random_bits in ir/OPERATORS.md
// for the counter that element e = base + offset draws from.
llvm::Function* philox_function(EmitModule& m, int lanes) {
  auto& context = m.module.getContext();
  auto* i32s = llvm_type(context, {DType::i32, lanes});
  auto* i64s = llvm_type(context, {DType::i64, lanes});
  auto *i32t = llvm::Type::getInt32Ty(context), *i64t = llvm::Type::getInt64Ty(context);
  auto* type = llvm::FunctionType::get(i32s, {i64t, i32s, i64t, i64t, i32t}, false);
  return function_once(m, "philox.x" + std::to_string(lanes), type, [&](Emitter& b, llvm::Function& f) {
    using V = llvm::Value*;
    auto splat = [&](V v) { return lanes == 1 ? v : b.CreateVectorSplat(static_cast<unsigned>(lanes), v); };
    auto c64 = [&](u64 k) { return splat(b.getInt64(k)); };
    auto low = [&](V v) { return splat(b.CreateTrunc(v, i32t)); };
    auto high = [&](V v) { return splat(b.CreateTrunc(b.CreateLShr(v, 32), i32t)); };
    V e = b.CreateAdd(splat(f.getArg(0)), b.CreateSExt(f.getArg(1), i64s));
    V block = b.CreateOr(b.CreateShl(b.CreateLShr(e, c64(6)), c64(4)), b.CreateAnd(e, c64(15)));
    V word = b.CreateTrunc(b.CreateAnd(b.CreateLShr(e, c64(4)), c64(3)), i32s);
    V x[4] = {b.CreateTrunc(block, i32s), splat(f.getArg(4)), low(f.getArg(3)), high(f.getArg(3))};
    V key[2] = {low(f.getArg(2)), high(f.getArg(2))};
    auto wide = [&](V v, u32 by) { return b.CreateMul(b.CreateZExt(v, i64s), c64(by)); };
    auto upper = [&](V v) { return b.CreateTrunc(b.CreateLShr(v, c64(32)), i32s); };
    for (int round = 0; round < philox_rounds; ++round) {
      V p = wide(x[0], philox_multiplier_0), q = wide(x[2], philox_multiplier_1);
      V next[4] = {b.CreateXor(b.CreateXor(upper(q), x[1]), key[0]), b.CreateTrunc(q, i32s),
                   b.CreateXor(b.CreateXor(upper(p), x[3]), key[1]), b.CreateTrunc(p, i32s)};
      std::copy(next, next + 4, x);
      key[0] = b.CreateAdd(key[0], splat(b.getInt32(philox_key_step_0)));
      key[1] = b.CreateAdd(key[1], splat(b.getInt32(philox_key_step_1)));
    }
    V chosen = x[3];
    for (u32 k = 3; k-- > 0;) chosen = b.CreateSelect(b.CreateICmpEQ(word, splat(b.getInt32(k))), x[k], chosen);
    return chosen;
  });
}

} // namespace nnc
