#include "frontend/elaborate/statement.h"
#include "frontend/elaborate/budget.h"
#include "frontend/elaborate/constants.h"
#include "frontend/elaborate/errors.h"
#include "frontend/elaborate/expression.h"
#include "frontend/elaborate/lookup.h"
#include "frontend/elaborate/model.h"
#include "frontend/elaborate/parameter.h"
#include "frontend/elaborate/pattern.h"
#include "frontend/elaborate/range.h"
#include "frontend/elaborate/scan.h"

#include <fmt/core.h>

namespace nnc::front {

using namespace syntax;

namespace {

constexpr i64 max_statements = 2'000'000; // of unrolled loops

// What becomes of a value where no one takes it.
char const* help_for_lost(Expr const& e, Frame const& frame) {
  Expr const* left = &e;
  while (auto const* b = std::get_if<BinaryExpr>(&left->as)) left = b->left.get();
  auto const* sign = std::get_if<UnaryExpr>(&left->as);
  if (sign && sign->op == "-")
    return "a line that begins with `-` is a statement: end the line in front of it with `-`";
  if (std::holds_alternative<StringExpr>(e.as)) return "a comment begins with `#`";
  if (frame.scan) return "`emit ...` gives a value of each round";
  if (frame.kind == Frame::Kind::model) return "`y = ...` binds it to a name, `output y = ...` gives it";
  if (frame.kind == Frame::Kind::optimizer) return "an optimizer writes `p <- p - lr * g`";
  return "bind it to a name, or `return` it";
}

// ": f32[batch, 3], 4", as long as it is short.
std::string types_of(List const& items) {
  constexpr size_t most = 6;
  std::string out;
  for (auto const& item : items) out += (out.empty() ? ": " : ", ") + shown(item);
  return items.size() <= most ? out : "";
}

} // namespace

void Statements::block(Block const& b, bool is_body) {
  for (size_t i = 0; i < b.statements.size() && !now_.frame->returned; ++i)
    guarded(*b.statements[i], is_body && i + 1 == b.statements.size());
}

void Statements::guarded(Stmt const& s, bool is_last) {
  Frame* frame = now_.frame;
  try {
    if (++statements_ > max_statements)
      errors_.fail(s.at, fmt::format("the program unrolls to more than {} statements", max_statements));
    statement(s, is_last);
  } catch (Failure const& failure) {
    now_.frame = frame;
    if (!now_.is_in_library() || !errors_.is_reported(failure.diagnostic.at)) errors_.report(failure);
    poison(s);
    if (is_unmet(s, failure)) leave_unmet();
    if (statements_ > max_statements || e_.budget.is_spent()) now_.frame->returned = true;
  } catch (Error const& e) {
    errors_.report({{.at = s.at, .message = in_words(e)}});
    now_.frame = frame;
    poison(s);
  }
}

// Behind a `require` that does not hold, or a call that had one, a function would only show what follows from it; a
// model is long, and what is wrong with the rest of it is worth knowing. Of the library's functions that is so whatever
// fails: the mistake is one argument of the user's.
bool Statements::is_unmet(Stmt const& s, Failure const& failure) const {
  return now_.frame->kind != Frame::Kind::model && (now_.is_in_library() || std::holds_alternative<RequireStmt>(s.as) ||
                                                    (failure.silent && std::holds_alternative<ExprStmt>(s.as)));
}

void Statements::leave_unmet() {
  now_.frame->result = Any{Poison{}};
  now_.frame->returned = true;
}

void Statements::statement(Stmt const& s, bool is_last) {
  if (auto* x = std::get_if<AssignStmt>(&s.as)) run_assign(*x, s.at);
  else if (auto* x = std::get_if<WriteStmt>(&s.as)) e_.parameters.run_write(*x, s.at);
  else if (auto* x = std::get_if<FunctionStmt>(&s.as))
    bind(x->function->name.text, e_.expressions.closure(*x->function), x->function->name.at);
  else if (auto* x = std::get_if<ParamStmt>(&s.as)) e_.parameters.run_param(*x, s.at);
  else if (auto* x = std::get_if<InputStmt>(&s.as)) e_.model_builder.run_input(*x, s.at);
  else if (auto* x = std::get_if<OutputStmt>(&s.as)) e_.model_builder.run_output(*x, s.at);
  else if (auto* x = std::get_if<MeasureStmt>(&s.as)) e_.model_builder.run_measure(*x, s.at);
  else if (auto* x = std::get_if<IfStmt>(&s.as)) run_if(*x);
  else if (auto* x = std::get_if<ForStmt>(&s.as)) run_for(*x);
  else if (auto* x = std::get_if<RequireStmt>(&s.as)) run_require(*x, s.at);
  else if (auto* x = std::get_if<ReturnStmt>(&s.as)) run_return(*x, s.at);
  else if (auto* x = std::get_if<ExprStmt>(&s.as)) run_value(*x, s.at, is_last);
  else e_.scans.run_emit(std::get<EmitStmt>(s.as), s.at);
}

void Statements::run_return(ReturnStmt const& s, Location at) {
  if (now_.frame->scan) errors_.fail(at, "`return` cannot leave a scan", "carry what is to be known behind it");
  if (now_.frame->kind != Frame::Kind::function)
    errors_.fail(at, "`return` stands in functions only",
                 now_.frame->kind == Frame::Kind::optimizer ? "an optimizer writes `p <- p - lr * g`"
                                                            : "`output y` names what a model gives");
  now_.frame->result = e_.expressions.eval_values(s.values);
  now_.frame->returned = true;
}

void Statements::run_value(ExprStmt const& s, Location at, bool is_last) {
  Any value = e_.expressions.eval_values(s.values);
  if (is_last && now_.frame->kind == Frame::Kind::function) {
    now_.frame->result = std::move(value);
    now_.frame->returned = true;
  } else if (!value.is<None>())
    errors_.fail(at, fmt::format("this value, {}, is lost", shown(value)),
                 help_for_lost(*s.values.front(), *now_.frame));
}

// What a failed statement would have bound: whoever uses it stays silent.
void Statements::poison(Stmt const& s) {
  auto spoil = [&](Name const& n) {
    bool kept = now_.frame->states.contains(n.text) || (now_.frame->kind == Frame::Kind::optimizer && n.text == "p");
    if (!kept) now_.frame->names[n.text] = {Poison{}, n.at};
  };
  auto spoil_block = [&](Block const& b) {
    for (auto const& inner : b.statements) poison(*inner);
  };
  if (auto* x = std::get_if<AssignStmt>(&s.as))
    for (auto const& t : x->targets) spoil(t);
  else if (auto* x = std::get_if<ParamStmt>(&s.as)) spoil(x->name);
  else if (auto* x = std::get_if<InputStmt>(&s.as)) {
    spoil(x->name);
    for (auto const& d : x->type.dims) // extents that this input would have bound
      if (auto* n = d.expression ? std::get_if<NameExpr>(&d.expression->as) : nullptr; n && !e_.lookup.local(n->name))
        spoil({n->name, d.at});
  } else if (auto* x = std::get_if<OutputStmt>(&s.as)) spoil(x->name);
  else if (auto* x = std::get_if<MeasureStmt>(&s.as))
    spoil(x->name ? *x->name : Name{x->is_metric || x->title ? "" : "loss", s.at});
  else if (auto* x = std::get_if<FunctionStmt>(&s.as)) spoil(x->function->name);
  else if (auto* x = std::get_if<ForStmt>(&s.as)) {
    for (auto const& t : x->targets) spoil(t);
    spoil_block(x->body);
  } else if (auto* x = std::get_if<IfStmt>(&s.as)) {
    spoil_block(x->yes);
    if (x->no) spoil_block(*x->no);
  } else if (std::holds_alternative<ReturnStmt>(s.as) || std::holds_alternative<ExprStmt>(s.as)) {
    now_.frame->result = Any{Poison{}};
    now_.frame->returned |= std::holds_alternative<ReturnStmt>(s.as);
  }
}

void Statements::bind(std::string const& name, Any value, Location at) {
  if (name == "_") return;
  e_.scans.refuse_rebinding(name, at);
  now_.frame->untaken.erase(name);
  name_value(name, value);
  value.at = at;
  now_.frame->names[name] = std::move(value);
}

// The user's name goes onto the value in the graph, with the path of the function in front.
void Statements::name_value(std::string const& name, Any const& value) {
  auto* t = value.tensor();
  if (!t || t->graph != now_.graph || !now_.frame->path) return;
  Value& v = now_.graph->function.values[t->id];
  if (v.name.empty() && !v.constant) v.name = PathScope::joined(now_.frame->path->path, name);
}

void Statements::run_assign(AssignStmt const& s, Location at) {
  for (auto const& t : s.targets)
    if (now_.frame->states.contains(t.text) || (now_.frame->kind == Frame::Kind::optimizer && t.text == "p"))
      errors_.fail(t.at,
                   fmt::format("`{}` is {}: `=` would only rebind the name", t.text,
                               t.text == "p" ? "the parameter" : "a state"),
                   fmt::format("`{} <- ...` writes it", t.text));
  Any value = e_.expressions.eval_values(s.values);
  if (auto const* n = value.get<Dim>();
      n && n->is_constant() && now_.frame->kind == Frame::Kind::model && s.targets.front().text == "batch")
    errors_.fail(at, "`batch` is the number of examples, which stays open", "`batch = 32` stands in a train block");
  if (s.type && !e_.patterns.match(*s.type, value, at))
    errors_.fail(at, fmt::format("`{}` is declared as {}, got {}", s.targets.front().text,
                                 e_.patterns.shown_pattern(*s.type), shown(value)));
  if (s.targets.size() == 1) bind(s.targets.front().text, std::move(value), s.targets.front().at);
  else unpack(s.targets, value, at);
}

void Statements::unpack(std::vector<Name> const& targets, Any const& value, Location at) {
  List items = e_.constants.as_list(value, at, fmt::format("what {} names are to take", targets.size()));
  if (items.size() != targets.size())
    errors_.fail(at,
                 fmt::format("{} names for {} value{}{}", targets.size(), items.size(), items.size() == 1 ? "" : "s",
                             types_of(items)),
                 items.size() > targets.size() ? std::optional("`_` stands for a value that is not needed")
                                               : std::nullopt);
  for (size_t i = 0; i < targets.size(); ++i) bind(targets[i].text, items[i], targets[i].at);
}

// `if` is decided while compiling; names from the branch that was not taken are remembered for the message.
void Statements::run_if(IfStmt const& s) {
  bool yes = e_.expressions.condition(*s.condition, "`if`");
  if (yes) block(s.yes, false);
  else if (s.no) block(*s.no, false);
  if (yes && s.no) mark_untaken(*s.no);
  if (!yes) mark_untaken(s.yes);
}

void Statements::mark_untaken(Block const& b) {
  auto mark = [&](Name const& n) {
    if (!e_.lookup.local(n.text)) now_.frame->untaken.try_emplace(n.text, n.at);
  };
  for (auto const& s : b.statements) {
    if (auto* x = std::get_if<AssignStmt>(&s->as))
      for (auto const& t : x->targets) mark(t);
    else if (auto* x = std::get_if<ParamStmt>(&s->as)) mark(x->name);
    else if (auto* x = std::get_if<FunctionStmt>(&s->as)) mark(x->function->name);
    else if (auto* x = std::get_if<ForStmt>(&s->as)) mark_untaken(x->body);
    else if (auto* x = std::get_if<IfStmt>(&s->as)) {
      mark_untaken(x->yes);
      if (x->no) mark_untaken(*x->no);
    }
  }
}

void Statements::run_for(ForStmt const& s) {
  Any over = e_.expressions.eval(*s.over);
  if (over.tensor())
    errors_.fail(s.over->at, fmt::format("`for` unrolls over a list while compiling, got {}", shown(over)),
                 "`unstack(x, axis)` makes a list of its slices");
  if (over.is<Dim>())
    errors_.fail(s.over->at, fmt::format("`for` runs over a list, got {}", shown(over)),
                 fmt::format("`range({})` counts from 0", shown(*over.get<Dim>())));
  List items = e_.constants.as_list(over, s.over->at, "what `for` runs over");
  for (size_t i = 0; i < items.size() && !now_.frame->returned; ++i) {
    e_.budget.spend(price_of_item, s.over->at);
    if (s.targets.size() == 1) bind(s.targets.front().text, items[i], s.targets.front().at);
    else unpack(s.targets, items[i], s.over->at);
    block(s.body, false);
  }
}

void Statements::run_require(RequireStmt const& s, Location at) {
  Any holds = e_.expressions.eval(*s.condition);
  if (holds.tensor() && holds.tensor()->tunes) return e_.ranges.run(s, holds, at);
  if (e_.expressions.truth(holds, s.condition->at, "`require`")) return;
  errors_.fail(now_.is_in_library() ? s.condition->at : at,
               e_.constants.as_string(e_.expressions.eval(*s.text), s.text->at, "the text of `require`"));
}

} // namespace nnc::front
