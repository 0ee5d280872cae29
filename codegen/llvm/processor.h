// All that is particular to one family of processors, as a table of functions: x86.cpp and aarch64.cpp each make one.
// No other file names an instruction of a processor.
#pragma once

#include "codegen/llvm/emit.h"

#include <llvm/MC/MCSubtargetInfo.h>

namespace nnc {

struct Processor {
  // What the emitter must know of a processor with these features.
  Machine (*facts_of)(llvm::MCSubtargetInfo const&);
  void (*set_vectors)(Target&, llvm::MCSubtargetInfo const&); // widths and registers follow from the features

  // The floating-point mode that NUMERICS.md asks for, whatever the host's is; gives where the host's is kept.
  llvm::Value* (*set_float_mode)(Emitter&);
  void (*restore_float_mode)(Emitter&, llvm::Value* kept);
  void (*pause)(Emitter&); // in a loop that spins

  // i1: has the processor that runs this all that code for the target may use? Throws Error where a program cannot ask
  // and the target is more than its baseline.
  llvm::Value* (*is_here)(Emitter&, Target const&, llvm::MCSubtargetInfo const&);
  char const* baseline; // a cpu that every processor of the family can stand for
  char const* least;    // a feature that all code relies on; LLVM knows processors without it
};

namespace x86 {
void initialize(); // LLVM's parts for it
extern Processor const processor;
} // namespace x86

namespace aarch64 {
void initialize();
extern Processor const processor;
} // namespace aarch64

// Of a triple; throws Error for those that nnc makes no code for.
Processor const& processor_for(std::string const& triple);

} // namespace nnc
