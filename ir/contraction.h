// What a kernel of kind contract is, in the terms of its nest of loops (codegen/lower/contract_nest.h):
//
//     out[b, m, n] = epilogue(sum over k of lhs[b, m, k] * rhs[b, k, n])
//
// b, m, k and n stand for several axes each. The scheduler decides by this, the verifier holds schedules against it,
// and code is made from it.
#pragma once

#include "ir/module.h"

namespace nnc {

// An operand in memory. Element (outer, inner) of batch b stands at offset + b * batch + outer * outer + inner * inner
// of the value that is stored; of lhs outer is m and inner is k, of rhs outer is k and inner is n.
struct PlainOperand {
  ValueId stored = no_value;
  i64 batch_stride = 0, outer_stride = 0, inner_stride = 0, offset = 0;
};

// The axes of one operand by what the contraction does with them, each list in the order in which it is walked.
struct ContractOperand {
  ValueId value = no_value;
  std::vector<i64> batch, outer, inner;
  std::optional<PlainOperand> plain; // else it is virtual: computed while it is packed
  bool along_inner = true;           // a vector of a virtual operand runs along inner, else along outer
};

struct Contraction {
  Node const* dot = nullptr;
  DType dtype = DType::f32;
  ContractOperand lhs, rhs;
  Order::Kind kind = Order::Kind::chain;
  i64 block = 0;             // so many steps of k are a block; 0: no blocks
  std::optional<Dim> period; // steps of k that no block reaches over; nothing: all of them
  Dim batches = 1, rows = 1, depth = 1, columns = 1;

  i64 vectors(i64 lanes) const { return (*columns.constant() + lanes - 1) / lanes; } // in a row of the result
  std::optional<i64> blocks() const;                                                 // as far as it is known
  bool blocked() const { return block != 0 && blocks().value_or(2) > 1; }
};
Contraction contraction_of(Function const&, Node const& kernel, std::vector<bool> const& numbers);

// Does the nest of loops take it? All else is computed element by element, like any other kernel.
bool fits_nest(Function const&, Contraction const&);

// The sum of a dot as one of one axis, or of two: an axis of `outer` periods that no block reaches over.
struct LinearSum {
  Order order; // its blocks are counted in elements of the sum
  Dim outer = 1, period = 1;
  std::vector<Dim> extents() const { return order.axis ? std::vector<Dim>{outer, period} : std::vector<Dim>{period}; }
};
LinearSum linear_sum(Order, Shape const& summed);

Shape extents_of(Shape const&, std::vector<i64> const& axes);
inline i64 round_up(i64 n, i64 unit) { return (n + unit - 1) / unit * unit; }

// Accumulators of a tile, a row of vectors of rhs, and one broadcast of lhs.
inline bool fits_registers(i64 rows, i64 vectors, i64 registers) { return rows * vectors + vectors + 1 <= registers; }

// The memory of a thread's own that the nest takes, in elements of 4 bytes.
struct ContractBuffers {
  i64 panel = 0, rhs_rows = 0, lhs = 0, totals = 0;
  i64 bytes() const { return 4 * (panel + rhs_rows + lhs + totals); }
};
ContractBuffers buffers_of(Contraction const&, ContractSchedule const&, i64 lanes);
i64 packed_depth(Contraction const&, ContractSchedule const&); // steps of k that a packed lhs holds

} // namespace nnc
