// A tag names the parameters, states and draws below a call. Where there are none it does nothing.
#include "frontend/elaborate/bound_names.h"
#include "frontend/elaborate/errors.h"
#include "frontend/elaborate/lookup.h"
#include "frontend/elaborate/walk.h"
#include "frontend/elaborate/warnings.h"

#include <fmt/core.h>

namespace nnc::front {

using namespace syntax;

constexpr int deepest = 50; // of calls that are followed

// Looks whether a body could declare anything, whatever its arguments are. A function that comes from outside (an
// argument, a name of the body) may.
struct MayDeclare {
  Warnings& warnings;
  FileScope& file;
  Names const* captured;
  BoundNames bound;
  bool found = false;

  void name(std::string const& name) {
    if (found || (captured && captured->contains(name))) return void(found = true);
    if (bound.contains(name)) return;
    if (name == "random_bits") return void(found = true);
    FileScope* from = nullptr;
    if (auto* f = warnings.declared_function(file, name, from)) found = warnings.may_declare(*f, *from, nullptr);
  }
  void expression(Expr const& x) {
    if (found) return;
    if (auto* n = std::get_if<NameExpr>(&x.as)) return name(n->name);
    if (auto* c = std::get_if<CallExpr>(&x.as)) {
      auto* callee = std::get_if<NameExpr>(&c->callee->as);
      if (!callee || bound.contains(callee->name)) found = true;
    }
    Parts{*this}.of(x);
  }
  void pattern(TypePattern const&) {}
  void function(FunctionDecl const& f) { Parts{*this}.of(f); }
  void block(Block const& b) {
    for (auto const& s : b.statements) {
      found = found || std::holds_alternative<ParamStmt>(s->as);
      if (!found) Parts{*this}.of(*s);
    }
  }
};

FunctionDecl const* Warnings::declared_function(FileScope& file, std::string const& name, FileScope*& from) const {
  for (auto* f : e_.lookup.in_sight_of(file))
    if (auto const* function = f->function(name)) {
      from = f;
      return function;
    }
  return nullptr;
}

bool Warnings::may_declare(FunctionDecl const& f, FileScope& file, Names const* captured) {
  auto [it, fresh] = may_declare_.try_emplace(&f, true); // also of a function that calls itself
  if (!fresh || calls_in_text_ >= deepest) return it->second;
  MayDeclare look{*this, file, captured, bound_names(f)};
  ++calls_in_text_;
  Parts{look}.of(f);
  --calls_in_text_;
  return may_declare_[&f] = look.found;
}

// The function that an expression calls by its name, if it may declare something.
std::string Warnings::declaring_callee(Expr const& e) {
  auto* c = std::get_if<CallExpr>(&e.as);
  auto* n = c ? std::get_if<NameExpr>(&c->callee->as) : nullptr;
  FileScope* from = nullptr;
  if (!n || e_.lookup.local(n->name) || !now_.frame->file) return {};
  auto* f = declared_function(*now_.frame->file, n->name, from);
  return f && may_declare(*f, *from, nullptr) ? n->name : std::string();
}

void Warnings::warn_of_idle_tag(CallExpr const& c, Any const& callee, std::string const& tag) {
  auto* f = callee.get<FunctionValue>();
  if (f && !f->builtin && (!f->file || may_declare(*f->function, *f->file, f->captured.get()))) return;
  std::string called = f ? fmt::format("`{}`", f->function->name.text) : "a conversion", inner;
  if (!c.arguments.empty()) inner = declaring_callee(*c.arguments.front().value);
  errors_.warn(c.tag->at, fmt::format("the tag `@{}` does nothing: {} declares no parameter", tag, called),
               inner.empty()
                   ? "a tag names the parameters and states of the call in front of it"
                   : fmt::format("`{}(...) @{}` calls the parameters of `{}` after the tag", inner, tag, inner));
}

} // namespace nnc::front
