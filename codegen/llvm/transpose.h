// Square transposes of vectors in registers, and the one function per module that packs a transposed operand with them.
#pragma once

#include <llvm/IR/IRBuilder.h>

#include <vector>

namespace nnc {

// rows[i][j] -> result[j][i] for 2, 4, 8 or 16 vectors of as many lanes.
std::vector<llvm::Value*> transpose(llvm::IRBuilder<>& b, std::vector<llvm::Value*> rows);

// void pack_transposed_W_B(ptr source, i64 row_stride, i64 rows, ptr target, i64 target_stride, i64 depth), once per
// module:
//
//     target[k * target_stride + i] = source[min(i, rows - 1) * row_stride + k]      for i in 0..W, k in 0..depth
//
// so W rows of the source, read along the row, become W columns of a panel. Writes up to W - 1 rows of the panel beyond
// `depth`; reads nothing beyond it. Elements are of B bytes, 4 or 8, the target and its rows are aligned to vectors.
llvm::Function* transposing_pack(llvm::Module& module, unsigned lanes, unsigned element);

} // namespace nnc
