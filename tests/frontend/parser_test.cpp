// The lexer and the parser: what is accepted, how it groups, and that broken text gives one error for each cause.
#include "frontend/parser.h"

#include <doctest/doctest.h>
#include <fmt/core.h>

using namespace nnc;
using namespace nnc::syntax;

namespace {

struct Text {
  Sources sources;
  Parsed parsed;
  explicit Text(std::string text) : parsed(parse(sources, sources.add("test.nn", std::move(text)))) {}
  std::string errors() const {
    std::string out;
    for (auto const& d : parsed.diagnostics) out += fmt::format("{}:{}: {}\n", d.at.line, d.at.column, d.message);
    return out;
  }
};

// An expression with all its brackets, so that a test can see what belongs together.
std::string shown(Expr const& e);

std::string shown_call(CallExpr const& c) {
  std::string out = shown(*c.callee) + "(";
  for (size_t i = 0; i < c.arguments.size(); ++i) {
    auto const& a = c.arguments[i];
    out += (i ? ", " : "") + (a.name.empty() ? "" : a.name + "=") + (a.spread ? ".." : "") + shown(*a.value);
  }
  out += ")";
  if (c.tag)
    for (auto const& part : c.tag->text.parts) out += "@" + (part.expression ? shown(*part.expression) : part.text);
  return out;
}

std::string shown(Expr const& e) {
  if (auto* x = std::get_if<NameExpr>(&e.as)) return x->name;
  if (auto* x = std::get_if<NumberExpr>(&e.as))
    return x->is_integer ? std::to_string(x->integer) : fmt::format("{}", x->value);
  if (auto* x = std::get_if<UnaryExpr>(&e.as)) return "(" + x->op + " " + shown(*x->operand) + ")";
  if (auto* x = std::get_if<BinaryExpr>(&e.as))
    return "(" + shown(*x->left) + " " + x->op + " " + shown(*x->right) + ")";
  if (auto* x = std::get_if<CallExpr>(&e.as)) return shown_call(*x);
  if (auto* x = std::get_if<MemberExpr>(&e.as)) return shown(*x->base) + "." + x->member.text;
  if (auto* x = std::get_if<ChoiceExpr>(&e.as))
    return "if " + shown(*x->condition) + " " + shown(*x->yes) + " else " + shown(*x->no);
  if (auto* x = std::get_if<ListExpr>(&e.as)) {
    std::string out = "[";
    for (size_t i = 0; i < x->items.size(); ++i)
      out += (i ? ", " : "") + std::string(x->items[i].spread ? ".." : "") + shown(*x->items[i].value);
    return out + "]";
  }
  if (auto* x = std::get_if<IndexExpr>(&e.as)) {
    std::string out = shown(*x->base) + "[";
    for (size_t i = 0; i < x->indices.size(); ++i) {
      auto const& k = x->indices[i];
      out += i ? ", " : "";
      if (k.kind == Index::Kind::rest) out += "..";
      if (k.first) out += shown(*k.first);
      if (k.kind == Index::Kind::range)
        out += ":" + (k.last ? shown(*k.last) : "") + (k.stride ? ":" + shown(*k.stride) : "");
    }
    return out + "]";
  }
  if (std::holds_alternative<FunctionExpr>(e.as)) return "fn";
  if (std::holds_alternative<ScanExpr>(e.as)) return "scan";
  if (std::holds_alternative<StringExpr>(e.as)) return "string";
  return "constant";
}

std::string grouped(std::string const& expression) {
  Text t("const c = " + expression);
  if (!t.parsed.diagnostics.empty()) return t.errors();
  return shown(*t.parsed.file.consts.at(0)->value);
}

std::string broken(std::string const& body) {
  return Text("fn f(x) {\n" + body + "\n}\nfn g(x) { return x }").errors();
}

} // namespace

