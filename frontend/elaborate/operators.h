// Arithmetic, comparison and logic. Numbers that are known while compiling are computed here; a number that only tunes
// is computed in f64 once per step; what meets a tensor takes its dtype and becomes a node.
#pragma once

#include "frontend/elaborate/context.h"
#include "frontend/elaborate/elaborator.h"
#include "ir/op.h"

namespace nnc::front {

class Operators {
public:
  explicit Operators(Elaborator& e)
      : now_(e.now), errors_(e.errors), budget_(e.budget), suggestions_(e.suggestions), tensors_(e.tensors) {}

  Any binary(std::string const& op, Any const&, Any const&, Location);
  Any compare(std::string const& op, Any const&, Any const&, Location);
  Any negate(Any const&, Location);
  Any logical_not(Any const&, Location);

  // An operator of the table: of what is known computed now, of numbers that only tune once per step, else by element.
  Any of_table(OpCode, std::vector<Any> operands, Location);
  Any elementwise(OpCode, std::vector<Any> const&, Location);
  Any tunable(OpCode, std::vector<Any> const&, std::optional<f64> known, Location);

private:
  Any arithmetic(std::string const& op, Any const&, Any const&, Location);
  Any compile_time(std::string const& op, Any const&, Any const&, Location);
  Any integers(std::string const& op, Dim const&, Dim const&, Location);
  Any chosen_extent(OpCode, Dim const&, Dim const&, Location);
  Any power(Any const&, Any const&, Location);
  Any logic(std::string const& op, Any const&, Any const&, Location);
  Any product(Any const&, Any const&, Location); // product.cpp
  void refuse_no_number(Any const&, Location);

  Context& now_;
  Errors& errors_;
  Budget& budget_;
  Suggestions& suggestions_;
  Tensors& tensors_;
};

} // namespace nnc::front
