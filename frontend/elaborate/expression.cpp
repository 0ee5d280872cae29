#include "frontend/elaborate/expression.h"
#include "frontend/elaborate/budget.h"
#include "frontend/elaborate/constants.h"
#include "frontend/elaborate/errors.h"
#include "frontend/elaborate/index.h"
#include "frontend/elaborate/lookup.h"
#include "frontend/elaborate/operators.h"
#include "frontend/elaborate/scan.h"
#include "frontend/elaborate/suggestions.h"
#include "frontend/elaborate/tunables.h"
#include "frontend/elaborate/warnings.h"

#include "ir/printable.h"

#include <fmt/core.h>

namespace nnc::front {

using namespace syntax;

namespace {

constexpr int max_depth = 1500; // of expressions within calls within expressions
constexpr size_t longest_string = 100'000;

struct Descent {
  explicit Descent(int& depth) : depth_(depth) { ++depth_; }
  ~Descent() { --depth_; }
  int& depth_;
};

} // namespace

Expressions::Expressions(Elaborator& e) : e_(e), now_(e.now), errors_(e.errors) {}

// The border to the operator table: its refusals become messages at the place of the expression.
Any Expressions::eval(Expr const& e) {
  Descent descent(depth_);
  if (depth_ > max_depth) errors_.fail(e.at, "calls and expressions are nested too deeply here");
  try {
    return eval_expr(e);
  } catch (Error const& error) {
    errors_.fail(e.at, in_words(error), error.diagnostics.front().help);
  }
}

Any Expressions::eval_expr(Expr const& e) {
  if (auto* n = std::get_if<NameExpr>(&e.as)) return e_.lookup.lookup(n->name, e.at);
  if (auto* n = std::get_if<NumberExpr>(&e.as)) return n->is_integer ? Any{Dim(n->integer)} : Any{n->value};
  if (auto* s = std::get_if<StringExpr>(&e.as)) return Any{text(s->string)};
  if (auto* c = std::get_if<ConstantExpr>(&e.as)) {
    if (c->kind == ConstantExpr::Kind::none) return Any{None{}};
    return Any{c->kind == ConstantExpr::Kind::yes};
  }
  if (auto* l = std::get_if<ListExpr>(&e.as)) return eval_list(*l);
  if (auto* u = std::get_if<UnaryExpr>(&e.as)) {
    Any value = eval(*u->operand);
    return u->op == "-" ? e_.operators.negate(value, e.at) : e_.operators.logical_not(value, e.at);
  }
  if (auto* b = std::get_if<BinaryExpr>(&e.as)) return eval_binary(*b, e.at);
  if (auto* c = std::get_if<CallExpr>(&e.as)) return eval_call(*c, e.at);
  if (auto* i = std::get_if<IndexExpr>(&e.as)) {
    return indexed(e_, eval(*i->base), i->indices, e.at);
  }
  if (auto* m = std::get_if<MemberExpr>(&e.as)) return eval_member(*m, e.at);
  if (auto* f = std::get_if<FunctionExpr>(&e.as)) return closure(*f->function);
  if (auto* c = std::get_if<ChoiceExpr>(&e.as)) return eval_choice(*c);
  return e_.scans.run(std::get<ScanExpr>(e.as), e.at);
}

// `and` and `or` do not look at their right side when the left one decides while compiling.
Any Expressions::eval_binary(BinaryExpr const& b, Location at) {
  Any left = eval(*b.left);
  if (auto* known = left.get<bool>()) {
    if (b.op == "and" && !*known) return left;
    if (b.op == "or" && *known) return left;
  }
  Any right = eval(*b.right);
  return e_.operators.binary(b.op, left, right, at);
}

Any Expressions::eval_list(ListExpr const& list) {
  List out;
  for (auto const& item : list.items) {
    Any value = eval(*item.value);
    e_.budget.spend((item.spread && value.list() ? value.list()->size() : 1) * price_of_item, item.value->at);
    if (!item.spread) {
      out.push_back(std::move(value));
      continue;
    }
    for (auto const& inner : e_.constants.as_list(value, item.value->at, "what `..` spreads")) out.push_back(inner);
  }
  return list_of(std::move(out));
}

// One expression is its value, several are a list.
Any Expressions::eval_values(std::vector<ExprPtr> const& values) {
  if (values.size() == 1) return eval(*values.front());
  List out;
  for (auto const& v : values) out.push_back(eval(*v));
  e_.budget.spend(out.size() * price_of_item, values.front()->at);
  return list_of(std::move(out));
}

bool Expressions::condition(Expr const& e, char const* what) {
  Any value = eval(e);
  auto const* argument = now_.is_in_library() ? std::get_if<NameExpr>(&e.as) : nullptr; // the user wrote no `if`
  if (argument && !value.is<bool>())
    errors_.fail(e.at,
                 fmt::format("`{}` of `{}` is {}, not true or false", argument->name, now_.frame->name, shown(value)),
                 e_.suggestions.unquoted(value, Suggestions::Needed::truth));
  return truth(value, e.at, what);
}

bool Expressions::truth(Any const& value, Location at, char const* what) {
  if (auto* b = value.get<bool>()) return *b;
  if (auto* t = value.tensor(); t && type_of(value).dtype == DType::bool_) {
    if (auto known = e_.tunables.force(value, at, fmt::format("the condition of {}", what))) return *known != 0;
    if (now_.is_in_library()) errors_.fail(at, "expected a number that is known while compiling, got a tensor");
    errors_.fail(at, fmt::format("the condition of {} is known only at run time", what),
                 "a choice by element is `select(c, a, b)`");
  }
  std::optional<std::string> help;
  if (is_number(value)) help = "compare it: `n != 0`";
  else if (value.tensor()) help = "a choice by element is `select(c, a, b)`";
  errors_.fail(at, fmt::format("the condition of {} is {}, not a bool", what, shown(value)), help);
}

Any Expressions::eval_choice(ChoiceExpr const& c) { return eval(condition(*c.condition, "`if`") ? *c.yes : *c.no); }

// `b.name`: what the import named b declares.
Any Expressions::eval_member(MemberExpr const& m, Location at) {
  auto* base = std::get_if<NameExpr>(&m.base->as);
  if (base && now_.frame && now_.frame->file && !e_.lookup.local(base->name))
    for (auto const& i : now_.frame->file->imports) {
      if (i.alias != base->name) continue;
      if (auto value = e_.lookup.find_in_file(*i.file, m.member.text, at)) return *value;
      e_.suggestions.unknown_member(i, m.member);
    }
  e_.suggestions.refuse_package(m, at);
  e_.suggestions.unknown_member(eval(*m.base), m, at);
}

// A local function sees the values that the names outside have where it is written.
Any Expressions::closure(FunctionDecl const& f) {
  auto captured = std::make_shared<Names>(now_.frame->names);
  if (now_.frame->captured) captured->insert(now_.frame->captured->begin(), now_.frame->captured->end());
  e_.budget.spend(captured->size(), f.at);
  int depth = 1;
  for (auto const& [_, value] : *captured) depth = std::max(depth, depth_of(value) + 1);
  if (depth > deepest_value) errors_.fail(f.at, fmt::format("functions hold functions deeper than {}", deepest_value));
  return Any{FunctionValue{.function = &f, .file = now_.frame->file, .captured = std::move(captured), .depth = depth},
             f.at};
}

// What a part of a string is as text; `value` is that of its expression, if it has one.
std::string Expressions::part_text(StringPart const& part, std::optional<Any> const& value) {
  if (!value) return part.text;
  if (auto* inner = value->get<std::string>()) return *inner;
  if (auto* d = value->get<Dim>()) return shown(*d);
  if (auto* x = value->get<f64>()) return shown(*x);
  if (auto* t = value->get<DType>()) return std::string(name(*t));
  if (value->list()) return shown(*value).substr(std::string("the list ").size());
  if (value->tensor() && !value->tensor()->tunes)
    errors_.fail(part.expression->at, fmt::format("{} has no text while compiling", shown(*value)));
  auto known = e_.tunables.force(*value, part.expression->at, "a text");
  return known ? shown(*known) : shown(*value);
}

std::string Expressions::text(String const& s) {
  std::string out;
  for (auto const& part : s.parts) {
    e_.budget.spend(part.text.size(), part.expression ? part.expression->at : Location{});
    std::optional<Any> value;
    if (part.expression) {
      value = eval(*part.expression);
      e_.budget.spend(out.size(), part.expression->at);
    }
    out += part_text(part, value);
    if (part.expression && out.size() > longest_string)
      errors_.fail(part.expression->at, fmt::format("the string is longer than {} characters", longest_string));
  }
  return out;
}

// Names stand in tables and logs, each on one line.
std::string Expressions::need_printable(std::string name, Location at, char const* what) const {
  if (auto const shown = printable(name); shown != name)
    errors_.fail(at, fmt::format("the name of {} holds what is not printed: \"{}\"", what, shown),
                 "a name is one line of text");
  return name;
}

std::string Expressions::name_text(String const& s, Location at, char const* what) {
  return need_printable(text(s), at, what);
}

std::vector<Actual> Expressions::actuals(Arguments const& arguments) {
  std::vector<Actual> out;
  for (auto const& a : arguments) {
    Any value = eval(*a.value);
    e_.budget.spend(price_of_item * (a.spread && value.list() ? value.list()->size() : 0), a.at);
    if (!a.spread) {
      out.push_back({a.name, std::move(value), a.at});
      continue;
    }
    for (auto const& item : e_.constants.as_list(value, a.at, "what `..` spreads")) out.push_back({{}, item, a.at});
  }
  return out;
}

// `dense(784, 64)`: elsewhere the extent of the input is the first number.
std::string Expressions::without_input(CallExpr const& layer, size_t needed) const {
  std::string out = std::get<NameExpr>(layer.callee->as).name + "(";
  bool const has_extent = needed > 1 && layer.arguments.size() >= needed;
  for (size_t i = has_extent; i < layer.arguments.size(); ++i)
    out += (i > has_extent ? ", " : "") + errors_.source_of(layer.arguments[i].at);
  return out + ")";
}

// `dense(64)(x)`: elsewhere a layer is made first and called then. Here its input is its first argument.
Any Expressions::layer_or_function(CallExpr const& c) {
  auto* inner = std::get_if<CallExpr>(&c.callee->as);
  auto* name = inner ? std::get_if<NameExpr>(&inner->callee->as) : nullptr;
  auto found = name ? e_.lookup.find(name->name, true, inner->callee->at) : std::nullopt;
  auto const* f = found ? found->get<FunctionValue>() : nullptr;
  if (!f || f->function->parameters.empty() || c.arguments.empty()) return eval(*c.callee);
  auto const& parameters = f->function->parameters;
  size_t needed = 0;
  for (auto const& p : parameters) needed += !p.initial && !p.rest;
  Any value;
  bool const numbered = parameters.front().type && !inner->arguments.empty() &&
                        std::holds_alternative<NumberExpr>(inner->arguments.front().value->as);
  bool const lacks = inner->arguments.size() < needed || numbered;
  if (!lacks) value = eval(*c.callee);
  if (!lacks && (value.is<FunctionValue>() || value.is<DType>() || value.is<Poison>())) return value;
  if (!parameters.front().type && !lacks) return value;
  auto const* outer = std::get_if<NameExpr>(&c.arguments.front().value->as);
  auto const applied = outer && !lacks ? e_.lookup.find(outer->name, false, c.callee->at) : std::nullopt;
  if (applied && applied->is<FunctionValue>()) // `dense(x, 64)(relu)`
    errors_.fail(c.callee->at, fmt::format("{} cannot be called", shown(value)),
                 fmt::format("write `{} |> {}`", errors_.source_of(c.callee->at), outer->name));
  errors_.fail(
      c.callee->at,
      fmt::format("`{}` takes its input as its first argument and makes no layer to be called", name->name),
      fmt::format("write `{} |> {}`", errors_.source_of(c.arguments.front().at), without_input(*inner, needed)));
}

Any Expressions::eval_call(CallExpr const& c, Location at) {
  Any callee;
  if (auto* n = std::get_if<NameExpr>(&c.callee->as)) callee = e_.lookup.lookup_callable(n->name, c.callee->at);
  else callee = layer_or_function(c);
  std::string tag;
  if (c.tag) {
    tag = name_text(c.tag->text, c.tag->at, "a tag");
    auto& parts = c.tag->text.parts;
    bool plain = parts.size() == 1 && !parts.front().expression;
    if (auto* shadowed = plain ? e_.lookup.local(tag) : nullptr;
        shadowed && shadowed->tensor() && !shadowed->tensor()->tunes)
      errors_.fail(c.tag->at, fmt::format("the tag `@{}` is also the name of a tensor", tag),
                   fmt::format("the matrix product needs a space: `@ {}`", tag),
                   {{shadowed->at, fmt::format("`{}` is bound here", tag)}});
    if (tag.empty()) errors_.fail(c.tag->at, "a tag may not be empty");
    if (now_.graph && now_.graph->kind == Graph::Kind::training) e_.warnings.warn_of_idle_tag(c, callee, tag);
  }
  return e_.calls.call(callee, actuals(c.arguments), at, tag);
}

} // namespace nnc::front