TEST_CASE("precedence") {
  CHECK(grouped("a + b * c") == "(a + (b * c))");
  CHECK(grouped("a - b - c") == "((a - b) - c)");
  CHECK(grouped("-x ^ 2") == "(- (x ^ 2))");
  CHECK(grouped("2 ^ -1") == "(2 ^ (- 1))");
  CHECK(grouped("2 ^ 3 ^ 4") == "(2 ^ (3 ^ 4))");
  CHECK(grouped("not a == b and c or d") == "(((not (a == b)) and c) or d)");
  CHECK(grouped("f32(image) / 255 |> flatten |> dense(10)") == "dense(flatten((f32(image) / 255)), 10)");
  CHECK(grouped("x @ w + b") == "((x @ w) + b)");
  CHECK(grouped("a // b % c") == "((a // b) % c)");
}

TEST_CASE("calls, tags, indices, lists, choices") {
  CHECK(grouped("dense(x, 10) @head") == "dense(x, 10)@head");
  CHECK(grouped("block(x) @\"b{i}\"") == "block(x)@b@i");
  CHECK(grouped("f(..xs, axis = 1, in = 2)") == "f(..xs, axis=1, in=2)");
  CHECK(grouped("x[0, :, 2:5, .., ::2, none]") == "x[0, :, 2:5, .., ::2, constant]");
  CHECK(grouped("[3, ..xs, y]") == "[3, ..xs, y]");
  CHECK(grouped("if a { 1 } else if b { 2 } else { 3 }") == "if a 1 else if b 2 else 3");
  CHECK(grouped("b.dense(x)") == "b.dense(x)");
  CHECK(grouped("(x |> dense(1))[:, 0]") == "dense(x, 1)[:, 0]");
}

TEST_CASE("lines go on over brackets, operators, tags and else") {
  CHECK(grouped("a +\n b") == "(a + b)");
  CHECK(grouped("a\n |> f\n |> g(1)\n @tag") == "g(f(a), 1)@tag");
  CHECK(grouped("f(a,\n b\n)") == "f(a, b)");
  CHECK(grouped("if a { 1 }\n else { 2 }") == "if a 1 else 2");
  Text two("fn f(a, b) {\n y = a\n - b\n}"); // `-` may begin an expression: two statements
  CHECK(two.errors() == "");
  CHECK(two.parsed.file.functions.at(0)->body.statements.size() == 2);
}

TEST_CASE("words are reserved only where they mean something") {
  CHECK(Text("fn f(param, state, input) { target = param; output = state; model = train; return output + input }")
            .errors() == "");
  CHECK(Text("fn f(x) { axis = 1; carry = over; phase = with; return x }").errors() == "");
}

TEST_CASE("the whole grammar parses, also what is not built yet") {
  Text t(R"(import "blocks.nn" as b
import "more.nn"
const width = 1_000
## documentation
## of two lines
fn lstm(x: float[b, t, d], hidden, ..rest) -> float[b, ..s] {
  h, c = zeros([b, hidden]), zeros([b, hidden])
  ys = scan xt, mt in x, mask axis 1 reverse carry h, c {
    h = sigmoid(xt) ; c = h
    emit h, c
  }
  fn local(y) { y }
  if training { return ys, h } else if x { return c } else { z = 1 }
  for p, q in zip(a, [1, 2]) { require p == q, "p is {p} and \{not} {f(q, "s")}" }
  y: f32[b, _, 2 * t, ..s] = local(h)
  return y
}
fn round_through(x: float[..]) { return round(x) } gradient (dy) { return dy }
optimizer sgd(lr = 0.1) { state m = zeros_like(p) ; m <- g ; p <- p - lr * m }
model net(hidden = 128) {
  input image: u8[batch, 28, 28]
  target label: i32[batch]
  state count: i32[] = 0 per epoch
  loss kl = mean(image)
  loss cross_entropy(image, label)
  metric accuracy(image, label)
  metric m = 3
  output probs = fn(h) { h }(image)
  output image
}
train net(hidden = 3) @small {
  phase 5 { minimize loss + kl over "critic.*", "b*" with adam(lr = 1e-3) @main }
  phase { minimize loss with sgd() }
  freeze "body.*"
  fresh "head.*", "x"
  average over "a" with ema(decay = 0.9)
  batch = 128; epochs = 5
  lr = plateau(1e-3, loss)
}
)");
  CHECK(t.errors() == "");
  auto const& f = t.parsed.file;
  CHECK(f.imports.size() == 2);
  CHECK(f.functions.at(0)->doc == "documentation\nof two lines");
  CHECK(f.functions.at(1)->gradient.has_value());
  CHECK(f.models.at(0)->body.statements.size() == 9);
  CHECK(f.trains.at(0)->body.size() == 8);
}

