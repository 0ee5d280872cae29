// All that is particular to x86: code for another machine needs a file that gives the same.
#pragma once

#include "codegen/llvm/emit.h"

#include <llvm/MC/MCSubtargetInfo.h>

namespace nnc::x86 {

void initialize(); // LLVM's parts for it
// What the emitter must know; throws Error for a processor that cannot run any code of ours.
Machine facts_of(llvm::MCSubtargetInfo const&);
void set_vectors(Target&, llvm::MCSubtargetInfo const&); // widths and registers follow from the features

// The floating-point mode that NUMERICS.md asks for, whatever the host's is; gives where the host's is kept.
llvm::Value* set_float_mode(Emitter&);
void restore_float_mode(Emitter&, llvm::Value* kept);
void pause(Emitter&); // in a loop that spins

} // namespace nnc::x86
