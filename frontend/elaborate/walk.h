// What stands directly below a node of the tree: for those who look at a text without running it.
#pragma once

#include "frontend/syntax.h"

namespace nnc::front {

// `Visitor` has expression(Expr const&), block(Block const&), function(FunctionDecl const&) and pattern(TypePattern
// const&), each for a part in the order of the text.
template <class Visitor>
struct Parts {
  Visitor& visit;

  void of(syntax::Expr const& e) {
    std::visit([&](auto const& x) { below(x); }, e.as);
  }
  void of(syntax::Stmt const& s) {
    std::visit([&](auto const& x) { below(x); }, s.as);
  }
  void of(syntax::Block const& b) {
    for (auto const& s : b.statements) of(*s);
  }
  void of(syntax::TypePattern const& t) {
    for (auto const& d : t.dims) maybe(d.expression);
  }
  void of(syntax::FunctionDecl const& f) {
    of(f.parameters);
    if (f.result) visit.pattern(*f.result);
    visit.block(f.body);
    if (f.gradient) visit.block(*f.gradient);
  }
  void of(std::vector<syntax::Parameter> const& parameters) {
    for (auto const& p : parameters) {
      if (p.type) visit.pattern(*p.type);
      maybe(p.initial);
    }
  }

private:
  void maybe(syntax::ExprPtr const& e) {
    if (e) visit.expression(*e);
  }
  void all(std::vector<syntax::ExprPtr> const& list) {
    for (auto const& e : list) maybe(e);
  }
  void string(syntax::String const& s) {
    for (auto const& part : s.parts) maybe(part.expression);
  }

  void below(syntax::NameExpr const&) {}
  void below(syntax::NumberExpr const&) {}
  void below(syntax::ConstantExpr const&) {}
  void below(syntax::StringExpr const& x) { string(x.string); }
  void below(syntax::ListExpr const& x) {
    for (auto const& item : x.items) maybe(item.value);
  }
  void below(syntax::UnaryExpr const& x) { maybe(x.operand); }
  void below(syntax::BinaryExpr const& x) { maybe(x.left), maybe(x.right); }
  void below(syntax::CallExpr const& x) {
    maybe(x.callee);
    for (auto const& a : x.arguments) maybe(a.value);
    if (x.tag) string(x.tag->text);
  }
  void below(syntax::IndexExpr const& x) {
    maybe(x.base);
    for (auto const& i : x.indices) maybe(i.first), maybe(i.last), maybe(i.stride);
  }
  void below(syntax::MemberExpr const& x) { maybe(x.base); }
  void below(syntax::FunctionExpr const& x) { visit.function(*x.function); }
  void below(syntax::ChoiceExpr const& x) { maybe(x.condition), maybe(x.yes), maybe(x.no); }
  void below(syntax::ScanExpr const& x) {
    all(x.over);
    maybe(x.axis);
    visit.block(x.body);
  }

  void below(syntax::AssignStmt const& x) {
    if (x.type) visit.pattern(*x.type);
    all(x.values);
  }
  void below(syntax::WriteStmt const& x) { maybe(x.value); }
  void below(syntax::ExprStmt const& x) { all(x.values); }
  void below(syntax::FunctionStmt const& x) { visit.function(*x.function); }
  void below(syntax::ParamStmt const& x) {
    if (x.type) visit.pattern(*x.type);
    maybe(x.initial);
  }
  void below(syntax::InputStmt const& x) { visit.pattern(x.type); }
  void below(syntax::OutputStmt const& x) { maybe(x.value); }
  void below(syntax::MeasureStmt const& x) {
    maybe(x.rows);
    maybe(x.value);
  }
  void below(syntax::IfStmt const& x) {
    maybe(x.condition);
    visit.block(x.yes);
    if (x.no) visit.block(*x.no);
  }
  void below(syntax::ForStmt const& x) {
    maybe(x.over);
    visit.block(x.body);
  }
  void below(syntax::ReturnStmt const& x) { all(x.values); }
  void below(syntax::EmitStmt const& x) { all(x.values); }
  void below(syntax::RequireStmt const& x) { maybe(x.condition), maybe(x.text); }
};

} // namespace nnc::front