TEST_CASE("one error for each cause, and the parser goes on") {
  CHECK(broken("y = = 2\nz = 3 +") ==
        "2:5: expected an expression, found `=`\n4:1: expected an expression, found `}`\n");
  CHECK(broken("y = (1 + 2\nz = 3") == "2:5: this `(` is never closed\n");
  CHECK(broken("y = [1, 2\n") == "2:5: this `[` is never closed\n");
  CHECK(broken("y = 1)") == "2:6: `)` closes nothing\n");
  CHECK(broken("s = \"abc\nz = 4") == "2:5: this string is never closed\n");
  CHECK(broken("a < b < c") == "2:7: comparisons do not chain\n");
  CHECK(broken("x[0] = 3") == "2:1: expected a name in front of `=`\n");
  CHECK(broken("y = x @w") == "2:7: the tag `@w` stands behind something that is no call\n");
  CHECK(broken("y = 2 + a <- 1") == "2:11: `<-` writes a state and is a statement of its own\n");
  CHECK(broken("param loss: f32[] = 0") ==
        "2:7: expected a name that is not a reserved word, found the reserved word `loss`\n");
  CHECK(broken("y = 12abc") == "2:5: `12abc` is neither a number nor a name\n");
  CHECK(broken("y = a ? b") == "2:7: `?` has no meaning here\n");
  CHECK(broken("z: f32 = 3") == "2:4: expected a type such as `f32[n]`, found `f32`\n");
}

TEST_CASE("declarations after a broken one are still read") {
  Text t("modell a { x = }\nfn f( { }\nmodel b { output x = 1 }");
  CHECK(t.parsed.diagnostics.size() == 2);
  CHECK(t.parsed.file.models.size() == 1);
  CHECK(t.parsed.diagnostics.at(0).help == "did you mean `model`?");
}

TEST_CASE("hostile text is refused, never a crash") {
  std::string deep(100'000, '('), chain = "x", tower = "x";
  CHECK(Text("const c = " + deep).parsed.diagnostics.size() > 0);
  for (int i = 0; i < 20'000; ++i) chain += "+x", tower += "^x";
  CHECK(grouped(chain).find("nested too deeply") != std::string::npos);
  CHECK(grouped(tower).find("nested too deeply") != std::string::npos);
  std::string blocks;
  for (int i = 0; i < 20'000; ++i) blocks += "if a {";
  CHECK(broken(blocks).find("nested too deeply") != std::string::npos);
  for (int seed = 0; seed < 400; ++seed) { // bytes at random, and pieces of the language at random
    static char const* pieces[] = {"fn", "(",  ")", "{",  "}",  "[",  "]",    "\"",        "\n",  "x",
                                   "=",  "<-", "@", "@a", "..", "1",  "scan", "train t {", ";",   "|>",
                                   "-",  ",",  ":", "\\", "{",  "if", "else", "loss",      "\xff"};
    std::string text = seed % 2 ? "fn f(x) {" : "";
    unsigned state = 12345u + static_cast<unsigned>(seed);
    for (int i = 0; i < 60; ++i) {
      state = state * 1664525u + 1013904223u;
      text += pieces[(state >> 16) % (sizeof pieces / sizeof *pieces)];
      text += (state >> 8) % 3 ? " " : "";
    }
    Text t(text);
    for (auto const& d : t.parsed.diagnostics) CHECK(d.at.line >= 1);
  }
}
