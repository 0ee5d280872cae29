// The facts of a kernel by name: the one table that the printer, the parser, the verifier and ir/OPERATORS.md read.
#pragma once

#include "ir/op.h"

namespace nnc {

struct KernelField {
  AttributeSpec spec;
  u32 kinds; // of the kernels that have it: bits 1 << KernelKind
  // Nothing where it is not decided yet, or is what its absence means.
  std::optional<AttributeValue> (*read)(Kernel const&);
  // A value of the kind that the spec says. Throws Error (without a place) for a word that is none.
  void (*write)(Kernel&, AttributeValue const&);
  bool belongs_to(KernelKind k) const { return (kinds >> static_cast<u32>(k) & 1) != 0; }
};

std::span<KernelField const> kernel_fields(); // in the order in which they are printed
std::string kinds_text(KernelField const&);   // "contract", "pointwise or scatter"

} // namespace nnc
