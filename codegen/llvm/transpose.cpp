// Transposes as networks of two-operand shuffles that every vector unit has: first within quads of 4 lanes (unpack),
// then whole quads change places. For 8 lanes, rows a..h, the quads of one row are [a0 a1 a2 a3][a4 a5 a6 a7]:
//
//     unpack      t = [a0 b0 a1 b1][a4 b4 a5 b5]      pairs of rows
//     unpack      u = [a0 b0 c0 d0][a4 b4 c4 d4]      fours of rows: column 0 in quad 0, column 4 in quad 1
//     quads       v = [a0 b0 c0 d0][e0 f0 g0 h0]      column 0
#include "codegen/llvm/transpose.h"

#include "codegen/llvm/emit.h"

#include <string>

namespace nnc {

using V = llvm::Value*;

namespace {

// The shuffle of two vectors that picks, in every quad, lanes `pick` (0..3 of a, 4..7 of b).
V shuffle_quads(llvm::IRBuilder<>& b, V x, V y, int lanes, std::array<int, 4> pick) {
  std::vector<int> mask;
  for (int l = 0; l < lanes; ++l) {
    int p = pick[static_cast<size_t>(l % 4)];
    mask.push_back((p < 4 ? 0 : lanes) + l / 4 * 4 + p % 4);
  }
  return b.CreateShuffleVector(x, y, mask);
}

// Four rows -> four vectors whose quad q holds column 4q + c.
void transpose_within_quads(llvm::IRBuilder<>& b, V* r, int lanes) {
  V low01 = shuffle_quads(b, r[0], r[1], lanes, {0, 4, 1, 5});
  V high01 = shuffle_quads(b, r[0], r[1], lanes, {2, 6, 3, 7});
  V low23 = shuffle_quads(b, r[2], r[3], lanes, {0, 4, 1, 5});
  V high23 = shuffle_quads(b, r[2], r[3], lanes, {2, 6, 3, 7});
  r[0] = shuffle_quads(b, low01, low23, lanes, {0, 1, 4, 5});
  r[1] = shuffle_quads(b, low01, low23, lanes, {2, 3, 6, 7});
  r[2] = shuffle_quads(b, high01, high23, lanes, {0, 1, 4, 5});
  r[3] = shuffle_quads(b, high01, high23, lanes, {2, 3, 6, 7});
}

// One step of a butterfly between x and y: quads q with q & d of x change places with the others of y.
void exchange_quads(llvm::IRBuilder<>& b, V& x, V& y, int lanes, int d) {
  std::vector<int> first, second;
  for (int l = 0; l < lanes; ++l) {
    bool upper = (l / 4 & d) != 0;
    first.push_back(upper ? lanes + l - 4 * d : l);
    second.push_back(upper ? lanes + l : l + 4 * d);
  }
  V kept = b.CreateShuffleVector(x, y, first);
  y = b.CreateShuffleVector(x, y, second);
  x = kept;
}

} // namespace

std::vector<V> transpose(llvm::IRBuilder<>& b, std::vector<V> rows) {
  int lanes = static_cast<int>(rows.size());
  if (lanes == 2)
    return {b.CreateShuffleVector(rows[0], rows[1], {0, 2}), b.CreateShuffleVector(rows[0], rows[1], {1, 3})};
  int quads = lanes / 4;
  for (int g = 0; g < quads; ++g) transpose_within_quads(b, &rows[static_cast<size_t>(4 * g)], lanes);
  for (int c = 0; c < 4; ++c) // rows[4g + c] holds column 4q + c of the rows 4g..4g+3 in quad q
    for (int d = quads / 2; d >= 1; d /= 2)
      for (int g = 0; g < quads; ++g)
        if ((g & d) == 0)
          exchange_quads(b, rows[static_cast<size_t>(4 * g + c)], rows[static_cast<size_t>(4 * (g + d) + c)], lanes, d);
  return rows; // rows[4q + c] is column 4q + c now
}

llvm::Function* transposing_pack(llvm::Module& module, unsigned lanes, unsigned element) {
  std::string name = "pack_transposed_" + std::to_string(lanes) + "_" + std::to_string(element);
  if (auto* made = module.getFunction(name)) return made;
  auto& context = module.getContext();
  auto* i64_type = llvm::Type::getInt64Ty(context);
  auto* pointer = llvm::PointerType::getUnqual(context);
  auto* type = llvm::FunctionType::get(llvm::Type::getVoidTy(context),
                                       {pointer, i64_type, i64_type, pointer, i64_type, i64_type}, false);
  auto* f = llvm::Function::Create(type, llvm::Function::InternalLinkage, name, module);
  decorate(*f);
  call_inside(*f);
  V source = f->getArg(0), row_stride = f->getArg(1), rows = f->getArg(2);
  V target = f->getArg(3), target_stride = f->getArg(4), depth = f->getArg(5);

  llvm::IRBuilder<> b(llvm::BasicBlock::Create(context, "entry", f));
  auto* word = b.getIntNTy(8 * element);
  auto* vector = llvm::FixedVectorType::get(word, lanes);
  auto* loop = llvm::BasicBlock::Create(context, "block", f);
  auto* done = llvm::BasicBlock::Create(context, "done", f);
  std::vector<V> row; // where each row begins
  for (unsigned i = 0; i < lanes; ++i) {
    V last = b.CreateSub(rows, b.getInt64(1));
    V number = b.CreateBinaryIntrinsic(llvm::Intrinsic::smin, b.getInt64(i), last);
    row.push_back(b.CreateInBoundsGEP(word, source, b.CreateMul(number, row_stride)));
  }
  std::vector<llvm::Constant*> count;
  for (unsigned l = 0; l < lanes; ++l) count.push_back(b.getInt32(l));
  auto* entry = b.GetInsertBlock();
  b.CreateBr(loop);

  b.SetInsertPoint(loop);
  auto* k = b.CreatePHI(i64_type, 2);
  k->addIncoming(b.getInt64(0), entry);
  V left = b.CreateTrunc(b.CreateBinaryIntrinsic(llvm::Intrinsic::smin, b.CreateSub(depth, k), b.getInt64(lanes)),
                         b.getInt32Ty());
  V mask = b.CreateICmpSLT(llvm::ConstantVector::get(count), b.CreateVectorSplat(lanes, left));
  std::vector<V> block;
  for (auto* start : row)
    block.push_back(b.CreateMaskedLoad(vector, b.CreateInBoundsGEP(word, start, k), llvm::Align(element), mask,
                                       llvm::Constant::getNullValue(vector)));
  V out = b.CreateInBoundsGEP(word, target, b.CreateMul(k, target_stride));
  for (auto* column : transpose(b, std::move(block))) {
    b.CreateAlignedStore(column, out, llvm::Align(element * lanes));
    out = b.CreateInBoundsGEP(word, out, target_stride);
  }
  V next = b.CreateAdd(k, b.getInt64(lanes));
  k->addIncoming(next, loop);
  b.CreateCondBr(b.CreateICmpSLT(next, depth), loop, done);
  b.SetInsertPoint(done);
  b.CreateRetVoid();
  return f;
}

} // namespace nnc
