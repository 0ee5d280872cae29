#include "codegen/llvm/processor.h"
#include "ir/module.h"

#include <llvm/IR/IntrinsicsX86.h>
#include <llvm/Support/TargetSelect.h>

namespace nnc::x86 {
namespace {

using V = llvm::Value*;

constexpr u32 mode = 0x9FC0; // MXCSR: no exception traps, round to nearest, FTZ and DAZ; flags clear

Machine facts_of(llvm::MCSubtargetInfo const& info) {
  return {.fma = info.checkFeatures("+fma"),
          .gathers = info.checkFeatures("+avx2"),
          .half = info.checkFeatures("+f16c"),
          .rounds = info.checkFeatures("+sse4.1")};
}

void set_vectors(Target& t, llvm::MCSubtargetInfo const& info) {
  bool const wide = info.checkFeatures("+avx512f"), half = info.checkFeatures("+avx");
  t.vector_bytes = wide ? 64 : half ? 32 : 16;
  t.registers = wide ? 32 : 16;
}

// In the first block: anywhere else a place on the stack is made anew at each pass, for which Windows has to be asked.
V place_on_stack(Emitter& b, llvm::Type* type) {
  auto& first = b.GetInsertBlock()->getParent()->getEntryBlock();
  return Emitter(&first, first.begin()).CreateAlloca(type);
}

V set_float_mode(Emitter& b) {
  V old = place_on_stack(b, b.getInt32Ty()), now = place_on_stack(b, b.getInt32Ty());
  b.CreateIntrinsic(llvm::Intrinsic::x86_sse_stmxcsr, {}, {old});
  b.CreateStore(b.getInt32(mode), now);
  b.CreateIntrinsic(llvm::Intrinsic::x86_sse_ldmxcsr, {}, {now});
  return old;
}

void restore_float_mode(Emitter& b, V kept) { b.CreateIntrinsic(llvm::Intrinsic::x86_sse_ldmxcsr, {}, {kept}); }

void pause(Emitter& b) { b.CreateIntrinsic(llvm::Intrinsic::x86_sse2_pause, {}, {}); }

// ---- Which processor runs this ----

// Where cpuid says that a feature is there: leaf, subleaf, register (eax, ebx, ecx, edx: 0 to 3), bit. What code of
// LLVM's for plain arithmetic may use, not what asks for an intrinsic. (Intel SDM 2A, CPUID; AMD APM 3, E.)
struct Where {
  char const* feature;
  u32 leaf, subleaf, part, bit;
};
constexpr Where features[] = {
    {"sse3", 1, 0, 2, 0},          {"ssse3", 1, 0, 2, 9},
    {"fma", 1, 0, 2, 12},          {"cx16", 1, 0, 2, 13},
    {"sse4.1", 1, 0, 2, 19},       {"sse4.2", 1, 0, 2, 20},
    {"movbe", 1, 0, 2, 22},        {"popcnt", 1, 0, 2, 23},
    {"avx", 1, 0, 2, 28},          {"f16c", 1, 0, 2, 29},
    {"bmi", 7, 0, 1, 3},           {"avx2", 7, 0, 1, 5},
    {"bmi2", 7, 0, 1, 8},          {"avx512f", 7, 0, 1, 16},
    {"avx512dq", 7, 0, 1, 17},     {"adx", 7, 0, 1, 19},
    {"avx512ifma", 7, 0, 1, 21},   {"avx512cd", 7, 0, 1, 28},
    {"avx512bw", 7, 0, 1, 30},     {"avx512vl", 7, 0, 1, 31},
    {"avx512vbmi", 7, 0, 2, 1},    {"avx512vbmi2", 7, 0, 2, 6},
    {"gfni", 7, 0, 2, 8},          {"avx512vnni", 7, 0, 2, 11},
    {"avx512bitalg", 7, 0, 2, 12}, {"avx512vpopcntdq", 7, 0, 2, 14},
    {"avx512fp16", 7, 0, 3, 23},   {"avxvnni", 7, 1, 0, 4},
    {"avx512bf16", 7, 1, 0, 5},    {"avxifma", 7, 1, 0, 23},
    {"egpr", 7, 1, 3, 21},         {"lzcnt", 0x80000001, 0, 2, 5},
    {"xop", 0x80000001, 0, 2, 11}, {"fma4", 0x80000001, 0, 2, 16},
    {"tbm", 0x80000001, 0, 2, 21},
};
constexpr u32 osxsave = 1u << 27; // leaf 1, ecx: the system keeps what xgetbv says
constexpr u32 keeps_avx = 0x6, keeps_avx512 = 0xE6;

// Neither instruction has an intrinsic, and inline assembly would need LLVM's parser, a megabyte. So a function has its
// machine code in front of its body, which is never reached; its convention is the same on every system.
llvm::Function* machine_code(Emitter& b, char const* name, llvm::FunctionType* type, std::vector<u8> const& code) {
  auto& module = *b.GetInsertBlock()->getModule();
  if (auto* known = module.getFunction(name)) return known;
  auto* f = llvm::Function::Create(type, llvm::Function::InternalLinkage, name, module);
  f->setCallingConv(llvm::CallingConv::X86_64_SysV);
  f->addFnAttr(llvm::Attribute::NoInline);
  f->addFnAttr(llvm::Attribute::NoUnwind);
  f->setPrologueData(llvm::ConstantDataArray::get(module.getContext(), code));
  Emitter body(llvm::BasicBlock::Create(module.getContext(), "", f));
  body.CreateRet(type->getReturnType()->isVoidTy() ? nullptr : body.getInt32(0));
  return f;
}

V call(Emitter& b, llvm::Function* f, std::vector<V> const& arguments) {
  auto* made = b.CreateCall(f, arguments);
  made->setCallingConv(f->getCallingConv());
  return made;
}

struct Leaf {
  V part[4]; // eax, ebx, ecx, edx
};
Leaf cpuid(Emitter& b, u32 leaf, u32 subleaf) {
  auto* i32 = b.getInt32Ty();
  auto* f = machine_code(b, "cpuid", llvm::FunctionType::get(b.getVoidTy(), {i32, i32, b.getPtrTy()}, false),
                         {
                             0x53,                   // push rbx
                             0x49, 0x89, 0xD0,       // mov r8, rdx
                             0x89, 0xF8,             // mov eax, edi
                             0x89, 0xF1,             // mov ecx, esi
                             0x0F, 0xA2,             // cpuid
                             0x41, 0x89, 0x00,       // mov [r8], eax
                             0x41, 0x89, 0x58, 0x04, // mov [r8 + 4], ebx
                             0x41, 0x89, 0x48, 0x08, // mov [r8 + 8], ecx
                             0x41, 0x89, 0x50, 0x0C, // mov [r8 + 12], edx
                             0x5B,                   // pop rbx
                             0xC3,                   // ret
                         });
  auto* all = llvm::ArrayType::get(i32, 4);
  V const place = place_on_stack(b, all);
  call(b, f, {b.getInt32(leaf), b.getInt32(subleaf), place});
  Leaf found{};
  for (unsigned k = 0; k < 4; ++k) found.part[k] = b.CreateLoad(i32, b.CreateConstInBoundsGEP2_64(all, place, 0, k));
  return found;
}

// What the system keeps when it takes the processor away, by bits.
V xgetbv(Emitter& b) {
  auto* f = machine_code(b, "xgetbv", llvm::FunctionType::get(b.getInt32Ty(), false),
                         {
                             0x31, 0xC9,       // xor ecx, ecx
                             0x0F, 0x01, 0xD0, // xgetbv
                             0xC3,             // ret
                         });
  return call(b, f, {});
}

// i1: are all these bits set?
V all_set(Emitter& b, V word, u32 bits) { return b.CreateICmpEQ(b.CreateAnd(word, bits), b.getInt32(bits)); }

// One bit after the other; a leaf beyond the last gives anything, so its number is asked for before.
V has_features(Emitter& b, llvm::MCSubtargetInfo const& info) {
  V all = b.getTrue();
  for (auto const& first : features) {
    u32 wanted[4] = {};
    bool any = false, seen = false;
    for (auto const& one : features) {
      if (one.leaf != first.leaf || one.subleaf != first.subleaf) continue;
      if (&one < &first) seen = true;
      if (!info.checkFeatures(std::string("+") + one.feature)) continue;
      wanted[one.part] |= 1u << one.bit;
      any = true;
    }
    if (seen || !any) continue;
    V last = cpuid(b, first.leaf & 0x80000000, 0).part[0];
    all = b.CreateAnd(all, b.CreateICmpUGE(last, b.getInt32(first.leaf)));
    auto const leaf = cpuid(b, first.leaf, first.subleaf);
    for (u32 k = 0; k < 4; ++k)
      if (wanted[k]) all = b.CreateAnd(all, all_set(b, leaf.part[k], wanted[k]));
  }
  return all;
}

// xgetbv is there only where osxsave is set, so it stands behind a branch.
V keeps_registers(Emitter& b, u32 bits) {
  auto* f = b.GetInsertBlock()->getParent();
  auto *ask = llvm::BasicBlock::Create(b.getContext(), "", f), *after = llvm::BasicBlock::Create(b.getContext(), "", f);
  V can_ask = all_set(b, cpuid(b, 1, 0).part[2], osxsave);
  auto* before = b.GetInsertBlock();
  b.CreateCondBr(can_ask, ask, after);
  b.SetInsertPoint(ask);
  V kept = all_set(b, xgetbv(b), bits);
  b.CreateBr(after);
  b.SetInsertPoint(after);
  auto* result = b.CreatePHI(b.getInt1Ty(), 2);
  result->addIncoming(b.getFalse(), before);
  result->addIncoming(kept, ask);
  return result;
}

V is_here(Emitter& b, Target const&, llvm::MCSubtargetInfo const& info) {
  V all = has_features(b, info);
  u32 const bits = info.checkFeatures("+avx512f") ? keeps_avx512 : info.checkFeatures("+avx") ? keeps_avx : 0;
  return bits ? b.CreateAnd(all, keeps_registers(b, bits)) : all;
}

} // namespace

void initialize() {
  LLVMInitializeX86TargetInfo();
  LLVMInitializeX86Target();
  LLVMInitializeX86TargetMC();
  LLVMInitializeX86AsmPrinter();
}

Processor const processor{.facts_of = facts_of,
                          .set_vectors = set_vectors,
                          .set_float_mode = set_float_mode,
                          .restore_float_mode = restore_float_mode,
                          .pause = pause,
                          .is_here = is_here,
                          .baseline = "x86-64",
                          .least = "+64bit"};

} // namespace nnc::x86
