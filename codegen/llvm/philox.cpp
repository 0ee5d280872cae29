// The random bits, a function that kernels call: calls cost little and keep the code small, and small code is what
// compiles fast.
#include "codegen/llvm/emit.h"
#include "ir/random.h"

namespace nnc {
namespace {

using V = llvm::Value*;

// 32 x 32 -> 64 bits in every lane, as the upper and the lower halves. Even and odd lanes are multiplied apart, in
// lanes of 64 bits: vector units have no other product of this kind.
struct Product {
  V high, low;
};
Product multiply(Emitter& b, V x, u32 by, int lanes) {
  if (lanes == 1) {
    V wide = b.CreateMul(b.CreateZExt(x, b.getInt64Ty()), b.getInt64(by));
    return {b.CreateTrunc(b.CreateLShr(wide, 32), b.getInt32Ty()), b.CreateTrunc(wide, b.getInt32Ty())};
  }
  auto* pairs = llvm::FixedVectorType::get(b.getInt64Ty(), static_cast<unsigned>(lanes / 2));
  auto c = [&](u64 k) { return llvm::ConstantInt::get(pairs, k); };
  V two = b.CreateBitCast(x, pairs);
  V even = b.CreateMul(b.CreateAnd(two, c(0xffffffff)), c(by)), odd = b.CreateMul(b.CreateLShr(two, c(32)), c(by));
  V high = b.CreateOr(b.CreateLShr(even, c(32)), b.CreateAnd(odd, c(0xffffffff00000000)));
  V low = b.CreateOr(b.CreateAnd(even, c(0xffffffff)), b.CreateShl(odd, c(32)));
  return {b.CreateBitCast(high, x->getType()), b.CreateBitCast(low, x->getType())};
}

// Ten rounds on four words; a loop, which is ten times less code to make, and hardly slower.
void rounds(Emitter& b, llvm::Function& f, V (&x)[4], V (&key)[2], int lanes) {
  auto* before = b.GetInsertBlock();
  auto *body = llvm::BasicBlock::Create(b.getContext(), "", &f),
       *after = llvm::BasicBlock::Create(b.getContext(), "", &f);
  b.CreateBr(body);
  b.SetInsertPoint(body);
  auto carried = [&](V from) {
    auto* phi = b.CreatePHI(from->getType(), 2);
    phi->addIncoming(from, before);
    return phi;
  };
  llvm::PHINode *round = carried(b.getInt32(0)), *word[4], *k[2];
  for (int j = 0; j < 4; ++j) word[j] = carried(x[j]);
  for (int j = 0; j < 2; ++j) k[j] = carried(key[j]);
  auto p = multiply(b, word[0], philox_multiplier_0, lanes), q = multiply(b, word[2], philox_multiplier_1, lanes);
  x[0] = b.CreateXor(b.CreateXor(q.high, word[1]), k[0]);
  x[1] = q.low;
  x[2] = b.CreateXor(b.CreateXor(p.high, word[3]), k[1]);
  x[3] = p.low;
  for (int j = 0; j < 4; ++j) word[j]->addIncoming(x[j], body);
  for (int j = 0; j < 2; ++j) {
    auto* step = llvm::ConstantInt::get(key[j]->getType(), j == 0 ? philox_key_step_0 : philox_key_step_1);
    k[j]->addIncoming(b.CreateAdd(k[j], step), body);
  }
  V following = b.CreateAdd(round, b.getInt32(1));
  round->addIncoming(following, body);
  b.CreateCondBr(b.CreateICmpEQ(following, b.getInt32(philox_rounds)), after, body);
  b.SetInsertPoint(after);
}

} // namespace

// <lanes x i32> bits(i64 base, <lanes x i32> offsets, i64 seed, i64 step, i32 path): see random_bits in ir/OPERATORS.md
// for the counter that element e = base + offset draws from: e / 64 * 16 + e % 16, word e / 16 % 4. With
// base = 64 a + r this is 16 a + (r + offset) / 64 * 16 + (r + offset) % 16, all of it in 32 bits.
llvm::Function* philox_function(EmitModule& m, int lanes) {
  auto& context = m.module.getContext();
  auto* i32s = llvm_type(context, {DType::i32, lanes});
  auto *i32t = llvm::Type::getInt32Ty(context), *i64t = llvm::Type::getInt64Ty(context);
  auto* type = llvm::FunctionType::get(i32s, {i64t, i32s, i64t, i64t, i32t}, false);
  return function_once(m, "philox.x" + std::to_string(lanes), type, [&](Emitter& b, llvm::Function& f) {
    auto splat = [&](V v) { return lanes == 1 ? v : b.CreateVectorSplat(static_cast<unsigned>(lanes), v); };
    auto c = [&](u32 k) { return llvm::ConstantInt::get(i32s, k); };
    auto low = [&](V v) { return splat(b.CreateTrunc(v, i32t)); };
    auto high = [&](V v) { return splat(b.CreateTrunc(b.CreateLShr(v, 32), i32t)); };
    V base = f.getArg(0);
    V start = low(b.CreateShl(b.CreateLShr(base, 6), 4));
    V e = b.CreateAdd(low(b.CreateAnd(base, 63)), f.getArg(1));
    V counter = b.CreateAdd(start, b.CreateOr(b.CreateShl(b.CreateLShr(e, c(6)), c(4)), b.CreateAnd(e, c(15))));
    V word = b.CreateAnd(b.CreateLShr(e, c(4)), c(3));
    V x[4] = {counter, splat(f.getArg(4)), low(f.getArg(3)), high(f.getArg(3))};
    V key[2] = {low(f.getArg(2)), high(f.getArg(2))};
    rounds(b, f, x, key, lanes);
    V chosen = x[3];
    for (u32 k = 3; k-- > 0;) chosen = b.CreateSelect(b.CreateICmpEQ(word, c(k)), x[k], chosen);
    return chosen;
  });
}

} // namespace nnc
