// A host that has LLVM 14 makes code with it and with nnc, one after the other: `theirs` and `ours` on the command line
// say in which order. Built against the shared LLVM, `theirs` uses what the host is linked with.
#include <llvm-c/Core.h>
#include <llvm-c/ExecutionEngine.h>
#include <llvm-c/Target.h>

#include <nnc/nnc.hpp>

#include <cstdint>
#include <cstdio>
#include <cstring>
#include <vector>

static bool theirs() {
  LLVMLinkInMCJIT();
  LLVMInitializeNativeTarget();
  LLVMInitializeNativeAsmPrinter();
  LLVMModuleRef const module = LLVMModuleCreateWithName("theirs");
  LLVMTypeRef const i32 = LLVMInt32Type();
  LLVMTypeRef types[] = {i32, i32};
  LLVMValueRef const sum = LLVMAddFunction(module, "sum", LLVMFunctionType(i32, types, 2, 0));
  LLVMBuilderRef const builder = LLVMCreateBuilder();
  LLVMPositionBuilderAtEnd(builder, LLVMAppendBasicBlock(sum, "entry"));
  LLVMBuildRet(builder, LLVMBuildAdd(builder, LLVMGetParam(sum, 0), LLVMGetParam(sum, 1), "s"));
  LLVMDisposeBuilder(builder);
  LLVMExecutionEngineRef engine = nullptr;
  char* error = nullptr;
  if (LLVMCreateExecutionEngineForModule(&engine, module, &error)) return std::printf("%s\n", error), false;
  auto const code =
      reinterpret_cast<std::int32_t (*)(std::int32_t, std::int32_t)>(LLVMGetFunctionAddress(engine, "sum"));
  bool const right = code(40, 2) == 42;
  LLVMDisposeExecutionEngine(engine);
  return right;
}

static bool ours() {
  auto const program = nnc::Program::from_text("model m {\n  input x: f32[batch, 2]\n  output y = x + x\n}\n");
  nnc::Session session(program);
  std::vector<float> const x{1, 2, 3, 4};
  auto const y = session.run({{"x", x}}, 2);
  bool caught = false;
  try {
    session.run({{"x", x}}, 3);
  } catch (nnc::Failure const&) {
    caught = true;
  }
  return caught && y[0].as<float>()[3] == 8;
}

int main(int count, char** words) {
  for (int i = 1; i < count; ++i)
    if (!(std::strcmp(words[i], "theirs") == 0 ? theirs() : ours())) return std::printf("%s fails\n", words[i]), 1;
  std::printf("both work\n");
  return 0;
}
