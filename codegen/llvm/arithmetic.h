// The arithmetic of codegen/math/functions.h on values of LLVM.
#pragma once

#include "codegen/llvm/emit.h"

namespace nnc {

class LlvmArithmetic {
public:
  using V = llvm::Value*;
  struct F {
    V v;
  };
  struct D {
    V v;
  };
  struct I {
    V v;
  };
  struct L {
    V v;
  };
  struct B {
    V v;
  };

  LlvmArithmetic(EmitModule& m, Emitter& b, int lanes) : m_(m), b_(b), lanes_(lanes) {}

  F f(double x) { return {llvm::ConstantFP::get(type(DType::f32), static_cast<double>(static_cast<float>(x)))}; }
  D d(double x) { return {llvm::ConstantFP::get(type(DType::f64), x)}; }
  I i(std::int32_t x) { return {llvm::ConstantInt::getSigned(type(DType::i32), x)}; }
  L l(std::int64_t x) { return {llvm::ConstantInt::getSigned(type(DType::i64), x)}; }
  B no() { return {llvm::ConstantInt::getFalse(type(DType::bool_))}; }

  F add(F x, F y) { return {b_.CreateFAdd(x.v, y.v)}; }
  D add(D x, D y) { return {b_.CreateFAdd(x.v, y.v)}; }
  I add(I x, I y) { return {b_.CreateAdd(x.v, y.v)}; }
  L add(L x, L y) { return {b_.CreateAdd(x.v, y.v)}; }
  F sub(F x, F y) { return {b_.CreateFSub(x.v, y.v)}; }
  D sub(D x, D y) { return {b_.CreateFSub(x.v, y.v)}; }
  I sub(I x, I y) { return {b_.CreateSub(x.v, y.v)}; }
  L sub(L x, L y) { return {b_.CreateSub(x.v, y.v)}; }
  template <class X>
  X mul(X x, X y) {
    return {b_.CreateFMul(x.v, y.v)};
  }
  template <class X>
  X div(X x, X y) {
    return {b_.CreateFDiv(x.v, y.v)};
  }
  template <class X>
  X neg(X x) {
    return {b_.CreateFNeg(x.v)};
  }
  template <class X>
  X abs(X x) {
    return {b_.CreateUnaryIntrinsic(llvm::Intrinsic::fabs, x.v)};
  }
  template <class X>
  X sqrt(X x) {
    return {b_.CreateUnaryIntrinsic(llvm::Intrinsic::sqrt, x.v)};
  }
  template <class X>
  X fma(X x, X y, X z) {
    return {emit_fma(m_, b_, x.v, y.v, z.v)};
  }
  template <class X>
  B lt(X x, X y) {
    return {b_.CreateFCmpOLT(x.v, y.v)};
  }
  B eq(F x, F y) { return {b_.CreateFCmpOEQ(x.v, y.v)}; }
  B eq(D x, D y) { return {b_.CreateFCmpOEQ(x.v, y.v)}; }
  B eq(B x, B y) { return {b_.CreateICmpEQ(x.v, y.v)}; }
  template <class X>
  B unordered(X x) {
    return {b_.CreateFCmpUNO(x.v, x.v)};
  }
  B negative(D x) { return {b_.CreateICmpSLT(bits(x).v, l(0).v)}; }
  template <class X>
  X select(B c, X x, X y) {
    return {b_.CreateSelect(c.v, x.v, y.v)};
  }
  I bits(F x) { return {b_.CreateBitCast(x.v, type(DType::i32))}; }
  L bits(D x) { return {b_.CreateBitCast(x.v, type(DType::i64))}; }
  F number(I x) { return {b_.CreateBitCast(x.v, type(DType::f32))}; }
  D number(L x) { return {b_.CreateBitCast(x.v, type(DType::f64))}; }
  template <class X>
  X band(X x, X y) {
    return {b_.CreateAnd(x.v, y.v)};
  }
  template <class X>
  X shl(X x, int n) {
    return {b_.CreateShl(x.v, static_cast<std::uint64_t>(n))};
  }
  template <class X>
  X shr(X x, int n) {
    return {b_.CreateAShr(x.v, static_cast<std::uint64_t>(n))};
  }
  D widen(F x) { return {b_.CreateFPExt(x.v, type(DType::f64))}; }
  F narrow(D x) { return {b_.CreateFPTrunc(x.v, type(DType::f32))}; }
  F to_float(I x) { return {b_.CreateSIToFP(x.v, type(DType::f32))}; }
  D to_double(L x) {
    return {b_.CreateSIToFP(b_.CreateTrunc(x.v, type(DType::i32)), type(DType::f64))};
  } // small: 32 bits do
  B both(B x, B y) { return {b_.CreateAnd(x.v, y.v)}; }
  B either(B x, B y) { return {b_.CreateOr(x.v, y.v)}; }
  B is_zero(I x) { return {b_.CreateICmpEQ(x.v, i(0).v)}; }
  B is_zero(L x) { return {b_.CreateICmpEQ(x.v, l(0).v)}; }

private:
  llvm::Type* type(DType d) { return llvm_type(m_.module.getContext(), {d, lanes_}); }
  EmitModule& m_;
  Emitter& b_;
  int lanes_;
};

} // namespace nnc
