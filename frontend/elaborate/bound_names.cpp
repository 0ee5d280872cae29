#include "frontend/elaborate/bound_names.h"

#include "frontend/elaborate/walk.h"

namespace nnc::front {

using namespace syntax;

namespace {

struct Collector {
  BoundNames names;

  void add(Name const& n) { names.insert(n.text); }
  void add(std::vector<Name> const& all) {
    for (auto const& n : all) add(n);
  }

  void expression(Expr const& e) {
    if (auto* scan = std::get_if<ScanExpr>(&e.as)) add(scan->targets), add(scan->carried);
    Parts{*this}.of(e);
  }
  void function(FunctionDecl const&) {} // has names of its own
  void pattern(TypePattern const& t) {
    for (auto const& d : t.dims) {
      if (!d.name.empty()) names.insert(d.name);
      if (auto* n = d.expression ? std::get_if<NameExpr>(&d.expression->as) : nullptr) names.insert(n->name);
    }
  }
  void block(Block const& b) {
    for (auto const& s : b.statements) statement(*s);
  }
  void statement(Stmt const& s) {
    if (auto* x = std::get_if<AssignStmt>(&s.as)) add(x->targets);
    else if (auto* x = std::get_if<ParamStmt>(&s.as)) add(x->name);
    else if (auto* x = std::get_if<InputStmt>(&s.as)) add(x->name);
    else if (auto* x = std::get_if<OutputStmt>(&s.as)) add(x->name);
    else if (auto* x = std::get_if<MeasureStmt>(&s.as)) names.insert(x->name ? x->name->text : x->title ? "" : "loss");
    else if (auto* x = std::get_if<FunctionStmt>(&s.as)) add(x->function->name);
    else if (auto* x = std::get_if<ForStmt>(&s.as)) add(x->targets);
    Parts{*this}.of(s);
  }
};

} // namespace

BoundNames bound_names(std::vector<Parameter> const& parameters, Block const& body) {
  Collector all;
  for (auto const& p : parameters) all.add(p.name);
  Parts{all}.of(parameters);
  all.block(body);
  return std::move(all.names);
}

BoundNames bound_names(FunctionDecl const& f) {
  BoundNames names = bound_names(f.parameters, f.body);
  Collector more;
  if (f.result) more.pattern(*f.result);
  if (f.gradient) more.add(f.gradient_parameters), more.block(*f.gradient);
  names.merge(more.names);
  return names;
}

} // namespace nnc::front
