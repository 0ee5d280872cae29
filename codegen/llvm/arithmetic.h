// The arithmetic of codegen/math/ on values of LLVM: lanes of a dtype. Which instructions an operation becomes is
// decided here; which operations an operator is, in codegen/math/apply.h.
#pragma once

#include "codegen/llvm/emit.h"

namespace nnc {

class LlvmArithmetic {
public:
  using V = llvm::Value*;
  using Value = V;
  template <DType t>
  struct Of {
    static constexpr DType dtype = t;
    V v;
    operator V() const { return v; } // NOLINT: implicit, a value of any dtype is one of LLVM
  };
  using F = Of<DType::f32>;
  using D = Of<DType::f64>;
  using I = Of<DType::i32>;
  using L = Of<DType::i64>;
  using I8 = Of<DType::i8>;
  using U8 = Of<DType::u8>;
  using Half = Of<DType::f16>; // as integers of 16 bits
  using Brain = Of<DType::bf16>;
  using B = Of<DType::bool_>;
  template <class X>
  static constexpr bool is_float() {
    return X::dtype == DType::f32 || X::dtype == DType::f64;
  }
  template <class X>
  static constexpr bool is_signed() {
    return X::dtype == DType::i8 || X::dtype == DType::i32 || X::dtype == DType::i64;
  }

  LlvmArithmetic(EmitModule& m, Emitter& b, int lanes) : m_(m), b_(b), lanes_(lanes) {}

  template <class X>
  X as(V v) const {
    return {v};
  }
  template <class X>
  X constant(double x) {
    if constexpr (is_float<X>()) return {llvm::ConstantFP::get(type<X>(), x)};
    else return {llvm::ConstantInt::getSigned(type<X>(), static_cast<i64>(x))};
  }
  F f(double x) { return constant<F>(static_cast<float>(x)); }
  D d(double x) { return constant<D>(x); }
  I i(std::int32_t x) { return {llvm::ConstantInt::getSigned(type<I>(), x)}; }
  L l(std::int64_t x) { return {llvm::ConstantInt::getSigned(type<L>(), x)}; }
  B no() { return {llvm::ConstantInt::getFalse(type<B>())}; }

  template <class X>
  X add(X x, X y) {
    return {is_float<X>() ? b_.CreateFAdd(x, y) : b_.CreateAdd(x, y)};
  }
  template <class X>
  X sub(X x, X y) {
    return {is_float<X>() ? b_.CreateFSub(x, y) : b_.CreateSub(x, y)};
  }
  template <class X>
  X mul(X x, X y) {
    return {is_float<X>() ? b_.CreateFMul(x, y) : b_.CreateMul(x, y)};
  }
  template <class X>
  X div(X x, X y) {
    return {b_.CreateFDiv(x, y)};
  }
  template <class X>
  X quotient(X x, X y) {
    return {is_signed<X>() ? b_.CreateSDiv(x, y) : b_.CreateUDiv(x, y)};
  }
  template <class X>
  X neg(X x) {
    return {is_float<X>() ? b_.CreateFNeg(x) : b_.CreateNeg(x)};
  }
  template <class X>
  X abs(X x) {
    return unary(llvm::Intrinsic::fabs, x);
  }
  template <class X>
  X sqrt(X x) {
    return unary(llvm::Intrinsic::sqrt, x);
  }
  template <class X>
  X floor(X x) {
    if (m_.machine.rounds) return unary(llvm::Intrinsic::floor, x);
    auto [near, whole] = nearest(x);
    return rounded(x, select(lt(x, near), sub(near, constant<X>(1)), near), whole);
  }
  template <class X>
  X ceil(X x) {
    if (m_.machine.rounds) return unary(llvm::Intrinsic::ceil, x);
    auto [near, whole] = nearest(x);
    return rounded(x, select(lt(near, x), add(near, constant<X>(1)), near), whole);
  }
  template <class X>
  X trunc(X x) {
    if (m_.machine.rounds) return unary(llvm::Intrinsic::trunc, x);
    X size = abs(x);
    auto [near, whole] = nearest(size);
    return rounded(x, select(lt(size, near), sub(near, constant<X>(1)), near), whole);
  }
  template <class X>
  X round(X x) {
    if (m_.machine.rounds) return unary(llvm::Intrinsic::roundeven, x);
    auto [near, whole] = nearest(x);
    return rounded(x, near, whole);
  }
  template <class X>
  X fma(X x, X y, X z) {
    return {emit_fma(m_, b_, x, y, z)};
  }

  template <class X>
  B lt(X x, X y) {
    if constexpr (is_float<X>()) return {b_.CreateFCmpOLT(x, y)};
    else return {is_signed<X>() ? b_.CreateICmpSLT(x, y) : b_.CreateICmpULT(x, y)};
  }
  template <class X>
  B le(X x, X y) {
    if constexpr (is_float<X>()) return {b_.CreateFCmpOLE(x, y)};
    else return {is_signed<X>() ? b_.CreateICmpSLE(x, y) : b_.CreateICmpULE(x, y)};
  }
  template <class X>
  B eq(X x, X y) {
    return {is_float<X>() ? b_.CreateFCmpOEQ(x, y) : b_.CreateICmpEQ(x, y)};
  }
  template <class X>
  B ne(X x, X y) {
    return {is_float<X>() ? b_.CreateFCmpUNE(x, y) : b_.CreateICmpNE(x, y)};
  }
  template <class X>
  B unordered(X x) {
    return {b_.CreateFCmpUNO(x, x)};
  }
  template <class X>
  B is_finite(X x) {
    return {b_.CreateFCmpONE(abs(x), llvm::ConstantFP::getInfinity(type<X>()))};
  }
  template <class X>
  B is_zero(X x) {
    return eq(x, constant<X>(0));
  }
  B negative(D x) { return lt(bits(x), l(0)); }

