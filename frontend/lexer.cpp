// Three steps: cut the text into raw tokens, balance the brackets, drop the newlines that end nothing.
#include "frontend/lexer.h"

#include "frontend/habits.h"

#include "ir/ascii.h"
#include "ir/printable.h"

#include <algorithm>
#include <array>
#include <fmt/core.h>
#include <string>

namespace nnc {

namespace {

constexpr std::array reserved_words{"fn",   "if",     "else", "for",   "in",   "scan", "emit", "return", "require",
                                    "loss", "metric", "true", "false", "none", "and",  "or",   "not"};
// Longest first, so that the first match is the right one.
constexpr std::array symbols{"==", "!=", "<=", ">=", "<-", "->", "//", "|>", "..", "(", ")", "[", "]", "{",
                             "}",  ",",  ":",  "=",  "<",  ">",  "+",  "-",  "*",  "/", "%", "^", "@", "."};
constexpr std::string_view byte_order_mark = "\xEF\xBB\xBF";
constexpr std::array binary_operators{"==", "!=", "<=", ">=", "<", ">", "+", "-", "*", "/", "//", "%", "^", "@", "|>"};

bool starts_name(char c) { return is_letter(c) || c == '_'; }
bool in_name(char c) { return starts_name(c) || is_digit(c); }

class Lexer {
public:
  Lexer(std::string_view text, u32 file, u32 begin, u32 end, Location start)
      : text_(text.substr(0, end)), file_(file), pos_(begin), line_(start.line),
        line_start_(begin - (start.column - 1)) {}

  Lexed run() {
    if (text_.substr(pos_).starts_with(byte_order_mark) && pos_ == 0) pos_ += byte_order_mark.size();
    while (pos_ < text_.size()) {
      next();
      if (open_.size() > most_open) return too_deep();
    }
    balance_rest();
    push(TokenKind::newline, pos_, pos_);
    push(TokenKind::end, pos_, pos_);
    drop_newlines();
    return std::move(out_);
  }

private:
  // What is never closed would be closed by as many tokens again; the parser gives up far earlier.
  static constexpr size_t most_open = 200'000;

  Lexed too_deep() const {
    Lexed out = Lexer("", file_, 0, 0, {file_, 1, 1, 0}).run();
    out.diagnostics.push_back({.at = at(pos_ - 1, pos_), .message = "brackets and blocks are nested too deeply"});
    return out;
  }

  char peek(u32 ahead = 0) const { return pos_ + ahead < text_.size() ? text_[pos_ + ahead] : '\0'; }
  Location at(u32 begin, u32 end) const { return {file_, line_, begin - line_start_ + 1, end - begin}; }
  void error(Location where, std::string message, std::optional<std::string> help = {}) {
    if (out_.diagnostics.size() < most_mistakes)
      out_.diagnostics.push_back({.at = where, .message = std::move(message), .help = std::move(help)});
  }

  Token& push(TokenKind kind, u32 begin, u32 end) {
    out_.tokens.push_back(
        {.kind = kind, .text = text_.substr(begin, end - begin), .at = at(begin, end), .offset = begin});
    if (kind != TokenKind::newline) std::swap(out_.tokens.back().doc, doc_);
    return out_.tokens.back();
  }

  void next() {
    char c = peek();
    if (c == '\n') return newline();
    if (c == ' ' || c == '\t' || c == '\r') return void(++pos_);
    if (c == '#') return comment();
    if (c == ';') return semicolon();
    if (auto const* h = habit_here()) return habit(*h);
    if (c == '"') return string();
    if (c == '@') return tag_or_product();
    if (starts_name(c)) return word();
    if (is_digit(c)) return number();
    symbol();
  }

  void newline() {
    if (open_.empty() || out_.tokens[open_.back()].text == "{") push(TokenKind::newline, pos_, pos_);
    line_start_ = ++pos_;
    ++line_;
  }

  void semicolon() {
    push(TokenKind::newline, pos_, pos_ + 1);
    ++pos_;
  }

  // `##` lines in a row are one documentation; an ordinary comment is skipped.
  void comment() {
    u32 begin = pos_;
    while (pos_ < text_.size() && peek() != '\n') ++pos_;
    if (text_.substr(begin, 2) != "##") return;
    if (doc_.empty()) doc_begin_ = begin;
    doc_ = text_.substr(doc_begin_, pos_ - doc_begin_);
  }

