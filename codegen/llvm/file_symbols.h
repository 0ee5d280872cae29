// What an object file has beside its entries (codegen/codegen.h).
#pragma once

#include "codegen/codegen.h"
#include "codegen/llvm/emit.h"

#include <llvm/MC/MCSubtargetInfo.h>

namespace nnc {

void emit_file_symbols(EmitModule&, FileSymbols const&, Target const&, llvm::MCSubtargetInfo const&);

} // namespace nnc
