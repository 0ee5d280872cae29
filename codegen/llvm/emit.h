// Loops to LLVM IR: one function per kernel, void NAME(ptr frame, ptr parameters, ptr scratch), with vectors written
// out and no flag that would let LLVM change a bit. Several lanes of a type become one vector of LLVM, which its code
// generator splits where registers are narrower.
#pragma once

#include "codegen/loops/loops.h"

#include <functional>

#include <llvm/IR/IRBuilder.h>
#include <llvm/IR/Module.h>

namespace nnc {

// What the emitter must know of the machine.
struct Machine {
  bool fma = true;     // else a * b + c is rounded twice
  bool gathers = true; // has an instruction that loads from several addresses
  bool half = true;    // has instructions that convert f16
  bool rounds = true;  // has instructions that round to whole numbers
};

struct Processor; // codegen/llvm/processor.h

// A module under construction: makes the functions that kernels call once each.
struct EmitModule {
  llvm::Module& module;
  Machine machine;
  Processor const& processor;
  std::string prefix = "nnc"; // of every symbol that others see
  bool for_file = false;      // small code is worth more than the time that it takes to make
};

using Emitter = llvm::IRBuilder<>;

llvm::Function* kernel_function(EmitModule&, std::string const& name); // declared here; emit_kernel gives it a body
void emit_kernel(EmitModule&, Loops const&);                           // that have taken their parameters

llvm::Type* llvm_type(llvm::LLVMContext&, Lanes);

// An elementwise operator on values of LLVM. `from` is the dtype of the operands (of the last one for `select`).
llvm::Value* emit_compute(EmitModule&, Emitter&, OpCode, DType from, Lanes to,
                          std::vector<llvm::Value*> const& operands);
llvm::Value* emit_fma(EmitModule&, Emitter&, llvm::Value* a, llvm::Value* b, llvm::Value* c);

llvm::Function* philox_function(EmitModule&, int lanes);

// An internal function of the module, made on first use: `body` gives what it returns.
llvm::Function* function_once(EmitModule&, std::string const& name, llvm::FunctionType*,
                              std::function<llvm::Value*(Emitter&, llvm::Function&)> const& body);

// Attributes that every function of generated code has.
void decorate(llvm::Function&);
// For functions that only generated code calls. On Windows they follow the convention of the other systems: its own
// passes vectors in memory and lets few registers be used freely. The entries, which keep to it, lie between.
void call_inside(llvm::Function&);
llvm::CallInst* call(Emitter&, llvm::Function*, std::vector<llvm::Value*> const& arguments);
// For what runs once a step: it is made in half the time, and runs at half the speed.
void compile_fast(llvm::Function&);

} // namespace nnc
