#include "codegen/llvm/x86.h"

#include <llvm/IR/IntrinsicsX86.h>
#include <llvm/Support/TargetSelect.h>

namespace nnc::x86 {
namespace {

constexpr u32 mode = 0x9FC0; // MXCSR: no exception traps, round to nearest, FTZ and DAZ; flags clear

} // namespace

void initialize() {
  LLVMInitializeX86TargetInfo();
  LLVMInitializeX86Target();
  LLVMInitializeX86TargetMC();
  LLVMInitializeX86AsmPrinter();
}

Machine facts_of(llvm::MCSubtargetInfo const& info) {
  if (!info.checkFeatures("+sse4.1")) throw Error("code needs a processor with SSE 4.1 at least (x86-64-v2)");
  return {.fma = info.checkFeatures("+fma"),
          .gathers = info.checkFeatures("+avx2"),
          .half = info.checkFeatures("+f16c")};
}

void set_vectors(Target& t, llvm::MCSubtargetInfo const& info) {
  bool const wide = info.checkFeatures("+avx512f"), half = info.checkFeatures("+avx");
  t.vector_bytes = wide ? 64 : half ? 32 : 16;
  t.registers = wide ? 32 : 16;
}

llvm::Value* set_float_mode(Emitter& b) {
  llvm::Value *old = b.CreateAlloca(b.getInt32Ty()), *now = b.CreateAlloca(b.getInt32Ty());
  b.CreateIntrinsic(llvm::Intrinsic::x86_sse_stmxcsr, {}, {old});
  b.CreateStore(b.getInt32(mode), now);
  b.CreateIntrinsic(llvm::Intrinsic::x86_sse_ldmxcsr, {}, {now});
  return old;
}

void restore_float_mode(Emitter& b, llvm::Value* kept) {
  b.CreateIntrinsic(llvm::Intrinsic::x86_sse_ldmxcsr, {}, {kept});
}

void pause(Emitter& b) { b.CreateIntrinsic(llvm::Intrinsic::x86_sse2_pause, {}, {}); }

} // namespace nnc::x86
