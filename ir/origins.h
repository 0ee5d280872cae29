// Where numbers stop being finite: a function is evaluated, and for every infinity or NaN it is known which node, or
// which input, it comes from.
//
// An element that is not finite comes from the elements that its node reads (ir/index_map.h) and that are not finite
// either; where all of these are finite the node itself has made it. What a `select` does not take, or what an `exp`
// turns into zero, is the origin of nothing. An infinity that the program writes, as a mask does, is meant: a NaN that
// is made of it is the work of the node that made it.
#pragma once

#include "ir/evaluate.h"

#include <optional>

namespace nnc {

// What a tensor holds, all its elements or those that were read of it.
struct Extent {
  f64 least = 0, greatest = 0; // of those that are finite
  i64 elements = 0, not_finite = 0;
};

struct Origin {
  enum class Kind { node, argument, literal };
  Kind kind = Kind::node;
  bool meant = false;         // the program writes it, or it is a number that only tunes
  Node const* node = nullptr; // that made it
  size_t argument = 0;        // or that came with it
  ValueId value = no_value;   // whose element it is
  i64 element = 0;            // in row-major order
  f64 number = 0;             // an infinity or a NaN
  std::vector<i64> shape;
  Extent all; // of that value

  // Of the scans around the node, the outermost first: which round.
  struct Round {
    Node const* scan = nullptr;
    i64 at = 0, of = 0;
    bool reverse = false; // they run from the last to the first
  };
  std::vector<Round> rounds;

  struct Operand {
    ValueId value = no_value;
    std::vector<i64> shape;
    bool known = false; // which elements are read for this one
    i64 element = 0;    // the first of them
    f64 number = 0;     // and what it holds
    Extent read, all;
  };
  std::vector<Operand> operands; // of the node
};

struct Origins {
  std::vector<Tensor> results; // of the function
  std::vector<Origin> list;    // in the order in which they came about
  // Per result the first of its origins, or for those that were meant alone one of these; nothing: it is finite.
  std::vector<std::optional<size_t>> of_result;
  // The finite number that is nearest to the end of the range of its dtype.
  struct Largest {
    Node const* node = nullptr;
    ValueId value = no_value;
    f64 number = 0, share = 0; // of the largest finite number of the dtype
  } largest;
};

// `between` is called after each node, and may throw to end it.
Origins find_origins(Module const&, Function const&, std::vector<Tensor> const& inputs,
                     std::function<void()> const& between = {});

std::vector<i64> index_of(i64 element, std::vector<i64> const& shape);

} // namespace nnc
