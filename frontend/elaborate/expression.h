// Every kind of expression. What is a number, a list or a function is computed here and now; what is a tensor becomes
// a node.
#pragma once

#include "frontend/elaborate/call.h"
#include "frontend/elaborate/context.h"
#include "frontend/elaborate/elaborator.h"

namespace nnc::front {

class Expressions {
public:
  explicit Expressions(Elaborator&);

  Any eval(syntax::Expr const&);
  Any eval_values(std::vector<syntax::ExprPtr> const&); // one is its value, several are a list
  std::vector<Actual> actuals(syntax::Arguments const&);
  Any closure(syntax::FunctionDecl const&);
  std::string text(syntax::String const&);
  std::string name_text(syntax::String const&, Location, char const* what); // of a metric, a tag: printable
  std::string need_printable(std::string name, Location, char const* what) const;
  std::string part_text(syntax::StringPart const&, std::optional<Any> const& value);
  bool condition(syntax::Expr const&, char const* what); // that is known while compiling
  bool truth(Any const&, Location, char const* what);

private:
  Any eval_expr(syntax::Expr const&);
  Any eval_binary(syntax::BinaryExpr const&, Location);
  Any eval_list(syntax::ListExpr const&);
  Any eval_choice(syntax::ChoiceExpr const&);
  Any eval_member(syntax::MemberExpr const&, Location);
  Any eval_call(syntax::CallExpr const&, Location);
  Any layer_or_function(syntax::CallExpr const&);
  std::string without_input(syntax::CallExpr const& layer, size_t needed) const;

  Elaborator& e_; // what evaluates needs it all
  Context& now_;
  Errors& errors_;
  int depth_ = 0; // of expressions within calls within expressions
};

} // namespace nnc::front
