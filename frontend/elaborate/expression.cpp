// Every kind of expression. What is a number, a list or a function is computed here and now; what is a tensor becomes
// a node.
#include "frontend/elaborate/elaborator.h"
#include "frontend/elaborate/warnings.h"

#include "ir/node_limit.h"

#include <fmt/core.h>

namespace nnc::front {

using namespace syntax;

namespace {

constexpr int max_depth = 1500; // of expressions within calls within expressions
constexpr size_t longest_string = 100'000;
constexpr i64 most_work = 50'000'000; // elements of lists that are looked at, characters of strings that are made

struct Descent {
  explicit Descent(int& depth) : depth_(depth) { ++depth_; }
  ~Descent() { --depth_; }
  int& depth_;
};

} // namespace

// The border to the operator table: its refusals become messages at the place of the expression.
Any Elaborator::eval(Expr const& e) {
  Descent descent(depth_);
  if (depth_ > max_depth) fail(e.at, "calls and expressions are nested too deeply here");
  try {
    return eval_expr(e);
  } catch (Error const& error) {
    fail(e.at, in_words(error), error.diagnostics.front().help);
  }
}

void Elaborator::spend(size_t work, Location at) {
  if (is_spent()) throw Failure{.diagnostic = {}, .silent = true};
  work_ += static_cast<i64>(work);
  if (is_spent()) fail(at, "too much is computed while compiling: lists or strings are too long, or too many");
}

bool Elaborator::is_spent() const { return work_ > most_work || limit_->is_exceeded(); }

Any Elaborator::eval_expr(Expr const& e) {
  if (auto* n = std::get_if<NameExpr>(&e.as)) return lookup(n->name, e.at);
  if (auto* n = std::get_if<NumberExpr>(&e.as)) return n->is_integer ? Any{Dim(n->integer)} : Any{n->value};
  if (auto* s = std::get_if<StringExpr>(&e.as)) return Any{text(s->string)};
  if (auto* c = std::get_if<ConstantExpr>(&e.as)) {
    if (c->kind == ConstantExpr::Kind::none) return Any{None{}};
    return Any{c->kind == ConstantExpr::Kind::yes};
  }
  if (auto* l = std::get_if<ListExpr>(&e.as)) return eval_list(*l);
  if (auto* u = std::get_if<UnaryExpr>(&e.as)) {
    Any value = eval(*u->operand);
    return u->op == "-" ? negate(value, e.at) : logical_not(value, e.at);
  }
  if (auto* b = std::get_if<BinaryExpr>(&e.as)) return eval_binary(*b, e.at);
  if (auto* c = std::get_if<CallExpr>(&e.as)) return eval_call(*c, e.at);
  if (auto* i = std::get_if<IndexExpr>(&e.as)) {
    Any base = eval(*i->base);
    return index(base, i->indices, e.at);
  }
  if (auto* m = std::get_if<MemberExpr>(&e.as)) return eval_member(*m, e.at);
  if (auto* f = std::get_if<FunctionExpr>(&e.as)) return closure(*f->function);
  if (auto* c = std::get_if<ChoiceExpr>(&e.as)) return eval_choice(*c);
  return eval_scan(std::get<ScanExpr>(e.as), e.at);
}

// `and` and `or` do not look at their right side when the left one decides while compiling.
Any Elaborator::eval_binary(BinaryExpr const& b, Location at) {
  Any left = eval(*b.left);
  if (auto* known = left.get<bool>()) {
    if (b.op == "and" && !*known) return left;
    if (b.op == "or" && *known) return left;
  }
  Any right = eval(*b.right);
  return binary(b.op, left, right, at);
}

Any Elaborator::eval_list(ListExpr const& list) {
  List out;
  for (auto const& item : list.items) {
    Any value = eval(*item.value);
    spend((item.spread && value.list() ? value.list()->size() : 1) * price_of_item, item.value->at);
    if (!item.spread) {
      out.push_back(std::move(value));
      continue;
    }
    for (auto const& inner : as_list(value, item.value->at, "what `..` spreads")) out.push_back(inner);
  }
  return list_of(std::move(out));
}

// One expression is its value, several are a list.
Any Elaborator::eval_values(std::vector<ExprPtr> const& values) {
  if (values.size() == 1) return eval(*values.front());
  List out;
  for (auto const& v : values) out.push_back(eval(*v));
  spend(out.size() * price_of_item, values.front()->at);
  return list_of(std::move(out));
}

bool Elaborator::condition(Expr const& e, char const* what) {
  Any value = eval(e);
  auto const* argument = is_in_library() ? std::get_if<NameExpr>(&e.as) : nullptr; // the user wrote no `if`
  if (argument && !value.is<bool>())
    fail(e.at, fmt::format("`{}` of `{}` is {}, not true or false", argument->name, frame_->name, shown(value)),
         unquoted(value, Needed::truth));
  return truth(value, e.at, what);
}

bool Elaborator::truth(Any const& value, Location at, char const* what) {
  if (auto* b = value.get<bool>()) return *b;
  if (auto* t = value.tensor(); t && type_of(value).dtype == DType::bool_) {
    if (auto known = force(value)) return *known != 0;
    if (is_in_library()) fail(at, "expected a number that is known while compiling, got a tensor");
    fail(at, fmt::format("the condition of {} is known only at run time", what),
         "a choice by element is `select(c, a, b)`");
  }
  std::optional<std::string> help;
  if (is_number(value)) help = "compare it: `n != 0`";
  else if (value.tensor()) help = "a choice by element is `select(c, a, b)`";
  fail(at, fmt::format("the condition of {} is {}, not a bool", what, shown(value)), help);
}

Any Elaborator::eval_choice(ChoiceExpr const& c) { return eval(condition(*c.condition, "`if`") ? *c.yes : *c.no); }

void Elaborator::unknown_member(FileScope::Imported const& import, Name const& member) {
  std::optional<std::string> help;
  if (auto near = nearest(member.text, import.file->names()); !near.empty())
    help = fmt::format("did you mean `{}.{}`?", import.alias, near);
  fail(member.at, fmt::format("the import `{}` declares no `{}`", import.alias, member.text), help);
}

// `b.name`: what the import named b declares.
Any Elaborator::eval_member(MemberExpr const& m, Location at) {
  auto* base = std::get_if<NameExpr>(&m.base->as);
  if (base && frame_ && frame_->file && !local(base->name))
    for (auto const& i : frame_->file->imports) {
      if (i.alias != base->name) continue;
      if (auto value = find_in_file(*i.file, m.member.text, at)) return *value;
      unknown_member(i, m.member);
    }
  refuse_package(m, at);
  unknown_member(eval(*m.base), m, at);
}

// A local function sees the values that the names outside have where it is written.
Any Elaborator::closure(FunctionDecl const& f) {
  auto captured = std::make_shared<Names>(frame_->names);
  if (frame_->captured) captured->insert(frame_->captured->begin(), frame_->captured->end());
  spend(captured->size(), f.at);
  int depth = 1;
  for (auto const& [_, value] : *captured) depth = std::max(depth, depth_of(value) + 1);
  if (depth > deepest_value) fail(f.at, fmt::format("functions hold functions deeper than {}", deepest_value));
  return Any{FunctionValue{.function = &f, .file = frame_->file, .captured = std::move(captured), .depth = depth},
             f.at};
}

// What a part of a string is as text; `value` is that of its expression, if it has one.
std::string Elaborator::part_text(StringPart const& part, std::optional<Any> const& value) {
  if (!value) return part.text;
  if (auto* inner = value->get<std::string>()) return *inner;
  if (auto* d = value->get<Dim>()) return shown(*d);
  if (auto* x = value->get<f64>()) return shown(*x);
  if (auto* t = value->get<DType>()) return std::string(name(*t));
  if (value->list()) return shown(*value).substr(std::string("the list ").size());
  if (value->tensor() && !value->tensor()->tunes)
    fail(part.expression->at, fmt::format("{} has no text while compiling", shown(*value)));
  auto known = force(*value);
  return known ? shown(*known) : shown(*value);
}

std::string Elaborator::text(String const& s) {
  std::string out;
  for (auto const& part : s.parts) {
    spend(part.text.size(), part.expression ? part.expression->at : Location{});
    std::optional<Any> value;
    if (part.expression) {
      value = eval(*part.expression);
      spend(out.size(), part.expression->at);
    }
    out += part_text(part, value);
    if (part.expression && out.size() > longest_string)
      fail(part.expression->at, fmt::format("the string is longer than {} characters", longest_string));
  }
  return out;
}

std::vector<Actual> Elaborator::actuals(Arguments const& arguments) {
  std::vector<Actual> out;
  for (auto const& a : arguments) {
    Any value = eval(*a.value);
    if (!a.spread) {
      out.push_back({a.name, std::move(value), a.at});
      continue;
    }
    for (auto const& item : as_list(value, a.at, "what `..` spreads")) out.push_back({{}, item, a.at});
  }
  return out;
}

// `dense(784, 64)`: elsewhere the extent of the input is the first number.
std::string Elaborator::without_input(CallExpr const& layer, size_t needed) const {
  std::string out = std::get<NameExpr>(layer.callee->as).name + "(";
  bool const has_extent = needed > 1 && layer.arguments.size() >= needed;
  for (size_t i = has_extent; i < layer.arguments.size(); ++i)
    out += (i > has_extent ? ", " : "") + source_of(layer.arguments[i].at);
  return out + ")";
}

// `dense(64)(x)`: elsewhere a layer is made first and called then. Here its input is its first argument.
Any Elaborator::layer_or_function(CallExpr const& c) {
  auto* inner = std::get_if<CallExpr>(&c.callee->as);
  auto* name = inner ? std::get_if<NameExpr>(&inner->callee->as) : nullptr;
  auto found = name ? find(name->name, true, inner->callee->at) : std::nullopt;
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
  auto const applied = outer && !lacks ? find(outer->name, false, c.callee->at) : std::nullopt;
  if (applied && applied->is<FunctionValue>()) // `dense(x, 64)(relu)`
    fail(c.callee->at, fmt::format("{} cannot be called", shown(value)),
         fmt::format("write `{} |> {}`", source_of(c.callee->at), outer->name));
  fail(c.callee->at,
       fmt::format("`{}` takes its input as its first argument and makes no layer to be called", name->name),
       fmt::format("write `{} |> {}`", source_of(c.arguments.front().at), without_input(*inner, needed)));
}

Any Elaborator::eval_call(CallExpr const& c, Location at) {
  Any callee;
  if (auto* n = std::get_if<NameExpr>(&c.callee->as)) callee = lookup_callable(n->name, c.callee->at);
  else callee = layer_or_function(c);
  std::string tag;
  if (c.tag) {
    tag = text(c.tag->text);
    auto& parts = c.tag->text.parts;
    bool plain = parts.size() == 1 && !parts.front().expression;
    if (auto* shadowed = plain ? local(tag) : nullptr; shadowed && shadowed->tensor() && !shadowed->tensor()->tunes)
      fail(c.tag->at, fmt::format("the tag `@{}` is also the name of a tensor", tag),
           fmt::format("the matrix product needs a space: `@ {}`", tag),
           {{shadowed->at, fmt::format("`{}` is bound here", tag)}});
    if (tag.empty()) fail(c.tag->at, "a tag may not be empty");
    if (graph_ && graph_->kind == Graph::Kind::training) warnings_->warn_of_idle_tag(c, callee, tag);
  }
  return call(callee, actuals(c.arguments), at, tag);
}

} // namespace nnc::front