  void word() {
    u32 begin = pos_;
    while (in_name(peek())) ++pos_;
    auto text = text_.substr(begin, pos_ - begin);
    if (begin == line_start_ && !open_.empty() && begins_declaration(text)) {
      balance_rest();
      push(TokenKind::newline, begin, begin);
    }
    push(is_reserved(text) ? TokenKind::keyword : TokenKind::name, begin, pos_);
  }

  // Characters that make no token here, but do elsewhere.
  Habit const* habit_here() const {
    auto rest = text_.substr(pos_);
    if (rest.starts_with("//") && !rest.starts_with("//=")) return is_comment() ? habit_at("// ") : nullptr;
    if (rest.starts_with("|>") || (rest.starts_with("!=") && !rest.starts_with("!=="))) return nullptr;
    return habit_at(rest);
  }

  // `//` divides, unless there is nothing to divide, or prose follows: two words in a row.
  bool is_comment() const {
    auto before = out_.tokens.rbegin();
    while (before != out_.tokens.rend() && before->kind == TokenKind::newline) ++before;
    if (before == out_.tokens.rend() || before->is("{") || before->is("}")) return true;
    u32 p = pos_;
    auto word = [&] {
      while (p < text_.size() && (text_[p] == '/' || text_[p] == ' ')) ++p;
      u32 begin = p;
      while (p < text_.size() && in_name(text_[p])) ++p;
      return text_.substr(begin, p - begin);
    };
    auto first = word(), second = word();
    auto plain = [](std::string_view w) {
      constexpr std::array inside{"axis", "reverse", "recompute", "carry", "over", "with", "per", "as"};
      return !is_reserved(w) && std::find(inside.begin(), inside.end(), w) == inside.end();
    };
    return !first.empty() && !second.empty() && starts_name(second[0]) && plain(first) && plain(second);
  }

  // Reports it, and puts in what it stands for, so that it brings no other error.
  void habit(Habit const& h) {
    u32 begin = pos_;
    Location const where = at(begin, begin + static_cast<u32>(h.word.find_last_not_of(' ') + 1));
    bool const is_comment = h.word == "// " || h.word == "/*", is_text = h.word.back() == '"' || h.word.front() == '\'';
    auto shown = h.word.substr(0, where.length);
    error(where, fmt::format("`{}` {}", shown, is_comment ? "begins no comment" : "has no meaning here"), help_of(h));
    if (h.word == "// ") return skip_line();
    if (h.word == "/*") return ++pos_, skip_behind("*/");
    if (is_text) return foreign_string(h.word);
    pos_ += static_cast<u32>(h.word.size());
    auto kind = is_reserved(h.means) ? TokenKind::keyword : TokenKind::symbol;
    push(kind, begin, pos_).reported = h.means.empty();
    if (!h.means.empty()) out_.tokens.back().text = h.means;
  }

  void skip_line() {
    while (pos_ < text_.size() && peek() != '\n') ++pos_;
  }

  void skip_behind(std::string_view end) {
    for (++pos_; pos_ < text_.size() && text_.substr(pos_, end.size()) != end;)
      peek() == '\n' ? newline() : void(++pos_);
    pos_ += static_cast<u32>(std::min(end.size(), text_.size() - pos_));
  }

  // 'text', f"text" and """text""" become a string of no text; at the beginning of a statement, nothing.
  void foreign_string(std::string_view opener) {
    u32 begin = pos_;
    bool const is_value = !out_.tokens.empty() && out_.tokens.back().kind != TokenKind::newline;
    if (opener.size() == 3) {
      pos_ += 2;
      skip_behind(opener);
    } else if (opener == "'") {
      size_t end = text_.find_first_of("'\n", pos_ + 1);
      if (end == std::string_view::npos || text_[end] == '\n') return skip_line();
      pos_ = static_cast<u32>(end) + 1;
    } else {
      ++pos_; // the letter
      return string();
    }
    if (is_value) push(TokenKind::string, pos_, pos_).at = at(begin, pos_);
  }

  // `model NAME` at the start of a line stands in no bracket: one in front of it was left open. A function may stand in
  // a block, but not in parentheses.
  bool begins_declaration(std::string_view word) const {
    bool in_block = out_.tokens[open_.back()].text == "{";
    bool fits = word == "model" || word == "train" || word == "optimizer" || word == "const" || word == "import" ||
                (word == "fn" && !in_block);
    u32 next = pos_;
    while (next < text_.size() && text_[next] == ' ') ++next;
    return fits && next > pos_ && next < text_.size() && (starts_name(text_[next]) || text_[next] == '"');
  }

