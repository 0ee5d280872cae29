// What a program means, but hardly what its author wants.
#pragma once

#include "frontend/elaborate/call.h"
#include "frontend/elaborate/context.h"
#include "frontend/elaborate/elaborator.h"

namespace nnc::front {

class Warnings {
public:
  explicit Warnings(Elaborator& e) : e_(e), now_(e.now), errors_(e.errors) {}

  // while it is elaborated
  void warn_of_logits(FunctionValue const&, std::vector<Actual> const&);
  void remember_probabilities(FunctionValue const&, Any const& result);
  void warn_of_idle_tag(syntax::CallExpr const&, Any const& callee, std::string const& tag);

  // of the finished functions
  void warn_of_unused_parameters();
  void warn_of_select(Function const&);

private:
  friend struct MayDeclare;
  void warn_of_branch(Location, Node const&);
  syntax::FunctionDecl const* declared_function(FileScope&, std::string const& name, FileScope*& from) const;
  bool may_declare(syntax::FunctionDecl const&, FileScope&, Names const* captured);
  std::string declaring_callee(syntax::Expr const&);

  Elaborator& e_;
  Context& now_;
  Errors& errors_;
  std::map<syntax::FunctionDecl const*, bool> may_declare_;
  int calls_in_text_ = 0;                                                 // that are being looked at
  std::map<std::pair<Graph const*, ValueId>, std::string> probabilities_; // what softmax or sigmoid gave
};

} // namespace nnc::front
