// Blocks and statements. A statement that fails is reported, what it would have bound is poisoned, and the next one is
// looked at, so that one run shows as many independent mistakes as there are.
#include "frontend/elaborate/elaborator.h"
#include "frontend/elaborate/model.h"
#include "frontend/elaborate/parameter.h"
#include "frontend/elaborate/range.h"

#include <fmt/core.h>

namespace nnc::front {

using namespace syntax;

namespace {

constexpr i64 max_statements = 2'000'000; // of unrolled loops

// What becomes of a value where no one takes it.
char const* help_for_lost(Expr const& e, Frame::Kind kind) {
  Expr const* left = &e;
  while (auto const* b = std::get_if<BinaryExpr>(&left->as)) left = b->left.get();
  auto const* sign = std::get_if<UnaryExpr>(&left->as);
  if (sign && sign->op == "-")
    return "a line that begins with `-` is a statement: end the line in front of it with `-`";
  if (std::holds_alternative<StringExpr>(e.as)) return "a comment begins with `#`";
  if (kind == Frame::Kind::model) return "`y = ...` binds it to a name, `output y = ...` gives it";
  if (kind == Frame::Kind::optimizer) return "an optimizer writes `p <- p - lr * g`";
  return "bind it to a name, or `return` it";
}

} // namespace

void Elaborator::block(Block const& b, bool is_body) {
  for (size_t i = 0; i < b.statements.size() && !frame_->returned; ++i)
    guarded(*b.statements[i], is_body && i + 1 == b.statements.size());
}

void Elaborator::guarded(Stmt const& s, bool is_last) {
  Frame* frame = frame_;
  try {
    if (++statements_ > max_statements)
      fail(s.at, fmt::format("the program unrolls to more than {} statements", max_statements));
    statement(s, is_last);
  } catch (Failure const& failure) {
    frame_ = frame;
    if (!is_in_library() || !is_reported(failure.diagnostic.at)) report(failure);
    poison(s);
    if (statements_ > max_statements || is_spent()) frame_->returned = true;
  } catch (Error const& e) {
    report({{.at = s.at, .message = in_words(e)}});
    frame_ = frame;
    poison(s);
  }
}

void Elaborator::statement(Stmt const& s, bool is_last) {
  if (auto* x = std::get_if<AssignStmt>(&s.as)) run_assign(*x, s.at);
  else if (auto* x = std::get_if<WriteStmt>(&s.as)) parameters_->run_write(*x, s.at);
  else if (auto* x = std::get_if<FunctionStmt>(&s.as))
    bind(x->function->name.text, closure(*x->function), x->function->name.at);
  else if (auto* x = std::get_if<ParamStmt>(&s.as)) parameters_->run_param(*x, s.at);
  else if (auto* x = std::get_if<InputStmt>(&s.as)) model_builder_->run_input(*x, s.at);
  else if (auto* x = std::get_if<OutputStmt>(&s.as)) model_builder_->run_output(*x, s.at);
  else if (auto* x = std::get_if<MeasureStmt>(&s.as)) model_builder_->run_measure(*x, s.at);
  else if (auto* x = std::get_if<IfStmt>(&s.as)) run_if(*x);
  else if (auto* x = std::get_if<ForStmt>(&s.as)) run_for(*x);
  else if (auto* x = std::get_if<RequireStmt>(&s.as)) run_require(*x, s.at);
  else if (auto* x = std::get_if<ReturnStmt>(&s.as)) {
    if (frame_->scan) fail(s.at, "`return` cannot leave a scan", "carry what is to be known behind it");
    if (frame_->kind != Frame::Kind::function)
      fail(s.at, "`return` stands in functions only",
           frame_->kind == Frame::Kind::optimizer ? "an optimizer writes `p <- p - lr * g`"
                                                  : "`output y` names what a model gives");
    frame_->result = eval_values(x->values);
    frame_->returned = true;
  } else if (auto* x = std::get_if<ExprStmt>(&s.as)) {
    Any value = eval_values(x->values);
    if (is_last && frame_->kind == Frame::Kind::function) {
      frame_->result = std::move(value);
      frame_->returned = true;
    } else if (!value.is<None>())
      fail(s.at, fmt::format("this value, {}, is lost", shown(value)), help_for_lost(*x->values.front(), frame_->kind));
  } else run_emit(std::get<EmitStmt>(s.as), s.at);
}

// What a failed statement would have bound: whoever uses it stays silent.
void Elaborator::poison(Stmt const& s) {
  auto spoil = [&](Name const& n) {
    bool kept = frame_->states.contains(n.text) || (frame_->kind == Frame::Kind::optimizer && n.text == "p");
    if (!kept) frame_->names[n.text] = {Poison{}, n.at};
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
      if (auto* n = d.expression ? std::get_if<NameExpr>(&d.expression->as) : nullptr; n && !local(n->name))
        spoil({n->name, d.at});
  } else if (auto* x = std::get_if<OutputStmt>(&s.as)) spoil(x->name);
  else if (auto* x = std::get_if<MeasureStmt>(&s.as))
    spoil(x->name ? *x->name : Name{x->is_metric ? "" : "loss", s.at});
  else if (auto* x = std::get_if<FunctionStmt>(&s.as)) spoil(x->function->name);
  else if (auto* x = std::get_if<ForStmt>(&s.as)) {
    for (auto const& t : x->targets) spoil(t);
    spoil_block(x->body);
  } else if (auto* x = std::get_if<IfStmt>(&s.as)) {
    spoil_block(x->yes);
    if (x->no) spoil_block(*x->no);
  } else if (std::holds_alternative<ReturnStmt>(s.as) || std::holds_alternative<ExprStmt>(s.as)) {
    frame_->result = Any{Poison{}};
    frame_->returned |= std::holds_alternative<ReturnStmt>(s.as);
  }
}

void Elaborator::bind(std::string const& name, Any value, Location at) {
  if (name == "_") return;
  refuse_rebinding(name, at);
  frame_->untaken.erase(name);
  name_value(name, value);
  value.at = at;
  frame_->names[name] = std::move(value);
}

// The user's name goes onto the value in the graph, with the path of the function in front.
void Elaborator::name_value(std::string const& name, Any const& value) {
  auto* t = value.tensor();
  if (!t || t->graph != graph_ || !frame_->path) return;
  Value& v = graph_->function.values[t->id];
  if (v.name.empty() && !v.constant) v.name = PathScope::joined(frame_->path->path, name);
}

void Elaborator::run_assign(AssignStmt const& s, Location at) {
  for (auto const& t : s.targets)
    if (frame_->states.contains(t.text) || (frame_->kind == Frame::Kind::optimizer && t.text == "p"))
      fail(t.at,
           fmt::format("`{}` is {}: `=` would only rebind the name", t.text,
                       t.text == "p" ? "the parameter" : "a state"),
           fmt::format("`{} <- ...` writes it", t.text));
  Any value = eval_values(s.values);
  if (auto const* n = value.get<Dim>();
      n && n->is_constant() && frame_->kind == Frame::Kind::model && s.targets.front().text == "batch")
    fail(at, "`batch` is the number of examples, which stays open", "`batch = 32` stands in a train block");
  if (s.type && match(*s.type, value, at))
    fail(at,
         fmt::format("`{}` is declared as {}, got {}", s.targets.front().text, shown_pattern(*s.type), shown(value)));
  if (s.targets.size() == 1) bind(s.targets.front().text, std::move(value), s.targets.front().at);
  else unpack(s.targets, value, at);
}

void Elaborator::unpack(std::vector<Name> const& targets, Any const& value, Location at) {
  List items = as_list(value, at, fmt::format("what {} names are to take", targets.size()));
  if (items.size() != targets.size()) fail(at, fmt::format("{} names for {} values", targets.size(), items.size()));
  for (size_t i = 0; i < targets.size(); ++i) bind(targets[i].text, items[i], targets[i].at);
}

// `if` is decided while compiling; names from the branch that was not taken are remembered for the message.
void Elaborator::run_if(IfStmt const& s) {
  bool yes = condition(*s.condition, "`if`");
  if (yes) block(s.yes, false);
  else if (s.no) block(*s.no, false);
  if (yes && s.no) mark_untaken(*s.no);
  if (!yes) mark_untaken(s.yes);
}

void Elaborator::mark_untaken(Block const& b) {
  auto mark = [&](Name const& n) {
    if (!local(n.text)) frame_->untaken.try_emplace(n.text, n.at);
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

void Elaborator::run_for(ForStmt const& s) {
  Any over = eval(*s.over);
  if (over.tensor())
    fail(s.over->at, fmt::format("`for` unrolls over a list while compiling, got {}", shown(over)),
         "`unstack(x, axis)` makes a list of its slices");
  if (over.is<Dim>())
    fail(s.over->at, fmt::format("`for` runs over a list, got {}", shown(over)),
         fmt::format("`range({})` counts from 0", shown(*over.get<Dim>())));
  List items = as_list(over, s.over->at, "what `for` runs over");
  for (size_t i = 0; i < items.size() && !frame_->returned; ++i) {
    spend(price_of_item, s.over->at);
    if (s.targets.size() == 1) bind(s.targets.front().text, items[i], s.targets.front().at);
    else unpack(s.targets, items[i], s.over->at);
    block(s.body, false);
  }
}

void Elaborator::run_require(RequireStmt const& s, Location at) {
  Any holds = eval(*s.condition);
  if (holds.tensor() && holds.tensor()->tunes) return ranges_->run(s, holds, at);
  if (truth(holds, s.condition->at, "`require`")) return;
  fail(is_in_library() ? s.condition->at : at, as_string(eval(*s.text), s.text->at, "the text of `require`"));
}

} // namespace nnc::front
