#include "codegen/llvm/file_symbols.h"

#include "codegen/llvm/processor.h"

namespace nnc {
namespace {

using V = llvm::Value*;

llvm::Function* visible_function(EmitModule& m, std::string const& name, llvm::Type* result) {
  auto* type = llvm::FunctionType::get(result, false);
  auto* f = llvm::Function::Create(type, llvm::Function::ExternalLinkage, m.prefix + name, m.module);
  decorate(*f);
  f->setVisibility(llvm::GlobalValue::DefaultVisibility);
  return f;
}

llvm::GlobalVariable* variable(EmitModule& m, std::string const& name, llvm::Constant* content) {
  m.module.getOrInsertGlobal(m.prefix + name, content->getType());
  auto* made = m.module.getNamedGlobal(m.prefix + name);
  made->setInitializer(content);
  return made;
}

void emit_interface(EmitModule& m, u64 number) {
  auto* f = visible_function(m, "_interface", llvm::Type::getInt64Ty(m.module.getContext()));
  Emitter b(llvm::BasicBlock::Create(m.module.getContext(), "", f));
  b.CreateRet(b.getInt64(number));
}

// The processor is asked once, for cpuid may take as long as a step: 0 not yet, 1 no, 2 yes. Threads that ask at the
// same time find the same.
V answer_once(EmitModule& m, Emitter& b, llvm::Function* f, Target const& t, llvm::MCSubtargetInfo const& info) {
  auto* i32 = b.getInt32Ty();
  auto* kept = variable(m, ".supported", b.getInt32(0));
  kept->setLinkage(llvm::GlobalValue::InternalLinkage);
  auto *ask = llvm::BasicBlock::Create(b.getContext(), "", f), *known = llvm::BasicBlock::Create(b.getContext(), "", f);
  auto* before = b.GetInsertBlock();
  auto* old = b.CreateAlignedLoad(i32, kept, llvm::Align(4));
  old->setAtomic(llvm::AtomicOrdering::Monotonic);
  b.CreateCondBr(b.CreateICmpEQ(old, b.getInt32(0)), ask, known);
  b.SetInsertPoint(ask);
  V found = b.CreateAdd(b.CreateZExt(m.processor.is_here(b, t, info), i32), b.getInt32(1));
  b.CreateAlignedStore(found, kept, llvm::Align(4))->setAtomic(llvm::AtomicOrdering::Monotonic);
  auto* asked = b.GetInsertBlock();
  b.CreateBr(known);
  b.SetInsertPoint(known);
  auto* answer = b.CreatePHI(i32, 2);
  answer->addIncoming(old, before);
  answer->addIncoming(found, asked);
  return b.CreateLShr(answer, 1);
}

// Made for the baseline, or it could not be run to say no.
void emit_supported(EmitModule& m, Target const& t, llvm::MCSubtargetInfo const& info) {
  auto* f = visible_function(m, "_supported", llvm::Type::getInt32Ty(m.module.getContext()));
  f->addFnAttr("target-cpu", m.processor.baseline);
  f->addFnAttr("target-features", "");
  Emitter b(llvm::BasicBlock::Create(m.module.getContext(), "", f));
  b.CreateRet(answer_once(m, b, f, t, info));
}

void emit_data(EmitModule& m, std::string const& name, std::vector<u8> const& bytes) {
  auto* content = llvm::ConstantDataArray::get(m.module.getContext(), bytes);
  auto* data = variable(m, "_" + name, content);
  data->setConstant(true);
  data->setAlignment(llvm::Align(64));
}

} // namespace

void emit_file_symbols(EmitModule& m, FileSymbols const& symbols, Target const& t, llvm::MCSubtargetInfo const& info) {
  emit_interface(m, symbols.interface_number);
  emit_supported(m, t, info);
  for (auto const& [name, bytes] : symbols.data) emit_data(m, name, bytes);
}

} // namespace nnc
