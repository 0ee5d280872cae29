#include "codegen/llvm/processor.h"
#include "ir/module.h"

#include <llvm/IR/IntrinsicsAArch64.h>
#include <llvm/Support/TargetSelect.h>
#include <llvm/TargetParser/Triple.h>

namespace nnc::aarch64 {
namespace {

using V = llvm::Value*;

constexpr u64 mode = u64{1} << 24; // FPCR: FZ; round to nearest, no traps, NaNs as they are

Machine facts_of(llvm::MCSubtargetInfo const&) { return {.fma = true, .gathers = false, .half = true, .rounds = true}; }

void set_vectors(Target& t, llvm::MCSubtargetInfo const&) {
  t.vector_bytes = 16; // NEON
  t.registers = 32;
}

V set_float_mode(Emitter& b) {
  V old = b.CreateIntrinsic(llvm::Intrinsic::aarch64_get_fpcr, {}, {});
  b.CreateIntrinsic(llvm::Intrinsic::aarch64_set_fpcr, {}, {b.getInt64(mode)});
  return old;
}

void restore_float_mode(Emitter& b, V kept) { b.CreateIntrinsic(llvm::Intrinsic::aarch64_set_fpcr, {}, {kept}); }

void pause(Emitter& b) { b.CreateIntrinsic(llvm::Intrinsic::aarch64_hint, {}, {b.getInt32(1)}); } // yield

// Which features there are, a program cannot ask without its system; every one has the baseline.
V is_here(Emitter& b, Target const& t, llvm::MCSubtargetInfo const&) {
  bool const apple = llvm::Triple(t.triple).isMacOSX() && t.cpu == "apple-m1"; // no Mac has less
  if (t.cpu != processor.baseline && !apple)
    throw Error(Diagnostic{.at = {},
                           .message = "an object for " + t.cpu + " could not say whether it runs on a processor",
                           .notes = {},
                           .help = "Options::cpu = \"generic\" is what every AArch64 has"});
  return b.getTrue();
}

} // namespace

void initialize() {
  LLVMInitializeAArch64TargetInfo();
  LLVMInitializeAArch64Target();
  LLVMInitializeAArch64TargetMC();
  LLVMInitializeAArch64AsmPrinter();
}

Processor const processor{.facts_of = facts_of,
                          .set_vectors = set_vectors,
                          .set_float_mode = set_float_mode,
                          .restore_float_mode = restore_float_mode,
                          .pause = pause,
                          .is_here = is_here,
                          .baseline = "generic",
                          .least = "+neon"};

} // namespace nnc::aarch64
