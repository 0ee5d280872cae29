// A function's own derivative: what its `gradient` block says, as a function of the module.
#pragma once

#include "frontend/elaborate/context.h"
#include "frontend/elaborate/elaborator.h"

namespace nnc::front {

class OwnDerivatives {
public:
  explicit OwnDerivatives(Elaborator& e) : e_(e), now_(e.now), errors_(e.errors) {}
  struct Variable { // a float tensor among the arguments
    std::string name;
    ValueId id = no_value;
  };
  std::vector<Variable> variables_of(syntax::FunctionDecl const&); // none without a block
  Any with_gradient(syntax::FunctionDecl const&, std::vector<Variable> const&, Any const& result);
  void add_derivatives(); // those that the module names

private:
  Graph& new_derivative(syntax::FunctionDecl const&, std::vector<ValueId> const& values);
  void run_gradient_block(syntax::FunctionDecl const&, std::vector<Variable> const&);
  ValueId derivative_of(Variable const&, Any const& derivative, Location);
  ValueId sum_to(ValueId, Shape const&, Location);

  Elaborator& e_;
  Context& now_;
  Errors& errors_;
  std::vector<std::unique_ptr<Graph>> derivatives_;
};

} // namespace nnc::front
