// Blocks and the statements in them.
#include "frontend/parser_state.h"

#include <fmt/core.h>

namespace nnc {

using namespace syntax;

Block Parser::block() {
  Deeper deeper(*this);
  Block out;
  Token const& open = expect("{", "and a block");
  out.at = open.at;
  for (skip_newlines(); !at("}") && peek().kind != TokenKind::end; skip_newlines()) {
    size_t before = pos_;
    try {
      bool const returned = !out.statements.empty() && std::holds_alternative<ReturnStmt>(out.statements.back()->as);
      out.statements.push_back(statement());
      end_of_statement("the statement");
      if (returned) warn(out.statements.back()->at, "no statement behind `return` is reached");
    } catch (SyntaxError const& e) {
      report(e);
      skip_statement();
      if (pos_ == before) take();
    }
  }
  out.end = peek().at;
  expect("}", "at the end of the block");
  return out;
}

std::unique_ptr<Stmt> Parser::statement() {
  begin_ = pos_;
  auto out = std::make_unique<Stmt>();
  out->at = peek().at;
  statement_as(*out);
  out->at = since(out->at);
  return out;
}

void Parser::statement_as(Stmt& out) {
  if (at("if")) out.as = if_statement();
  else if (at("for")) out.as = for_statement();
  else if (accept("return")) out.as = ReturnStmt{expressions()};
  else if (accept("emit")) out.as = EmitStmt{expressions()};
  else if (accept("require")) {
    RequireStmt require{.condition = expression(), .text = nullptr};
    expect(",", "and the text of the message");
    require.text = expression();
    out.as = std::move(require);
  } else if (at("loss") || at("metric")) out.as = measure();
  else if (at("fn") && peek(1).kind == TokenKind::name) out.as = FunctionStmt{function(true, false)};
  else if (declares("param") || declares("state")) out.as = param();
  else if (declares("input") || declares("target")) out.as = input();
  else if (declares("output")) out.as = output();
  else if (at_name() && peek(1).is("<-")) {
    Name target = expect_name("a name");
    take();
    out.as = WriteStmt{.target = std::move(target), .value = expression()};
  } else if (assigns()) out.as = assignment();
  else {
    auto values = expressions();
    refuse_assignment(*values.front());
    out.as = ExprStmt{std::move(values)};
  }
}

// `param`, `state`, `input`, `target`, `output` are ordinary names unless a name follows.
bool Parser::declares(std::string_view word) const {
  return at(word) && (peek(1).kind == TokenKind::name || (peek(1).kind == TokenKind::keyword && peek(2).is(":")));
}

bool Parser::assigns() const {
  if (!at_name()) return false;
  if (peek(1).is(":") || peek(1).is("=")) return true;
  size_t i = 1;
  while (peek(i).is(",") && peek(i + 1).kind == TokenKind::name) i += 2;
  return i > 1 && peek(i).is("=");
}

AssignStmt Parser::assignment() {
  AssignStmt out;
  out.targets = targets();
  if (accept(":")) out.type = type();
  Name const& first = out.targets.front();
  if (out.type && !at("=") && (first.text == "input" || first.text == "target"))
    fail(first.at, fmt::format("this {} has no name", first.text),
         fmt::format("write `{} x: f32[batch, 784]`", first.text));
  expect("=", "and a value");
  out.values = expressions();
  return out;
}

std::vector<Name> Parser::targets() {
  std::vector<Name> out;
  do out.push_back(expect_name("a name"));
  while (accept(","));
  std::vector<Name const*> names;
  for (auto const& n : out) names.push_back(&n);
  refuse_twice(names, "bound");
  return out;
}

std::vector<ExprPtr> Parser::expressions() {
  std::vector<ExprPtr> out;
  do out.push_back(expression());
  while (accept(","));
  return out;
}

// `x[0] = 1`, `f(x) = y`, `a.b <- c`: only names stand on the left.
void Parser::refuse_assignment(Expr const& left) {
  if (!at("=") && !at("<-")) return;
  std::optional<std::string> help;
  if (std::holds_alternative<MemberExpr>(left.as)) help = help_of(*habit(HabitKind::form, "self.w = ..."));
  if (std::holds_alternative<IndexExpr>(left.as))
    help = "no element is ever assigned: `y = update(x, i, v)` makes a new tensor";
  fail(left.at, fmt::format("expected a name in front of `{}`", peek().text), help);
}

ParamStmt Parser::param() {
  ParamStmt out;
  out.is_state = take().text == "state";
  out.name = expect_name("a name that is not a reserved word");
  if (accept(":")) out.type = type();
  if (out.type && at_end_of_statement())
    fail(out.name.at, fmt::format("`{}` has no initial value", out.name.text),
         fmt::format("write `= zeros()` or `= {}()` behind the type",
                     out.type->dims.size() > 1 ? "glorot_uniform" : "ones"));
  expect("=", fmt::format("and an initial value for `{}`", out.name.text));
  out.initial = expression();
  if (at("per") && peek(1).is("epoch")) {
    take(), take();
    out.per_epoch = true;
  }
  return out;
}

InputStmt Parser::input() {
  InputStmt out;
  out.is_target = take().text == "target";
  out.name = expect_name("a name that is not a reserved word");
  if (!at(":"))
    fail(peek().at, fmt::format("expected `:` and the type of `{}`, found {}", out.name.text, found()),
         fmt::format("write `{} x: f32[batch, 784]`", out.is_target ? "target" : "input"));
  take();
  out.type = type();
  return out;
}

OutputStmt Parser::output() {
  take();
  OutputStmt out{.name = expect_name("the name of the output"), .value = nullptr};
  if (accept("=")) out.value = expression();
  return out;
}

MeasureStmt Parser::measure() {
  MeasureStmt out;
  out.is_metric = take().text == "metric";
  if (at(":") && !out.is_metric) fail_habit(peek().at, *habit(HabitKind::form, "loss = ..."));
  if (auto const* h = at(".") ? habit(HabitKind::name, peek(1).text) : nullptr) fail_habit(peek(1).at, *h);
  if (at_name() && peek(1).is("=")) {
    out.name = expect_name("a name");
    take();
  } else if (peek().kind == TokenKind::string && peek(1).is("=")) {
    out.title = string();
    take();
  } else if (out.is_metric && at_name() && peek(1).is("rows")) {
    out.name = expect_name("a name");
    take();
    out.rows = expression();
    expect("=", "and the metric");
  }
  out.value = expression();
  return out;
}

IfStmt Parser::if_statement() {
  Deeper deeper(*this);
  take();
  IfStmt out{.condition = expression(), .yes = block(), .no = {}};
  if (!accept("else")) return out;
  if (!at("if")) {
    out.no = block();
    return out;
  }
  Block chained{.at = peek().at, .end = peek().at, .statements = {}};
  chained.statements.push_back(statement());
  out.no = std::move(chained);
  return out;
}

ForStmt Parser::for_statement() {
  take();
  ForStmt out;
  out.targets = targets();
  expect("in", "and what the loop runs over");
  out.over = expression();
  out.body = block();
  return out;
}

} // namespace nnc
