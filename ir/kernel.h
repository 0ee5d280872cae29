// What the attributes of a kernel say, read once, for whoever schedules it, plans its memory or makes code of it. What
// each kind of kernel may hold is checked by ir/verify/kernel.cpp.
#pragma once

#include "ir/module.h"

namespace nnc {

// The ways by which code is made of a kernel. The attribute `kind` says scalars, loops or contract; loops with
// `row_axes` are rows, those that hold a scatter_add are a scatter, all others are pointwise.
enum class KernelKind : u8 {
  scalars,   // numbers that every thread computes for itself
  pointwise, // one element of each result after the other
  rows,      // row by row, in stages
  scatter,   // one scatter_add
  contract,  // one dot with its prologue and epilogue
};

struct KernelFacts {
  KernelKind kind = KernelKind::pointwise;
  i64 row_axes = 0; // the last axes of the space of rows
  bool parallel = true, barrier = false;
  // Of a contraction.
  i64 tile_rows = 0, tile_vectors = 0; // 0: chosen by code generation
  bool pack_lhs = false, pack_rhs = true;
  std::vector<Place> const* places = nullptr; // null before plan_memory
};

std::optional<KernelKind> kernel_kind(Node const& kernel); // nothing when `kind` is missing or no kind
KernelFacts kernel_facts(Node const& kernel);              // of a kernel that the verifier has seen
bool has_kernels(Function const&);
bool is_planned(Function const&); // its kernels have places

// Rows of a tile divide the 16 rows by which a padded batch and the chunks of rows grow; wider panels are not made.
inline constexpr i64 most_tile_rows = 16, most_tile_vectors = 3;

} // namespace nnc
