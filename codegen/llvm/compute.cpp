// Elementwise operators on values of LLVM. Floats follow IEEE 754 without exceptions for speed; integers wrap; the
// divisions that have no result give 0.
#include "codegen/llvm/emit.h"
#include "ir/op.h"

namespace nnc {
namespace {

using V = llvm::Value*;
using Operands = std::vector<V>;

class Compute {
public:
  Compute(EmitModule& m, Emitter& b, DType from, Lanes to) : m_(m), b_(b), from_(from), to_(to) {}

  V make(OpCode op, Operands const& x) {
    bool floats = is_float(from_);
    switch (op) {
    case OpCode::add: return floats ? b_.CreateFAdd(x[0], x[1]) : b_.CreateAdd(x[0], x[1]);
    case OpCode::sub: return floats ? b_.CreateFSub(x[0], x[1]) : b_.CreateSub(x[0], x[1]);
    case OpCode::mul: return floats ? b_.CreateFMul(x[0], x[1]) : b_.CreateMul(x[0], x[1]);
    case OpCode::div: return b_.CreateFDiv(x[0], x[1]);
    case OpCode::floor_div: return floor_div(x[0], x[1]);
    case OpCode::mod:
      return b_.CreateSelect(b_.CreateICmpEQ(x[1], zero(x[1])), zero(x[0]),
                             b_.CreateSub(x[0], b_.CreateMul(floor_div(x[0], x[1]), x[1])));
    case OpCode::max: return choose(less(x[1], x[0]), x[0], x[1]);
    case OpCode::min: return choose(less(x[0], x[1]), x[0], x[1]);
    case OpCode::neg: return floats ? b_.CreateFNeg(x[0]) : b_.CreateNeg(x[0]);
    case OpCode::abs: return absolute(x[0]);
    case OpCode::sign: return sign(x[0]);
    case OpCode::floor: return b_.CreateUnaryIntrinsic(llvm::Intrinsic::floor, x[0]);
    case OpCode::round: return b_.CreateUnaryIntrinsic(llvm::Intrinsic::roundeven, x[0]);
    case OpCode::sqrt: return b_.CreateUnaryIntrinsic(llvm::Intrinsic::sqrt, x[0]);
    case OpCode::rsqrt:
      return b_.CreateFDiv(llvm::ConstantFP::get(x[0]->getType(), 1.0),
                           b_.CreateUnaryIntrinsic(llvm::Intrinsic::sqrt, x[0]));
    case OpCode::eq: return floats ? b_.CreateFCmpOEQ(x[0], x[1]) : b_.CreateICmpEQ(x[0], x[1]);
    case OpCode::ne: return floats ? b_.CreateFCmpUNE(x[0], x[1]) : b_.CreateICmpNE(x[0], x[1]);
    case OpCode::lt: return less(x[0], x[1]);
    case OpCode::gt: return less(x[1], x[0]);
    case OpCode::le: return less_or_equal(x[0], x[1]);
    case OpCode::ge: return less_or_equal(x[1], x[0]);
    case OpCode::is_nan: return b_.CreateFCmpUNO(x[0], x[0]);
    case OpCode::is_finite: return b_.CreateFCmpONE(absolute(x[0]), llvm::ConstantFP::getInfinity(x[0]->getType()));
    case OpCode::and_: return b_.CreateAnd(x[0], x[1]);
    case OpCode::or_: return b_.CreateOr(x[0], x[1]);
    case OpCode::not_: return b_.CreateNot(x[0]);
    case OpCode::select: return b_.CreateSelect(x[0], x[1], x[2]);
    case OpCode::stop_gradient: return x[0];
    case OpCode::convert: return convert(x[0]);
    default: return b_.CreateCall(math_function(m_, op, to_), x);
    }
  }

private:
  bool is_signed() const { return from_ == DType::i32 || from_ == DType::i64; }
  static V zero(V like) { return llvm::Constant::getNullValue(like->getType()); }
  static V integer(V like, i64 k) { return llvm::ConstantInt::getSigned(like->getType(), k); }

  V less(V a, V b) {
    if (is_float(from_)) return b_.CreateFCmpOLT(a, b);
    return is_signed() ? b_.CreateICmpSLT(a, b) : b_.CreateICmpULT(a, b);
  }
  V less_or_equal(V a, V b) {
    if (is_float(from_)) return b_.CreateFCmpOLE(a, b);
    return is_signed() ? b_.CreateICmpSLE(a, b) : b_.CreateICmpULE(a, b);
  }

