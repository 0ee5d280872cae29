// Blocks and statements. A statement that fails is reported, what it would have bound is poisoned, and the next one is
// looked at, so that one run shows as many independent mistakes as there are.
#pragma once

#include "frontend/elaborate/context.h"
#include "frontend/elaborate/elaborator.h"

namespace nnc::front {

struct Failure;

class Statements {
public:
  explicit Statements(Elaborator& e) : e_(e), now_(e.now), errors_(e.errors) {}

  void block(syntax::Block const&, bool is_body); // the last expression of a body is its result
  void bind(std::string const& name, Any, Location);

private:
  void statement(syntax::Stmt const&, bool is_last);
  void guarded(syntax::Stmt const&, bool is_last);
  void poison(syntax::Stmt const&);
  bool is_unmet(syntax::Stmt const&, Failure const&) const;
  void leave_unmet();
  void mark_untaken(syntax::Block const&);
  void name_value(std::string const& name, Any const&);
  void run_assign(syntax::AssignStmt const&, Location);
  void run_if(syntax::IfStmt const&);
  void run_for(syntax::ForStmt const&);
  void run_return(syntax::ReturnStmt const&, Location);
  void run_value(syntax::ExprStmt const&, Location, bool is_last);
  void run_require(syntax::RequireStmt const&, Location);
  void unpack(std::vector<syntax::Name> const&, Any const&, Location);

  Elaborator& e_; // each statement is run by the part whose it is
  Context& now_;
  Errors& errors_;
  i64 statements_ = 0; // that have been run
};

} // namespace nnc::front
