// What LLVM makes of a module when it is told to stop: by the bytes of the object, for no time is the same twice.
#include "codegen/codegen.h"
#include "codegen/llvm/machine.h"

#include <doctest/doctest.h>
#include <llvm/IR/IRBuilder.h>
#include <llvm/IR/Module.h>

using namespace nnc;

namespace {

constexpr int functions = 4, products = 500;
constexpr size_t code = functions * products * 4; // bytes, by imul alone

void add_products(llvm::Module& module, int number) {
  auto* i64 = llvm::Type::getInt64Ty(module.getContext());
  auto* type = llvm::FunctionType::get(i64, {i64}, false);
  auto* f = llvm::Function::Create(type, llvm::Function::ExternalLinkage, "f" + std::to_string(number), module);
  llvm::IRBuilder<> b(llvm::BasicBlock::Create(module.getContext(), "", f));
  llvm::Value* x = f->getArg(0);
  for (int i = 0; i < products; ++i) x = b.CreateMul(x, x);
  b.CreateRet(x);
}

size_t bytes_made(std::atomic<bool> const* cancelled) {
  auto const target = target_for("x86-64-v3");
  auto const machine = machine_for(target);
  llvm::LLVMContext context;
  llvm::Module module("products", context);
  module.setTargetTriple(target.triple);
  module.setDataLayout(machine->createDataLayout());
  for (int i = 0; i < functions; ++i) add_products(module, i);
  return generate(module, *machine, llvm::CodeGenFileType::ObjectFile, cancelled).size();
}

} // namespace

TEST_CASE("functions that are left when the compilation is cancelled take no time: they are empty") {
  std::atomic<bool> cancelled{false};
  CHECK(bytes_made(nullptr) > code);
  CHECK(bytes_made(&cancelled) > code);
  cancelled = true;
  CHECK(bytes_made(&cancelled) < code / functions);
}
