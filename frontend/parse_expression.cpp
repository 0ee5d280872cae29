// Expressions, from the lowest precedence (the pipe) to the highest (calls, indices, members).
#include "frontend/parser_state.h"

#include <charconv>
#include <fmt/core.h>

namespace nnc {

using namespace syntax;

namespace {

bool is_comparison(Token const& t) {
  return t.is("==") || t.is("!=") || t.is("<") || t.is("<=") || t.is(">") || t.is(">=");
}

int deepest(Arguments const& arguments) {
  int out = 0;
  for (auto const& a : arguments) out = std::max(out, a.value->depth);
  return out;
}

int deepest(std::vector<Index> const& indices) {
  int out = 0;
  for (auto const& i : indices)
    for (auto const* e : {&i.first, &i.last, &i.stride})
      if (*e) out = std::max(out, (*e)->depth);
  return out;
}

} // namespace

ExprPtr Parser::lone_expression(std::string_view end) {
  end_ = end;
  skip_newlines();
  ExprPtr e = expression();
  skip_newlines();
  if (peek().kind != TokenKind::end) fail_here("the end of the expression");
  return e;
}

ExprPtr Parser::binary(ExprPtr left, Token const& op, ExprPtr right) {
  Location start = left->at;
  int depth = std::max(left->depth, right->depth);
  return make(start, BinaryExpr{std::string(op.text), op.at, std::move(left), std::move(right)}, depth);
}

ExprPtr Parser::expression() {
  Deeper deeper(*this);
  ExprPtr e = logical_or();
  while (accept("|>")) e = pipe_target(std::move(e));
  if (at("<-") && nesting_ > 0 && !std::holds_alternative<IndexExpr>(e->as) &&
      !std::holds_alternative<MemberExpr>(e->as))
    fail(peek().at, "`<-` writes a state and is a statement of its own",
         "a comparison with a negative number needs a space: `a < -1`");
  return e;
}

// `x |> f(a)` is f(x, a); `x |> f` is f(x).
ExprPtr Parser::pipe_target(ExprPtr value) {
  ExprPtr target = postfix();
  Argument first{.name = {}, .at = target->at, .spread = false, .value = std::move(value)};
  auto* call = std::get_if<CallExpr>(&target->as);
  int depth = std::max(target->depth, first.value->depth);
  if (call) {
    call->arguments.insert(call->arguments.begin(), std::move(first));
    target->depth = depth + 1;
    if (target->depth > max_expression) fail(target->at, "this expression is nested too deeply");
    return target;
  }
  Location at = target->at;
  CallExpr made{.callee = std::move(target), .arguments = {}, .tag = {}};
  made.arguments.push_back(std::move(first));
  return make(at, std::move(made), depth);
}

ExprPtr Parser::logical_or() {
  ExprPtr e = logical_and();
  while (at("or")) {
    Token const op = take();
    e = binary(std::move(e), op, logical_and());
  }
  return e;
}

ExprPtr Parser::logical_and() {
  ExprPtr e = logical_not();
  while (at("and")) {
    Token const op = take();
    e = binary(std::move(e), op, logical_not());
  }
  return e;
}

ExprPtr Parser::logical_not() {
  if (!at("not")) return comparison();
  Location start = take().at;
  ExprPtr operand = comparison();
  int depth = operand->depth;
  return make(start, UnaryExpr{"not", std::move(operand)}, depth);
}

ExprPtr Parser::comparison() {
  ExprPtr e = sum();
  if (!is_comparison(peek())) return e;
  Token const op = take();
  e = binary(std::move(e), op, sum());
  if (is_comparison(peek())) fail(peek().at, "comparisons do not chain", "join two of them: `a < b and b < c`");
  return e;
}

ExprPtr Parser::sum() {
  ExprPtr e = product();
  while (at("+") || at("-")) {
    Token const op = take();
    e = binary(std::move(e), op, product());
  }
  return e;
}

ExprPtr Parser::product() {
  ExprPtr e = unary();
  while (at("*") || at("/") || at("//") || at("%") || at("@")) {
    Token const op = take();
    e = binary(std::move(e), op, unary());
  }
  return e;
}

ExprPtr Parser::unary() {
  if (!at("-")) return power();
  Location start = take().at;
  ExprPtr operand = power();
  int depth = operand->depth;
  return make(start, UnaryExpr{"-", std::move(operand)}, depth);
}

ExprPtr Parser::power() {
  ExprPtr e = postfix();
  if (!at("^")) return e;
  Token const op = take();
  Deeper deeper(*this); // right-associative: unary and power call each other
  return binary(std::move(e), op, unary());
}

ExprPtr Parser::postfix() {
  ExprPtr e = primary();
  Location start = e->at;
  for (;;) {
    int depth = e->depth;
    if (at("(")) {
      CallExpr call{.callee = std::move(e), .arguments = arguments(), .tag = {}};
      depth = std::max(depth, deepest(call.arguments));
      if (peek().kind == TokenKind::tag) call.tag = tag();
      e = make(start, std::move(call), depth);
    } else if (at("[")) {
      IndexExpr node{.base = std::move(e), .indices = {}};
      node.indices = indices();
      depth = std::max(depth, deepest(node.indices));
      e = make(start, std::move(node), depth);
    } else if (at(".")) {
      take();
      if (!at_name() && peek().kind != TokenKind::keyword) fail_here("a name behind the dot");
      Token const& member = take();
      e = make(start, MemberExpr{std::move(e), {std::string(member.text), member.at}}, depth);
    } else {
      if (peek().kind == TokenKind::tag) {
        Token const& t = peek();
        std::string shown = t.text.empty() ? "a tag" : fmt::format("the tag `@{}`", t.text);
        std::optional<std::string> help;
        if (is_continued() && (peek(1).is(".") || peek(1).is("(")))
          help = "there are no decorators; a tag stands behind a call, `dense(x, 64) @first`";
        else if (!t.text.empty())
          help = fmt::format("a tag stands behind a call, `f() @{0}`; the matrix product needs a space, `x @ {0}`",
                             t.text);
        fail(t.at, fmt::format("{} stands behind something that is no call", shown), help);
      }
      return e;
    }
  }
}

ExprPtr Parser::primary() {
  Token const& t = peek();
  if (t.kind == TokenKind::name) return name();
  if (t.kind == TokenKind::number) return number();
  if (t.kind == TokenKind::string) {
    Location start = t.at;
    return make(start, StringExpr{string()});
  }
  if (at("true") || at("false") || at("none")) {
    Location start = t.at;
    auto kind = at("true") ? ConstantExpr::Kind::yes : at("false") ? ConstantExpr::Kind::no : ConstantExpr::Kind::none;
    take();
    return make(start, ConstantExpr{kind});
  }
  if (at("loss") && in_train_) return name();
  if (at("(")) return parenthesized();
  if (at("[")) return list();
  if (at("if")) return choice();
  if (at("scan")) return scan();
  if (at("fn")) {
    Location start = t.at;
    return make(start, FunctionExpr{function(false, false)});
  }
  fail_here("an expression");
}

ExprPtr Parser::name() {
  Token const& t = take();
  return make(t.at, NameExpr{std::string(t.text)});
}

ExprPtr Parser::number() {
  Token const& t = take();
  std::string digits;
  for (char c : t.text)
    if (c != '_') digits += c;
  NumberExpr out;
  char const *begin = digits.data(), *end = begin + digits.size();
  out.is_integer = digits.find_first_of(".eE") == std::string::npos;
  if (out.is_integer && std::from_chars(begin, end, out.integer).ec != std::errc{})
    fail(t.at, "this number does not fit into 64 bits");
  if (std::from_chars(begin, end, out.value).ec == std::errc::result_out_of_range)
    fail(t.at, "this number is out of the range of f64");
  return make(t.at, out);
}

ExprPtr Parser::parenthesized() {
  Location start = peek().at;
  auto inside = between("(", ")", [&] { return expression(); });
  if (inside.empty()) fail(since(start), "expected an expression between the parentheses");
  if (inside.size() > 1) fail(since(start), "several values in parentheses", "a list is written in brackets: `[a, b]`");
  return std::move(inside.front());
}

ExprPtr Parser::list() {
  Location start = peek().at;
  int depth = 0;
  auto items = between("[", "]", [&] {
    Item item;
    item.spread = accept("..");
    item.value = expression();
    depth = std::max(depth, item.value->depth);
    return item;
  });
  return make(start, ListExpr{std::move(items)}, depth);
}

ExprPtr Parser::choice() {
  Deeper deeper(*this);
  Location start = take().at;
  ChoiceExpr out;
  out.condition = expression();
  auto branch = [&] {
    Token const open = expect("{", "and a value");
    try {
      skip_newlines();
      ExprPtr value = expression();
      skip_newlines();
      expect("}", "behind the value");
      return value;
    } catch (SyntaxError const&) {
      skip_to_closer(open); // whose brace would end the block around
      throw;
    }
  };
  out.yes = branch();
  expect("else", "and the other value");
  out.no = at("if") ? choice() : branch();
  int depth = std::max(out.condition->depth, std::max(out.yes->depth, out.no->depth));
  return make(start, std::move(out), depth);
}

ExprPtr Parser::scan() {
  Deeper deeper(*this);
  Location start = take().at;
  ScanExpr out;
  out.targets = targets();
  expect("in", "and what the scan runs over");
  out.over = expressions();
  if (accept("axis")) out.axis = expression();
  out.reverse = accept("reverse");
  out.recompute = accept("recompute");
  if (accept("carry")) out.carried = targets();
  out.body = block();
  return make(start, std::move(out));
}

Arguments Parser::arguments() {
  return between("(", ")", [&] { return argument(); });
}

Argument Parser::argument() {
  Argument out{.name = {}, .at = peek().at, .spread = false, .value = nullptr};
  out.spread = accept("..");
  bool word = at_name() || peek().kind == TokenKind::keyword;
  if (!out.spread && word && peek(1).is("=")) {
    out.name = std::string(take().text);
    take();
  }
  out.value = expression();
  if (auto* n = std::get_if<NameExpr>(&out.value->as); n && at(":"))
    fail(peek().at, "expected `,` or `)`, found `:`", fmt::format("an argument is named by `=`, `{} = ...`", n->name));
  out.at = since(out.at);
  return out;
}

std::vector<Index> Parser::indices() {
  Location start = peek().at;
  auto out = between("[", "]", [&] { return index(); });
  if (out.empty()) fail(since(start), "expected an index between the brackets");
  return out;
}

Index Parser::index() {
  Index out;
  out.at = peek().at;
  if (accept("..")) {
    out.kind = Index::Kind::rest;
    return out;
  }
  auto ends = [&] { return at(":") || at(",") || at("]"); };
  if (!at(":")) out.first = expression();
  if (accept(":")) {
    out.kind = Index::Kind::range;
    if (!ends()) out.last = expression();
    if (accept(":") && !ends()) out.stride = expression();
  }
  out.at = since(out.at);
  return out;
}

Tag Parser::tag() {
  Token const t = take();
  Tag out{.at = t.at, .text = {}};
  if (t.text.empty()) out.text = string();
  else out.text.parts.push_back({std::string(t.text), nullptr});
  out.at = since(t.at);
  return out;
}

// Text and the expressions between braces; an expression is lexed and parsed at its own place in the line.
String Parser::string() {
  Token const t = take();
  String out;
  std::string text;
  auto flush = [&] {
    if (!text.empty()) out.parts.push_back({std::move(text), nullptr});
    text.clear();
  };
  auto place = [&](size_t i, u32 length) {
    return Location{t.at.file, t.at.line, t.at.column + 1 + static_cast<u32>(i), length};
  };
  for (size_t i = 0; i < t.text.size(); ++i) {
    char c = t.text[i];
    if (c == '\\' && i + 1 < t.text.size()) {
      char e = t.text[++i];
      if (e != 'n' && e != 't' && e != '"' && e != '\\' && e != '{')
        fail(place(i - 1, 2), fmt::format("unknown escape `\\{}`", e), R"(the escapes are \n \t \" \\ \{)");
      text += e == 'n' ? '\n' : e == 't' ? '\t' : e;
    } else if (c == '{') {
      size_t end = end_of_nested(t.text, i);
      if (end == std::string_view::npos)
        fail(place(i, 1), "this `{` is never closed", "a brace that is text is written `\\{`");
      --end; // at the brace
      flush();
      auto part = lex_part(sources_, t.at.file, t.offset + static_cast<u32>(i) + 1, t.offset + static_cast<u32>(end),
                           place(i + 1, 0));
      for (auto& d : part.diagnostics) report({std::move(d)});
      Parser inner(sources_, std::move(part.tokens), diagnostics_);
      inner.nesting_ = nesting_;
      out.parts.push_back({{}, inner.lone_expression("the end of the braces")});
      i = end;
    } else text += c;
  }
  flush();
  return out;
}

} // namespace nnc