  void digits() {
    while (is_digit(peek()) || (peek() == '_' && is_digit(peek(1)))) ++pos_;
  }

  void number() {
    u32 begin = pos_;
    digits();
    if (peek() == '.' && is_digit(peek(1))) ++pos_, digits();
    if (peek() == 'e' || peek() == 'E') {
      u32 sign = peek(1) == '+' || peek(1) == '-';
      if (is_digit(peek(1 + sign))) pos_ += 1 + sign, digits();
    }
    if (begin + 1 < pos_ && text_[begin] == '0' && is_digit(text_[begin + 1])) // `1,000`
      error(at(begin, pos_), fmt::format("the number `{}` begins with 0", text_.substr(begin, pos_ - begin)),
            "thousands are written `1_000`");
    if (starts_name(peek())) {
      u32 bad = pos_;
      while (in_name(peek())) ++pos_;
      error(at(begin, pos_), fmt::format("`{}` is neither a number nor a name", text_.substr(begin, pos_ - begin)),
            std::string(text_[begin + 1] == 'x' ? "numbers are decimal" : "a number has no letters behind it"));
      push(TokenKind::number, begin, bad);
      return;
    }
    push(TokenKind::number, begin, pos_);
  }

  // The position behind the closing quote of the string that opens at `p`; 0 when there is none. Where braces in it are
  // never closed, the next quote ends it.
  u32 string_end(u32 p) {
    size_t end = broken_line_ == line_ ? std::string_view::npos : end_of_nested(text_, p);
    if (end != std::string_view::npos) return static_cast<u32>(end);
    broken_line_ = line_; // so is every other string of this line that ends here
    for (++p; p < text_.size() && text_[p] != '\n'; ++p) {
      if (text_[p] == '"') return p + 1;
      if (text_[p] == '\\') ++p;
    }
    return 0;
  }

  void string() {
    u32 begin = pos_;
    u32 end = string_end(begin);
    if (end == 0) {
      error(at(begin, begin + 1), "this string is never closed");
      while (pos_ < text_.size() && peek() != '\n') ++pos_;
      push(TokenKind::string, pos_, pos_).at = at(begin, pos_);
      return;
    }
    pos_ = end;
    push(TokenKind::string, begin + 1, end - 1).at = at(begin, end);
  }

  void tag_or_product() {
    if (starts_name(peek(1))) {
      u32 begin = pos_++;
      while (in_name(peek())) ++pos_;
      push(TokenKind::tag, begin + 1, pos_).at = at(begin, pos_);
    } else if (peek(1) == '"') {
      push(TokenKind::tag, pos_, pos_).at = at(pos_, pos_ + 1);
      ++pos_;
    } else symbol();
  }

  void symbol() {
    for (std::string_view s : symbols)
      if (text_.substr(pos_, s.size()) == s) {
        pos_ += static_cast<u32>(s.size());
        return bracket(s, pos_ - static_cast<u32>(s.size()));
      }
    u32 begin = pos_++;
    while (static_cast<unsigned char>(peek()) >= 0x80) ++pos_;
    error(at(begin, pos_), fmt::format("`{}` has no meaning here", text_.substr(begin, pos_ - begin)));
  }

  static size_t kind_of(std::string_view bracket) {
    return bracket == "(" || bracket == ")" ? 0 : bracket == "[" || bracket == "]" ? 1 : 2;
  }
  static std::string_view closer_of(std::string_view open) { return open == "(" ? ")" : open == "[" ? "]" : "}"; }

  void bracket(std::string_view s, u32 begin) {
    if (s == "(" || s == "[" || s == "{") {
      open_.push_back(static_cast<u32>(out_.tokens.size()));
      ++open_count_[kind_of(s)];
    } else if (s == ")" || s == "]" || s == "}") {
      bool known = open_count_[kind_of(s)] > 0;
      // A parenthesis may not close over a block: `( {` then `)` means that the brace is missing only if no `}`
      // follows.
      if (!known || (s != "}" && out_.tokens[open_.back()].text == "{"))
        return error(at(begin, pos_), fmt::format("`{}` closes nothing", s));
      while (closer_of(out_.tokens[open_.back()].text) != s) close_missing(begin);
      open_.pop_back();
      --open_count_[kind_of(s)];
    }
    push(TokenKind::symbol, begin, pos_);
  }

