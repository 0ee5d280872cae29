// Files, declarations and the train block; and what all of the parser uses: tokens, errors, recovery.
#include "frontend/parser.h"
#include "frontend/parser_state.h"

#include "ir/types.h"

#include <algorithm>
#include <fmt/core.h>
#include <map>

namespace nnc {

using namespace syntax;

// tokens

bool Parser::accept(std::string_view s) {
  if (!at(s)) return false;
  take();
  return true;
}

std::string Parser::found() const {
  Token const& t = peek();
  if (t.kind == TokenKind::end) return std::string(end_);
  if (t.kind == TokenKind::newline) return "the end of the line";
  if (t.kind == TokenKind::string) return "a string";
  if (t.kind == TokenKind::tag) return fmt::format("the tag `@{}`", t.text);
  if (t.kind == TokenKind::keyword) return fmt::format("the reserved word `{}`", t.text);
  return fmt::format("`{}`", t.text);
}

void Parser::fail(Location where, std::string message, std::optional<std::string> help) const {
  throw SyntaxError{{.at = where, .message = std::move(message), .help = std::move(help)}};
}

void Parser::fail_habit(Location where, Habit const& h) const {
  char const* message = h.kind == HabitKind::form ? "there is no `{}`" : "`{}` has no meaning here";
  fail(where, fmt::format(fmt::runtime(message), h.word), help_of(h));
}

// The word of another language that explains why the parser cannot go on: the next one, the one that it has just taken
// for a name, or the first of the statement.
Token const* Parser::foreign_word() const {
  auto foreign = [&](size_t i) {
    auto const& t = tokens_[i];
    bool word = t.kind == TokenKind::name || t.kind == TokenKind::keyword;
    if (nesting_ == 0 && (t.is("import") || t.is("const") || t.is("as"))) word = false; // they have their place here
    return word && habit(HabitKind::word, t.text) ? &t : nullptr;
  };
  if (auto* t = foreign(pos_)) return t;
  bool const operand_follows = at_name() || peek().kind == TokenKind::number || peek().kind == TokenKind::string ||
                               at("true") || at("false") || at("none") || at("not");
  if (pos_ > begin_ && operand_follows)
    if (auto* t = foreign(pos_ - 1)) return t;
  bool const call_of_it = pos_ > begin_ + 1 && tokens_[begin_ + 1].is("(") && (at("{") || at(":"));
  bool const block_of_it = pos_ == begin_ + 1 && at("{");
  return call_of_it || block_of_it || (pos_ > begin_ + 1 && tokens_[begin_ + 1].kind == TokenKind::name)
             ? foreign(begin_)
             : nullptr;
}

// The form of another language that the parser stands in front of.
std::string_view Parser::foreign_form() const {
  auto last = [&](size_t back) { return pos_ >= begin_ + back ? &tokens_[pos_ - back] : nullptr; };
  auto *one = last(1), *two = last(2);
  if (!one) return {};
  bool const operand = one->kind == TokenKind::name || one->kind == TokenKind::number ||
                       one->kind == TokenKind::string || one->is(")") || one->is("]");
  if (at("if") && operand) return "x if c else y";
  if (at("for") && operand) return "[f(i) for i in xs]";
  if (at("(") && one->is("for")) return "for (...)";
  if (at(":") && one->is("else")) return "else:";
  if (at(":") && begins_with("if")) return "if c:";
  if (at(":") && begins_with("for")) return "for i in xs:";
  if (at(":") && begins_with("fn")) return "fn f(x):";
  if (at(":") && begins_with("model")) return "model m:";
  if (at("=") && begins_with("fn") && one->is(")")) return "fn f(x) = x";
  if (at(":") && begins_with("output") && pos_ == begin_ + 2) return "output y: f32[n] = x";
  if (at("{") && pos_ > begin_ + 1 && one->is(")") && tokens_[begin_].kind == TokenKind::name &&
      tokens_[begin_ + 1].is("("))
    return "f(x) { ... }";
  if (at("*") && (one->is("(") || one->is(","))) return "f(*xs)";
  if (at("->") && operand) return "x -> f";
  if (at("+") && !operand) return "+x";
  if (at("=") && begins_with("if")) return "if n = 3";
  if (at("=") && begins_with("for")) return "for i = 0 to 10";
  if (at("=") && begins_with("loss")) return "loss = ...";
  bool const same_line = peek().at.line == tokens_[begin_].at.line;
  if (at("=") && operand && same_line && pos_ > begin_ + 1 && tokens_[begin_ + 1].is("=")) return "a = b = 3";
  if (at("(") && begins_with("output") && pos_ == begin_ + 2) return "output f(x)";
  if (at("..") && one->kind == TokenKind::number) return "0..10";
  if (at(".") && peek(1).kind == TokenKind::number) return ".5";
  if (one->is(".") && two && two->kind == TokenKind::number) return "1.";
  if (at("{") && (one->is("=") || one->is("(") || one->is(",") || one->is("["))) return "{k: v}";
  return {};
}

void Parser::fail_here(std::string_view expected) const {
  if (auto* t = foreign_word()) fail_habit(t->at, *habit(HabitKind::word, t->text));
  if (auto form = foreign_form(); !form.empty()) fail_habit(peek().at, *habit(HabitKind::form, form));
  Location where = peek().at;
  if (where.length == 0 && pos_ > 0) { // the end of a line: behind the last token
    where = tokens_[pos_ - 1].at;
    where.column += where.length;
    where.length = 0;
  }
  throw SyntaxError{
      {.at = where, .message = fmt::format("expected {}, found {}", expected, found()), .help = help_here()},
      peek().reported};
}

// Does the next token begin a line that goes on the statement above it?
bool Parser::is_continued() const {
  return pos_ > begin_ && peek().kind != TokenKind::newline && tokens_[pos_ - 1].at.line != peek().at.line;
}

// The first word of a statement that is none here: of a train block, or misspelled.
std::optional<std::string> Parser::help_for_first_word() const {
  auto const word = tokens_[begin_].text;
  if (in_train_ || tokens_[begin_].kind != TokenKind::name || pos_ != begin_ + 1) return {};
  for (auto* outside : {"minimize", "train", "optimizer", "model"})
    if (nesting_ == 0 || word != outside) continue;
    else if (word == "minimize") return "`minimize` stands in a train block, `train name { ... }`";
    else if (word == "optimizer") return "write `minimize loss with adam(lr = 1e-3)` in a train block";
    else return fmt::format("`{}` stands outside of all blocks", word);
  std::vector<std::string> const words{"input", "target", "output",  "param", "state",
                                       "loss",  "metric", "require", "return"};
  auto near = nearest(word, words);
  for (auto const& one : words) // "losses"
    if (word.starts_with(one) && word.size() <= one.size() + 2) near = one;
  if (near.empty() || near == word) return {};
  return fmt::format("did you mean `{}`?", near);
}

// Of a mistake at the next token.
std::optional<std::string> Parser::help_here() const {
  if (peek().kind == TokenKind::tag && !peek().text.empty())
    return fmt::format("a tag stands behind a call; the matrix product needs a space: `@ {}`", peek().text);
  if (at("//")) return help_of(*habit(HabitKind::symbol, "// "));
  bool const is_clause = at("minimize") || at("freeze") || at("fresh") || at("average") || at("phase");
  if (in_train_ && is_clause && pos_ > begin_) return "a clause stands on a line of its own, or behind `;`";
  if (at("over") && in_train_) return "`over` stands in front of `with`";
  bool const is_operator = at("+") || at("-") || at("*") || at("/") || at("@") || at("^");
  for (size_t i = begin_; is_operator && i < pos_; ++i)
    if (tokens_[i].is("|>")) return "a pipe within an expression stands in parentheses, `(x |> f) + y`";
  if (at(","))
    return in_train_ ? "a setting stands on a line of its own, or behind `;`"
                     : "a statement ends with the line, or with `;`";
  if (auto help = help_for_first_word()) return help;
  bool const binds = at_name() && peek(1).is("=") && pos_ == begin_ + 1; // `val y = 3`
  if (binds) return fmt::format("`{} = ...` binds a name", peek().text);
  if (pos_ == begin_) return {};
  Token const& last = tokens_[pos_ - 1];
  bool const operand = at_name() || peek().kind == TokenKind::number;
  bool const is_cast = last.is(")") && pos_ >= begin_ + 3 && tokens_[pos_ - 3].is("(");
  std::string_view const dtype = is_cast ? tokens_[pos_ - 2].text : last.text;
  if (operand && (dtype_named(dtype) || dtype == "float" || dtype == "int"))
    return fmt::format("a dtype converts, `{}({})`", dtype, peek().text);
  if (operand && last.kind == TokenKind::number)
    return fmt::format("a product is written `{} * {}`", last.text, peek().text);
  if (at("=") && peek().at.line != tokens_[begin_].at.line)
    return "the line above goes on: it ends with an operator or a comma";
  return {};
}

Token const& Parser::expect(std::string_view s, std::string_view where) {
  if (!at(s)) fail_here(fmt::format("`{}` {}", s, where));
  return take();
}

Name Parser::expect_name(std::string_view what) {
  if (!at_name()) fail_here(what);
  Token const& t = take();
  return {std::string(t.text), t.at};
}

void Parser::skip_newlines() {
  while (peek().kind == TokenKind::newline) take();
}

void Parser::end_of_statement(std::string_view after) {
  if (!at_end_of_statement()) fail_here(fmt::format("the end of {}", after));
}

Location Parser::since(Location start) const {
  Location last = pos_ > 0 ? tokens_[pos_ - 1].at : start;
  if (last.line == start.line && last.column + last.length > start.column)
    start.length = last.column + last.length - start.column;
  return start;
}

void Parser::report(SyntaxError const& e) {
  if (!e.silent && diagnostics_.size() < 2 * most_mistakes) diagnostics_.push_back(e.diagnostic);
}

// Goes on to the end of the statement, over whole brackets and blocks.
void Parser::skip_statement() {
  for (int depth = 0; peek().kind != TokenKind::end; take()) {
    if (depth == 0 && at_end_of_statement()) return;
    if (at("{") || at("(") || at("[")) ++depth;
    if (at("}") || at(")") || at("]")) depth = std::max(depth - 1, 0);
  }
}

void Parser::skip_to_closer(Token const& open) {
  std::string_view close = open.text == "(" ? ")" : open.text == "[" ? "]" : "}";
  for (int depth = 0; peek().kind != TokenKind::end; take()) {
    if (at(open.text)) ++depth;
    if (at(close) && depth-- == 0) return void(take());
  }
}

// The `##` lines in front of a declaration, without their marks; what is set in further stays so.
std::string Parser::doc_of(Token const& t) const {
  std::string out;
  for (size_t i = 0; i < t.doc.size();) {
    size_t end = std::min(t.doc.find('\n', i), t.doc.size());
    auto line = t.doc.substr(i, end - i);
    line.remove_prefix(std::min(line.find('#'), line.size()));
    line.remove_prefix(std::min(line.find_first_not_of('#'), line.size()));
    if (line.starts_with(' ')) line.remove_prefix(1);
    while (!line.empty() && (line.back() == ' ' || line.back() == '\r')) line.remove_suffix(1);
    out += out.empty() ? std::string(line) : fmt::format("\n{}", line);
    i = end + 1;
  }
  return out;
}

// declarations

void Parser::file(File& file) {
  for (skip_newlines(); peek().kind != TokenKind::end; skip_newlines()) {
    size_t before = pos_;
    try {
      declaration(file);
    } catch (SyntaxError const& e) {
      report(e);
      skip_declaration();
    }
    if (pos_ == before) take(); // never stand still
  }
}

void Parser::declaration(File& file) {
  begin_ = pos_;
  if (at("import")) file.imports.push_back(import_());
  else if (at("const")) file.consts.push_back(const_());
  else if (at("fn")) file.functions.push_back(function(true, false));
  else if (at("optimizer")) file.optimizers.push_back(function(true, true));
  else if (at("model")) file.models.push_back(model());
  else if (at("train") && peek(1).is("{"))
    fail(peek(1).at, "expected the name of a model, found `{`", "write `train name { ... }`");
  else if (at("train")) file.trains.push_back(train());
  else {
    if (auto* h = habit(HabitKind::word, peek().text); h && !peek(1).is("=")) fail_habit(peek().at, *h);
    if (peek().reported) throw SyntaxError{.diagnostic = {}, .silent = true};
    std::optional<std::string> help;
    if (assigns()) help = fmt::format("`const {} = ...` names a value outside of all blocks", peek().text);
    else if (auto word = nearest(peek().text, {"import", "const", "fn", "optimizer", "model", "train"}); !word.empty())
      help = fmt::format("did you mean `{}`?", word);
    fail(peek().at,
         fmt::format("expected a declaration (import, const, fn, optimizer, model, train), found {}", found()), help);
  }
  end_of_statement("the declaration");
}

// To the next line that begins a declaration, outside of all braces.
void Parser::skip_declaration() {
  for (bool fresh = false; peek().kind != TokenKind::end;) {
    bool begins = at("import") || at("const") || at("fn") || at("optimizer") || at("model") || at("train");
    if (fresh && begins && peek(1).kind != TokenKind::symbol) return;
    fresh = peek().kind == TokenKind::newline;
    if (at("{")) {
      Token const open = take();
      skip_to_closer(open);
    } else take();
  }
}

Import Parser::import_() {
  Location start = take().at;
  if (at_name()) fail_habit(since(start), *habit(HabitKind::form, "import name"));
  if (peek().kind != TokenKind::string) fail_here("the path of a file as a string");
  Import out{.at = peek().at, .path = std::string(take().text), .as = {}};
  if (accept("as")) out.as = expect_name("a name for the import");
  out.at = since(start);
  return out;
}

std::unique_ptr<Const> Parser::const_() {
  auto out = std::make_unique<Const>();
  out->doc = doc_of(take());
  out->name = expect_name("the name of the const");
  if (at(":")) fail_habit(peek().at, *habit(HabitKind::form, "const n: int = 3"));
  expect("=", "behind the name of the const");
  out->value = expression();
  return out;
}

std::unique_ptr<FunctionDecl> Parser::function(bool named, bool is_optimizer) {
  Deeper deeper(*this);
  auto out = std::make_unique<FunctionDecl>();
  Location start = peek().at;
  out->doc = doc_of(take());
  if (named) out->name = expect_name(is_optimizer ? "the name of the optimizer" : "the name of the function");
  out->parameters = parameters();
  if (is_optimizer) refuse_given(out->parameters);
  if (!is_optimizer && accept("->")) out->result = type();
  out->at = since(start);
  out->body = block();
  if (named && !is_optimizer && at("gradient") && peek(1).is("(")) {
    take();
    out->gradient_parameters = between("(", ")", [&] { return expect_name("the name of a derivative"); });
    std::vector<Name const*> names;
    for (auto const& n : out->gradient_parameters) names.push_back(&n);
    refuse_twice(names, "a derivative");
    out->gradient = block();
  }
  return out;
}

std::unique_ptr<Model> Parser::model() {
  auto out = std::make_unique<Model>();
  out->doc = doc_of(take());
  if (at("=")) fail_habit(peek().at, *habit(HabitKind::form, "model = ..."));
  out->name = expect_name("the name of the model");
  if (at("(")) out->parameters = parameters();
  out->body = block();
  return out;
}

// `optimizer f(p, g, lr)`
void Parser::refuse_given(std::vector<Parameter> const& all) const {
  for (auto const& p : all)
    if (p.name.text == "p" || p.name.text == "g")
      fail(p.name.at, fmt::format("an optimizer has `{}` without declaring it", p.name.text),
           "it sees `p`, its gradient `g`, `step` and `name`");
}

std::vector<Parameter> Parser::parameters() {
  auto all = between("(", ")", [&] { return parameter(); });
  std::vector<Name const*> names;
  for (auto const& p : all) names.push_back(&p.name);
  refuse_twice(names, "a parameter");
  return all;
}

// The mistake is noted, and the text is read on. `_` takes what nobody wants, as often as there is some.
void Parser::refuse_twice(std::vector<Name const*> const& names, std::string_view what) {
  std::map<std::string_view, Location> seen;
  for (auto* n : names) {
    auto [it, fresh] = seen.try_emplace(n->text, n->at);
    if (!fresh && n->text != "_")
      diagnostics_.push_back({.at = n->at,
                              .message = fmt::format("`{}` is {} twice", n->text, what),
                              .notes = {{it->second, "the first time here"}}});
  }
}

Parameter Parser::parameter() {
  Parameter out;
  out.rest = accept("..");
  if (at("*")) fail_habit(peek().at, *habit(HabitKind::form, "fn f(*xs)"));
  if (at_name() && peek(1).kind == TokenKind::name)
    fail(peek().at, fmt::format("`{}` stands in front of the name `{}`", peek().text, peek(1).text),
         help_of(*habit(HabitKind::form, "n: int")));
  if (at("self")) fail_habit(peek().at, *habit(HabitKind::name, "self"));
  out.name = expect_name("the name of a parameter");
  if (out.rest) return out;
  if (accept(":")) out.type = type();
  if (accept("=")) out.initial = expression();
  return out;
}

// Does the statement declare a tensor that has a type in any case?
bool Parser::declares_value() const {
  return begins_with("input") || begins_with("target") || begins_with("param") || begins_with("state");
}

// A word that is no type with its extents.
void Parser::refuse_type(Name const& word) const {
  bool const of_result = tokens_[pos_ - 2].is("->");
  bool const is_number = word.text == "int" || word.text == "float" || word.text == "bool";
  bool const is_dtype = dtype_named(word.text) || is_number;
  std::optional<std::string> help;
  if (is_number && of_result) help = help_of(*habit(HabitKind::form, "-> int"));
  else if (is_number && !declares_value()) help = help_of(*habit(HabitKind::form, "n: int"));
  else if (auto const* h = habit(HabitKind::dtype, word.text); h && !h->says.empty()) help = help_of(*h);
  else if (of_result && !is_dtype) help = help_of(*habit(HabitKind::form, "fn f(x) = x"));
  else if (is_dtype || habit(HabitKind::dtype, word.text))
    help = "extents stand in brackets behind the dtype, `f32[batch, 784]`";
  fail(since(word.at),
       fmt::format("expected a type such as `{}[n]`, found `{}`", is_dtype ? word.text : "f32", word.text), help);
}

TypePattern Parser::type() {
  Location start = peek().at;
  TypePattern out{.dtype = expect_name("a type such as `f32[batch, n]`"), .at = {}, .dims = {}};
  if (!at("[")) refuse_type(out.dtype);
  out.dims = between("[", "]", [&] { return dim(); });
  out.at = since(start);
  return out;
}

DimPattern Parser::dim() {
  DimPattern out{.kind = DimPattern::Kind::expression, .at = peek().at, .expression = nullptr, .name = {}};
  if (accept("..")) {
    out.kind = DimPattern::Kind::rest;
    if (at_name()) out.name = std::string(take().text);
  } else if (at("_")) {
    take();
    out.kind = DimPattern::Kind::any;
  } else out.expression = expression();
  out.at = since(out.at);
  return out;
}

// the train block

std::unique_ptr<Train> Parser::train() {
  auto out = std::make_unique<Train>();
  Location start = peek().at;
  out->doc = doc_of(take());
  out->model = expect_name("the name of a model");
  if (at("(")) out->arguments = arguments();
  if (peek().kind == TokenKind::tag) out->tag = tag();
  out->at = since(start);
  in_train_ = true;
  try {
    out->body = steps();
  } catch (SyntaxError const&) {
    in_train_ = false;
    throw;
  }
  in_train_ = false;
  return out;
}

std::vector<std::unique_ptr<StepStmt>> Parser::steps() {
  Deeper deeper(*this);
  std::vector<std::unique_ptr<StepStmt>> out;
  expect("{", "and the steps of the training");
  for (skip_newlines(); !at("}") && peek().kind != TokenKind::end; skip_newlines()) {
    try {
      out.push_back(step());
      bool const ended = std::holds_alternative<PhaseStep>(out.back()->as); // by its brace
      if (!ended) end_of_statement("the line");
    } catch (SyntaxError const& e) {
      report(e);
      skip_statement();
    }
  }
  expect("}", "at the end of the train block");
  return out;
}

std::unique_ptr<StepStmt> Parser::step() {
  begin_ = pos_;
  auto out = std::make_unique<StepStmt>();
  Location start = peek().at;
  if (peek(1).is("=")) {
    out->as = setting();
  } else if (accept("minimize")) {
    out->as = minimize();
  } else if (accept("phase")) {
    PhaseStep phase;
    if (!at("{")) phase.count = expression();
    phase.body = steps();
    out->as = std::move(phase);
  } else if (at("freeze") || at("fresh")) {
    bool fresh = take().text == "fresh";
    out->as = PatternStep{.fresh = fresh, .patterns = patterns()};
  } else if (accept("average")) {
    AverageStep average;
    if (accept("over")) average.over = patterns();
    expect("with", "and how to average");
    average.with = optimizer_call();
    out->as = std::move(average);
  } else refuse_step();
  out->at = since(start);
  return out;
}

// A value, an aim, or a number of an aim.
SettingStep Parser::setting() {
  SettingStep out{.name = {std::string(peek().text), peek().at}, .value = nullptr, .aim = {}};
  take(), take();
  out.aim = aim();
  if (out.aim) return out;
  out.value = expression();
  if (!accept("of")) return out;
  out.aim = aim();
  if (!out.aim) fail_here("`min` or `max` and the name of a loss or metric");
  return out;
}

std::optional<Aim> Parser::aim() {
  bool const names = peek(1).kind == TokenKind::name || peek(1).is("loss");
  if ((!at("min") && !at("max")) || !names) return {};
  Aim out{.largest = take().text == "max", .report = {std::string(peek().text), peek().at}};
  take();
  return out;
}

void Parser::refuse_step() const {
  std::optional<std::string> help;
  if (auto const* h = habit(HabitKind::setting, peek().text)) help = help_of(*h);
  else if (peek(1).is("(") || peek(1).is(".")) help = "write `minimize loss with adam(lr = 1e-3)`";
  else if (at_name() && (peek(1).is(":") || peek(1).kind == TokenKind::number))
    help = fmt::format("a setting is written `{} = ...`", peek().text);
  fail(
      peek().at,
      fmt::format("expected `minimize LOSS with OPTIMIZER(...)` or a setting such as `batch = 128`, found {}", found()),
      help);
}

MinimizeStep Parser::minimize() {
  if (at("(") && peek(1).kind != TokenKind::symbol && peek(2).is(","))
    fail_habit(peek().at, *habit(HabitKind::form, "minimize(loss, adam())"));
  if (at("with")) fail(peek().at, "expected a loss in front of `with`", "write `minimize loss with adam(lr = 1e-3)`");
  MinimizeStep out;
  out.objective = expression();
  out.over_at = peek().at;
  if (accept("over")) {
    out.over = patterns();
    out.over_at = since(out.over_at);
  }
  expect("with", "and an optimizer");
  out.optimizer = optimizer_call();
  return out;
}

std::vector<String> Parser::patterns() {
  std::vector<String> out;
  do {
    if (peek().kind != TokenKind::string) fail_here("a pattern of parameters as a string");
    out.push_back(string());
  } while (accept(","));
  return out;
}

ExprPtr Parser::optimizer_call() {
  Location start = peek().at;
  ExprPtr e = postfix();
  if (!std::holds_alternative<CallExpr>(e->as)) fail(since(start), "expected a call such as `adam(lr = 1e-3)`");
  return e;
}

Parsed parse(Sources const& sources, u32 file) {
  Parsed out;
  if (size_t const size = sources.text(file).size(); size > longest_source) {
    out.diagnostics.push_back(
        {.at = {file, 1, 1, 0},
         .message = fmt::format("the text has {} bytes, expected at most {}", size, longest_source),
         .help = "numbers in bulk are data, or weights of a file",
         .code = Code::syntax});
    return out;
  }
  Lexed lexed = lex(sources, file);
  out.diagnostics = std::move(lexed.diagnostics);
  out.file.id = file;
  Parser(sources, std::move(lexed.tokens), out.diagnostics).file(out.file);
  std::stable_sort(out.diagnostics.begin(), out.diagnostics.end(), [](auto const& a, auto const& b) {
    return std::pair(a.at.line, a.at.column) < std::pair(b.at.line, b.at.column);
  });
  if (has_errors(out.diagnostics)) // warnings of a text that was not understood
    std::erase_if(out.diagnostics, [](auto const& d) { return d.severity == Severity::warning; });
  auto same_line = [](auto const& a, auto const& b) { return a.at.line == b.at.line; };
  auto rest =
      std::unique(out.diagnostics.begin(), out.diagnostics.end(), same_line); // the others follow from the first
  out.diagnostics.erase(rest, out.diagnostics.end());
  for (auto& diagnostic : out.diagnostics) diagnostic.code = Code::syntax;
  return out;
}

std::unique_ptr<FunctionDecl> parse_declaration(Sources const& sources, u32 file, u32 begin, u32 end, u32 line) {
  Parsed out;
  Lexed lexed = lex_part(sources, file, begin, end, {file, line, 1, 0});
  Parser(sources, std::move(lexed.tokens), out.diagnostics).file(out.file);
  auto& family = out.file.functions.empty() ? out.file.optimizers : out.file.functions;
  if (family.empty()) throw CompilerBug(fmt::format("line {} of {} declares nothing", line, sources.name(file)));
  return std::move(family.front());
}

ParsedExpression parse_expression(Sources const& sources, u32 file, u32 begin) {
  ParsedExpression out;
  auto const end = static_cast<u32>(sources.text(file).size());
  Lexed lexed = lex_part(sources, file, begin, end, {file, 1, begin + 1, 0});
  out.diagnostics = std::move(lexed.diagnostics);
  if (!out.diagnostics.empty()) return out;
  try {
    out.expression = Parser(sources, std::move(lexed.tokens), out.diagnostics).lone_expression("the end of the value");
  } catch (SyntaxError const& e) {
    out.diagnostics.push_back(e.diagnostic);
  }
  return out;
}

} // namespace nnc
