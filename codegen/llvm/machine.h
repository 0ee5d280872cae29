// LLVM's idea of a target, set up the way that nnc wants it.
#pragma once

#include "codegen/llvm/emit.h"
#include "ir/module.h"

#include <llvm/ADT/SmallVector.h>
#include <llvm/Target/TargetMachine.h>

#include <atomic>
#include <memory>

namespace nnc {

void initialize_llvm(); // once per process, from any thread
std::unique_ptr<llvm::TargetMachine> machine_for(Target const&);

// The end of the road: a module as an object file, or as assembly text.
// What it gives once `cancelled` is set is of no use.
llvm::SmallVector<char, 0> generate(llvm::Module&, llvm::TargetMachine&, llvm::CodeGenFileType,
                                    std::atomic<bool> const* cancelled = nullptr);

} // namespace nnc
