// The reference evaluator: the truth that every pass and every kernel is tested against.
#pragma once

#include "ir/module.h"
#include "ir/tensor.h"

#include <functional>

namespace nnc {

struct Scan; // ir/scan.h

// Looks on while a function is evaluated: is told of each step when it is done, with what every value holds then.
class Watcher {
public:
  using Values = std::vector<Tensor>; // by ValueId
  virtual ~Watcher() = default;
  virtual void begins(Values const&) = 0; // arguments and literals are known
  virtual void computed(Node const&, Values const&) = 0;
  virtual void chosen(Node const& cond, Region const& side) = 0; // behind the nodes of that side
  virtual void scan_begins(Scan const&) = 0;
  virtual void round_begins(Scan const&, i64 at) = 0;
  virtual void round_ends(Scan const&, i64 at) = 0;
  virtual void scan_ends(Scan const&) = 0;
};

struct Evaluation {
  bool exact = false;      // no rounding to the dtype between nodes: floats stay f64 (finite differences)
  bool in_slots = false;   // keep values in the planned slots, filled with NaN before use, so that a wrong plan shows
  bool subnormals = false; // keep f32 subnormals; by default they are flushed to zero as in the kernels
  // `grad` nodes are evaluated by central differences: every element up to `all_elements` of them, beyond that along
  // one random direction d of length 1 (the result is then d times the slope along d; see gradient_direction).
  // Operators without a derivative are held fixed while their operands move.
  u64 seed = 1;
  i64 all_elements = 256;
  // Counters of defined but suspicious events; null: not counted.
  i64* clamped = nullptr;
  i64* zero_divided = nullptr;
  Watcher* watcher = nullptr; // of the function itself: calls and differences are steps of it
};

// Runs a function on one tensor per argument. Symbols are bound by the module's bindings and by the shapes of the
// inputs; a shape that does not fit throws Error.
std::vector<Tensor> evaluate(Module const&, Function const&, std::vector<Tensor> const& inputs, Evaluation const& = {});

// The direction along which a gradient of more than `all_elements` elements is measured: +-1/sqrt(size), signs by seed.
std::vector<f64> gradient_direction(u64 seed, i64 size);

// Symbols that follow from the shapes of these inputs, beyond those that the module binds; throws Error when a shape or
// dtype does not fit.
Bindings bindings_of(Module const&, Function const&, std::vector<Tensor> const& inputs);

} // namespace nnc
