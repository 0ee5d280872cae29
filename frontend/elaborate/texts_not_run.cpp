// Which of its names a text has bound where is not asked here: one that it binds anywhere is known.
#include "frontend/elaborate/texts_not_run.h"
#include "frontend/elaborate/bound_names.h"
#include "frontend/elaborate/builtin.h"
#include "frontend/elaborate/context.h"
#include "frontend/elaborate/errors.h"
#include "frontend/elaborate/lookup.h"
#include "frontend/elaborate/pattern.h"
#include "frontend/elaborate/suggestions.h"
#include "frontend/elaborate/walk.h"
#include "frontend/lexer.h"

namespace nnc::front {

using namespace syntax;

namespace {

bool holds(FileScope const& file, std::string const& name) {
  return file.functions.contains(name) || file.consts.contains(name);
}

bool is_declared(Program const& program, FileScope const& file, std::string const& name) {
  if (holds(file, name) || builtin_named(name) || is_predeclared(name)) return true;
  for (auto const& i : file.imports)
    if (i.alias.empty() && holds(*i.file, name)) return true;
  for (auto* library : program.library())
    if (holds(*library, name)) return true;
  return false;
}

struct NameCheck {
  Elaborator& e;
  FileScope& file;
  std::vector<BoundNames> scopes = {};
  Expr const* callee = nullptr; // of the call that is looked at

  bool is_bound(std::string const& name) const {
    return std::any_of(scopes.begin(), scopes.end(), [&](BoundNames const& names) { return names.contains(name); });
  }

  void inside(BoundNames names, auto const& look) {
    scopes.push_back(std::move(names));
    look();
    scopes.pop_back();
  }

  static bool fails(std::function<void()> const& look) {
    try {
      look();
      return false;
    } catch (Failure const&) {
      return true;
    }
  }

  // What fails where nothing is bound is looked at again in a frame in which what is bound has a name, for the
  // suggestions.
  bool reports(std::function<void()> const& look) {
    Frame frame{.kind = Frame::Kind::constant, .file = &file};
    FrameGuard guard(e.now, frame);
    if (!fails(look)) return false;
    for (auto const& names : scopes)
      for (auto const& n : names) frame.names[n] = Any{None{}};
    return e.errors.reports(look);
  }

  void use(std::string const& name, Location at, bool callable) {
    bool const known = is_bound(name) || is_declared(e.now.program, file, name);
    if (!known && e.now.out.diagnostics.size() < most_mistakes)
      reports([&] { e.suggestions.unknown(name, at, callable); });
  }

  // `b.name` of an import that is called b, `np.name` of a package from elsewhere: nothing below it is looked at.
  bool is_member(MemberExpr const& m, Location at) {
    auto* base = std::get_if<NameExpr>(&m.base->as);
    for (auto const& i : file.imports)
      if (base && !is_bound(base->name) && i.alias == base->name) {
        if (!holds(*i.file, m.member.text)) reports([&] { e.suggestions.unknown_member(i, m.member); });
        return true;
      }
    return reports([&] { e.suggestions.refuse_package(m, at); });
  }

  void expression(Expr const& x) {
    if (auto* n = std::get_if<NameExpr>(&x.as)) return use(n->name, x.at, &x == callee);
    if (auto* m = std::get_if<MemberExpr>(&x.as); m && is_member(*m, x.at)) return;
    if (auto* call = std::get_if<CallExpr>(&x.as)) callee = call->callee.get();
    Parts{*this}.of(x);
  }
  void function(FunctionDecl const& f) {
    inside(bound_names(f), [&] { Parts{*this}.of(f); });
  }
  void pattern(TypePattern const& t) {
    if (t.dtype.text != "_") reports([&] { (void)e.patterns.dtype_named_in(t.dtype); });
    Parts{*this}.of(t);
  }
  void block(Block const& b) { Parts{*this}.of(b); }

  void optimizer(FunctionDecl const& f) {
    inside({"p", "g", "name"}, [&] { function(f); });
  }
  void model(Model const& m) {
    BoundNames names = bound_names(m.parameters, m.body);
    names.insert("batch");
    inside(std::move(names), [&] {
      Parts{*this}.of(m.parameters);
      block(m.body);
    });
  }
};

} // namespace

void check_names(Elaborator& e) {
  for (auto const& file : e.now.program.files()) {
    if (file->is_std) continue;
    NameCheck check{e, *file};
    for (auto const& f : file->tree.functions) check.function(*f);
    for (auto const& f : file->tree.optimizers) check.optimizer(*f);
    for (auto const& m : file->tree.models) check.model(*m);
    for (auto const& c : file->tree.consts) check.expression(*c->value);
  }
}

} // namespace nnc::front