  // Reports the innermost open bracket and puts its other half in.
  void close_missing(u32 where) {
    Token& open = out_.tokens[open_.back()];
    open_.pop_back();
    --open_count_[kind_of(open.text)];
    error(open.at, fmt::format("this `{}` is never closed", open.text));
    open.reported = true;
    auto closer = closer_of(open.text);
    out_.tokens.push_back(
        {.kind = TokenKind::symbol, .text = closer, .at = at(where, where), .offset = where, .reported = true});
  }

  void balance_rest() {
    while (!open_.empty()) close_missing(pos_);
  }

  void drop_newlines() {
    std::vector<Token> kept;
    for (size_t i = 0; i < out_.tokens.size(); ++i) {
      Token const& token = out_.tokens[i];
      if (token.kind == TokenKind::newline && token.text.empty() && continues(kept, i)) continue;
      kept.push_back(token);
    }
    out_.tokens = std::move(kept);
  }

  // Does the statement go on over the newline at index `i`?
  bool continues(std::vector<Token> const& before, size_t i) const {
    if (before.empty() || before.back().kind == TokenKind::newline) return true;
    Token const& last = before.back();
    if (last.is(",") || last.is("=") || last.is("<-") || is_binary_operator(last)) return true;
    while (i < out_.tokens.size() && out_.tokens[i].kind == TokenKind::newline && out_.tokens[i].text.empty()) ++i;
    Token const& next = out_.tokens[i];
    if (next.kind == TokenKind::tag || next.is("else") || next.is("{")) return true;
    return is_binary_operator(next) && !next.is("-");
  }

  std::string_view text_;
  u32 file_, pos_, line_, line_start_;
  u32 broken_line_ = 0; // its braces in strings do not fit together
  std::string_view doc_;
  u32 doc_begin_ = 0;
  std::vector<u32> open_;           // indices of the brackets that are open
  std::array<u32, 3> open_count_{}; // of each kind among them
  Lexed out_;
};

} // namespace

size_t end_of_nested(std::string_view text, size_t begin) {
  std::vector<char> open; // a quote or a brace each
  for (size_t p = begin; p < text.size() && text[p] != '\n'; ++p) {
    char c = text[p];
    bool in_string = !open.empty() && open.back() == '"';
    if (in_string && c == '\\' && p + 1 < text.size() && text[p + 1] != '\n') ++p;
    else if (c == (in_string ? '"' : '}') && !open.empty()) open.pop_back();
    else if (c == '{' || c == '"') open.push_back(c);
    if (open.empty()) return p + 1;
  }
  return std::string_view::npos;
}

bool is_reserved(std::string_view word) {
  return std::find(reserved_words.begin(), reserved_words.end(), word) != reserved_words.end();
}

std::span<char const* const> reserved() { return reserved_words; }

bool is_binary_operator(Token const& token) {
  if (token.kind == TokenKind::keyword) return token.text == "and" || token.text == "or";
  if (token.kind != TokenKind::symbol) return false;
  return std::find(binary_operators.begin(), binary_operators.end(), token.text) != binary_operators.end();
}

namespace {

// The place of the first byte that is no text, if there is one.
std::optional<Diagnostic> not_text(std::string_view text, u32 file) {
  u32 line = 1, column = 1;
  for (size_t i = 0; i < text.size();) {
    size_t length = character_length(text.substr(i));
    if (length == 0)
      return Diagnostic{.at = {file, line, column, 1},
                        .message = fmt::format("expected UTF-8, found the byte \\x{:02x}", static_cast<u8>(text[i]))};
    column = text[i] == '\n' ? 1 : column + static_cast<u32>(length);
    line += text[i] == '\n';
    i += length;
  }
  return {};
}

} // namespace

Lexed lex(Sources const& sources, u32 file) {
  auto const& text = sources.text(file);
  if (auto bad = not_text(text, file)) { // a file of another kind: one mistake, not thousands
    Lexed out = Lexer("", file, 0, 0, {file, 1, 1, 0}).run();
    out.diagnostics.push_back(std::move(*bad));
    return out;
  }
  return Lexer(text, file, 0, static_cast<u32>(text.size()), {file, 1, 1, 0}).run();
}

Lexed lex_part(Sources const& sources, u32 file, u32 begin, u32 end, Location start) {
  return Lexer(sources.text(file), file, begin, end, start).run();
}

} // namespace nnc
