// The parser's class, shared by its three sources: parser.cpp (files, declarations, the train block),
// parse_statement.cpp and parse_expression.cpp. One function per rule of the grammar in LANGUAGE.md, section 2.
//
// A function that meets what it cannot accept throws SyntaxError; the nearest statement or declaration catches it,
// reports it and goes on behind the end of the statement.
#pragma once

#include "frontend/habits.h"
#include "frontend/lexer.h"
#include "frontend/syntax.h"

#include <string>

namespace nnc {

struct SyntaxError {
  Diagnostic diagnostic;
  bool silent = false; // the cause has been reported by the lexer
};

class Parser {
public:
  Parser(Sources const& sources, std::vector<Token> tokens, std::vector<Diagnostic>& diagnostics)
      : sources_(sources), tokens_(std::move(tokens)), diagnostics_(diagnostics) {}

  void file(syntax::File&);
  syntax::ExprPtr lone_expression(std::string_view end); // all tokens are one expression, behind it is `end`

private:
  // tokens
  Token const& peek(size_t ahead = 0) const { return tokens_[std::min(pos_ + ahead, tokens_.size() - 1)]; }
  Token const& take() { return tokens_[pos_ + 1 < tokens_.size() ? pos_++ : pos_]; }
  bool at(std::string_view s) const { return peek().is(s); }
  bool at_name() const { return peek().kind == TokenKind::name; }
  bool at_end_of_statement() const {
    return peek().kind == TokenKind::newline || at("}") || peek().kind == TokenKind::end;
  }
  bool accept(std::string_view s);
  Token const& expect(std::string_view s, std::string_view where);
  syntax::Name expect_name(std::string_view what);
  void skip_newlines();
  void end_of_statement(std::string_view after);
  [[noreturn]] void fail(Location, std::string message, std::optional<std::string> help = {}) const;
  [[noreturn]] void fail_here(std::string_view expected) const;
  [[noreturn]] void fail_habit(Location, Habit const&) const;
  Token const* foreign_word() const;
  std::string_view foreign_form() const;
  bool is_continued() const;
  std::optional<std::string> help_for_first_word() const;
  std::optional<std::string> help_here() const;
  bool begins_with(std::string_view word) const { return tokens_[begin_].is(word); }
  void report(SyntaxError const&);
  void warn(Location at, std::string message, std::optional<std::string> help = {}) {
    diagnostics_.push_back(warning(at, std::move(message), std::move(help)));
  }
  void skip_statement();
  void skip_to_closer(Token const& open);
  std::string found() const;
  Location since(Location start) const;

  // files and declarations
  void declaration(syntax::File&);
  void skip_declaration();
  syntax::Import import_();
  std::unique_ptr<syntax::Const> const_();
  std::unique_ptr<syntax::FunctionDecl> function(bool named, bool is_optimizer);
  std::unique_ptr<syntax::Model> model();
  std::unique_ptr<syntax::Train> train();
  std::vector<syntax::Parameter> parameters();
  syntax::Parameter parameter();
  bool declares_value() const;
  void refuse_given(std::vector<syntax::Parameter> const&) const;
  [[noreturn]] void refuse_type(syntax::Name const& word) const;
  syntax::TypePattern type();
  syntax::DimPattern dim();
  std::string doc_of(Token const&) const;

  // train block
  std::vector<std::unique_ptr<syntax::StepStmt>> steps();
  std::unique_ptr<syntax::StepStmt> step();
  [[noreturn]] void refuse_step() const;
  syntax::MinimizeStep minimize();
  std::vector<syntax::String> patterns();
  syntax::ExprPtr optimizer_call();

  // statements
  syntax::Block block();
  std::unique_ptr<syntax::Stmt> statement();
  void statement_as(syntax::Stmt&);
  bool declares(std::string_view word) const;
  bool assigns() const;
  syntax::ParamStmt param();
  syntax::InputStmt input();
  syntax::OutputStmt output();
  syntax::MeasureStmt measure();
  syntax::SettingStep setting();
  std::optional<syntax::Aim> aim();
  syntax::IfStmt if_statement();
  syntax::ForStmt for_statement();
  syntax::AssignStmt assignment();
  std::vector<syntax::Name> targets();
  void refuse_twice(std::vector<syntax::Name const*> const&, std::string_view what);
  std::vector<syntax::ExprPtr> expressions();
  void refuse_assignment(syntax::Expr const& left);

  // expressions
  syntax::ExprPtr expression();
  syntax::ExprPtr pipe_target(syntax::ExprPtr value);
  syntax::ExprPtr logical_or();
  syntax::ExprPtr logical_and();
  syntax::ExprPtr logical_not();
  syntax::ExprPtr comparison();
  syntax::ExprPtr sum();
  syntax::ExprPtr product();
  syntax::ExprPtr unary();
  syntax::ExprPtr power();
  syntax::ExprPtr postfix();
  syntax::ExprPtr primary();
  syntax::ExprPtr name();
  syntax::ExprPtr number();
  syntax::ExprPtr list();
  syntax::ExprPtr choice();
  syntax::ExprPtr scan();
  syntax::ExprPtr parenthesized();
  syntax::Arguments arguments();
  syntax::Argument argument();
  std::vector<syntax::Index> indices();
  syntax::Index index();
  syntax::Tag tag();
  syntax::String string();
  syntax::ExprPtr binary(syntax::ExprPtr left, Token const& op, syntax::ExprPtr right);
  template <class T>
  syntax::ExprPtr make(Location start, T node, int depth_below = 0);
  template <class Part>
  auto between(std::string_view open, std::string_view close, Part part);

  struct Deeper; // counts the nesting of rules

  Sources const& sources_;
  std::vector<Token> tokens_;
  std::vector<Diagnostic>& diagnostics_;
  size_t pos_ = 0;
  size_t begin_ = 0; // of the statement or declaration
  int nesting_ = 0;
  bool in_train_ = false; // there `loss` is a name
  std::string_view end_ = "the end of the file";
};

inline constexpr int max_nesting = 200;     // of brackets and blocks in one another
inline constexpr int max_expression = 1000; // height of an expression's tree

// The parts between two brackets, separated by commas, a comma at the end allowed. When the lexer had to invent the
// closing bracket, what was inside is skipped without another word.
template <class Part>
auto Parser::between(std::string_view open, std::string_view close, Part part) {
  std::vector<decltype(part())> parts;
  Token const opener = expect(open, "here");
  if (opener.reported) {
    skip_to_closer(opener);
    throw SyntaxError{.diagnostic = {}, .silent = true};
  }
  while (!at(close)) {
    parts.push_back(part());
    if (!at(close)) {
      if (!at(",")) fail_here("`,` or `" + std::string(close) + "`");
      take();
    }
  }
  take();
  return parts;
}

template <class T>
syntax::ExprPtr Parser::make(Location start, T node, int depth_below) {
  auto e = std::make_unique<syntax::Expr>();
  e->at = since(start);
  e->depth = depth_below + 1;
  if (e->depth > max_expression) fail(start, "this expression is nested too deeply");
  e->as = std::move(node);
  return e;
}

struct Parser::Deeper {
  explicit Deeper(Parser& p) : parser(p) {
    if (++parser.nesting_ > max_nesting) {
      --parser.nesting_;
      parser.fail(parser.peek().at, "brackets and blocks are nested too deeply");
    }
  }
  ~Deeper() { --parser.nesting_; }
  Parser& parser;
};

} // namespace nnc