  template <class X>
  X select(B c, X x, X y) {
    return {b_.CreateSelect(c, x, y)};
  }
  template <class X>
  X max(X x, X y) {
    return choose(lt(y, x), x, y);
  }
  template <class X>
  X min(X x, X y) {
    return choose(lt(x, y), x, y);
  }

  template <class X>
  X band(X x, X y) {
    return {b_.CreateAnd(x, y)};
  }
  template <class X>
  X bor(X x, X y) {
    return {b_.CreateOr(x, y)};
  }
  template <class X>
  X bxor(X x, X y) {
    return {b_.CreateXor(x, y)};
  }
  template <class X>
  X bnot(X x) {
    return {b_.CreateNot(x)};
  }
  template <class X>
  X shl(X x, int n) {
    return {b_.CreateShl(x, static_cast<std::uint64_t>(n))};
  }
  template <class X>
  X shr(X x, int n) {
    return {b_.CreateAShr(x, static_cast<std::uint64_t>(n))};
  }
  template <class X>
  X all_bits(B x) {
    return {b_.CreateSExt(x, type<X>())};
  }
  B both(B x, B y) { return band(x, y); }
  B either(B x, B y) { return bor(x, y); }

  I bits(F x) { return {b_.CreateBitCast(x, type<I>())}; }
  L bits(D x) { return {b_.CreateBitCast(x, type<L>())}; }
  I bits(Half x) { return {b_.CreateZExt(x, type<I>())}; }
  I bits(Brain x) { return {b_.CreateZExt(x, type<I>())}; }
  template <class X>
  X from_bits(I x) {
    return {b_.CreateTrunc(x, type<X>())};
  }
  F number(I x) { return {b_.CreateBitCast(x, type<F>())}; }
  D number(L x) { return {b_.CreateBitCast(x, type<D>())}; }
  D widen(F x) { return {b_.CreateFPExt(x, type<D>())}; }
  F narrow(D x) { return {b_.CreateFPTrunc(x, type<F>())}; }
  bool has_half() const { return m_.machine.half; }
  F widen_half(Half x) { return {b_.CreateFPExt(b_.CreateBitCast(x, half()), type<F>())}; }
  Half narrow_half(F x) { return {b_.CreateBitCast(b_.CreateFPTrunc(x, half()), type<Half>())}; }
  F to_float(I x) { return {b_.CreateSIToFP(x, type<F>())}; }
  D to_double(L x) { return {b_.CreateSIToFP(b_.CreateTrunc(x, type<I>()), type<D>())}; } // small: 32 bits do

  template <class To, class X>
  To convert(X x) {
    auto* to = type<To>();
    if constexpr (To::dtype == DType::bool_) return {ne(x, constant<X>(0))};
    else if constexpr (is_float<X>() && is_float<To>()) return {b_.CreateFPCast(x, to)};
    else if constexpr (is_float<To>()) return {is_signed<X>() ? b_.CreateSIToFP(x, to) : b_.CreateUIToFP(x, to)};
    else if constexpr (!is_float<X>()) return {b_.CreateIntCast(x, to, is_signed<X>())};
    else { // NaN gives 0
      auto saturating = is_signed<To>() ? llvm::Intrinsic::fptosi_sat : llvm::Intrinsic::fptoui_sat;
      return {b_.CreateIntrinsic(saturating, {to, x.v->getType()}, {x})};
    }
  }

private:
  template <class X>
  llvm::Type* type() {
    return llvm_type(m_.module.getContext(), {X::dtype, lanes_});
  }
  llvm::Type* half() {
    llvm::Type* scalar = llvm::Type::getHalfTy(m_.module.getContext());
    return lanes_ == 1 ? scalar : llvm::FixedVectorType::get(scalar, static_cast<unsigned>(lanes_));
  }
  template <class X>
  X unary(llvm::Intrinsic::ID id, X x) {
    return {b_.CreateUnaryIntrinsic(id, x)};
  }

  // Before SSE 4.1 nothing rounds to a whole number. |x| + 2^m - 2^m, where m bits stand behind the point of 1, is |x|
  // rounded half to even; from 2^m on, as for NaN, x is what it is.
  template <class X>
  std::pair<X, B> nearest(X x) {
    X const magic = constant<X>(X::dtype == DType::f64 ? 0x1p52 : 0x1p23), size = abs(x);
    return {signed_as(x, sub(add(size, magic), magic)), bnot(lt(size, magic))};
  }
  template <class X>
  X rounded(X x, X result, B whole) { // with the sign of x also where it is 0
    return select(whole, x, signed_as(x, result));
  }
  template <class X>
  X signed_as(X x, X size) {
    return {b_.CreateBinaryIntrinsic(llvm::Intrinsic::copysign, size, x)};
  }

  static bool is_number(V v) { // known not to be NaN
    auto* c = llvm::dyn_cast<llvm::Constant>(v);
    if (c && c->getType()->isVectorTy()) c = c->getSplatValue();
    auto* number = llvm::dyn_cast_or_null<llvm::ConstantFP>(c);
    return number && !number->isNaN();
  }
  // x, if so or if x is NaN, else y. When x is a number this is one instruction of x86.
  template <class X>
  X choose(B take_x, X x, X y) {
    if constexpr (is_float<X>())
      if (!is_number(x)) take_x = either(take_x, unordered(x));
    return select(take_x, x, y);
  }

  EmitModule& m_;
  Emitter& b_;
  int lanes_;
};

} // namespace nnc