  static bool is_number(V v) { // known not to be NaN
    auto* c = llvm::dyn_cast<llvm::Constant>(v);
    if (c && c->getType()->isVectorTy()) c = c->getSplatValue();
    auto* number = llvm::dyn_cast_or_null<llvm::ConstantFP>(c);
    return number && !number->isNaN();
  }

  // a, if so or if a is NaN, else b. When a is a number this is one instruction of x86.
  V choose(V take_a, V a, V b) {
    if (is_float(from_) && !is_number(a)) take_a = b_.CreateOr(take_a, b_.CreateFCmpUNO(a, a));
    return b_.CreateSelect(take_a, a, b);
  }

  V absolute(V x) {
    if (is_float(from_)) return b_.CreateUnaryIntrinsic(llvm::Intrinsic::fabs, x);
    return is_signed() ? b_.CreateSelect(b_.CreateICmpSLT(x, zero(x)), b_.CreateNeg(x), x) : x;
  }

  V sign(V x) { // NaN and zeros of either sign are themselves
    if (!is_float(from_)) {
      V positive = b_.CreateZExt(less(zero(x), x), x->getType());
      return is_signed() ? b_.CreateOr(positive, b_.CreateSExt(less(x, zero(x)), x->getType())) : positive;
    }
    V one = llvm::ConstantFP::get(x->getType(), 1.0), minus_one = llvm::ConstantFP::get(x->getType(), -1.0);
    return b_.CreateSelect(less(zero(x), x), one, b_.CreateSelect(less(x, zero(x)), minus_one, x));
  }

  // Rounded down; by 0 it is 0, the smallest by -1 wraps to itself.
  V floor_div(V a, V d) {
    V by_zero = b_.CreateICmpEQ(d, zero(d)), one = integer(d, 1);
    if (!is_signed()) return b_.CreateSelect(by_zero, zero(a), b_.CreateUDiv(a, b_.CreateSelect(by_zero, one, d)));
    V by_minus_one = b_.CreateICmpEQ(d, integer(d, -1));
    V safe = b_.CreateSelect(b_.CreateOr(by_zero, by_minus_one), one, d);
    V q = b_.CreateSDiv(a, safe);
    V rest = b_.CreateSub(a, b_.CreateMul(q, safe));
    V below = b_.CreateAnd(b_.CreateICmpNE(rest, zero(rest)), b_.CreateICmpSLT(b_.CreateXor(a, safe), zero(a)));
    q = b_.CreateAdd(q, b_.CreateSExt(below, q->getType()));
    return b_.CreateSelect(by_zero, zero(a), b_.CreateSelect(by_minus_one, b_.CreateNeg(a), q));
  }

  V convert(V x) {
    auto* type = llvm_type(m_.module.getContext(), to_);
    bool from_float = is_float(from_), to_float = is_float(to_.dtype), from_signed = is_signed();
    if (to_.dtype == DType::bool_) return from_float ? b_.CreateFCmpUNE(x, zero(x)) : b_.CreateICmpNE(x, zero(x));
    if (from_float && to_float) return b_.CreateFPCast(x, type);
    if (to_float) return from_signed ? b_.CreateSIToFP(x, type) : b_.CreateUIToFP(x, type);
    if (!from_float) return b_.CreateIntCast(x, type, from_signed);
    auto saturating = to_.dtype == DType::u8 ? llvm::Intrinsic::fptoui_sat : llvm::Intrinsic::fptosi_sat; // NaN gives 0
    return b_.CreateIntrinsic(saturating, {type, x->getType()}, {x});
  }

  EmitModule& m_;
  Emitter& b_;
  DType from_;
  Lanes to_;
};

} // namespace

V emit_compute(EmitModule& m, Emitter& b, OpCode op, DType from, Lanes to, Operands const& operands) {
  return Compute(m, b, from, to).make(op, operands);
}

V emit_fma(EmitModule& m, Emitter& b, V x, V y, V z) {
  if (!m.machine.fma) return b.CreateFAdd(b.CreateFMul(x, y), z);
  return b.CreateIntrinsic(llvm::Intrinsic::fma, {x->getType()}, {x, y, z});
}

} // namespace nnc
