// The text form: it reads back to what was printed, and a mistake gets its place.
#include "ir/builder.h"
#include "ir/text.h"
#include "ir/text/literal.h"
#include "ir/verify.h"

#include <doctest/doctest.h>
#include <limits>

using namespace nnc;
using namespace std::string_literals;

namespace {

std::string first_error(std::string const& text) {
  auto p = parse_ir("t.ir", text);
  REQUIRE(!p.diagnostics.empty());
  return render(p.diagnostics.front(), *p.module.sources);
}

void round_trips(std::string const& text) {
  auto p = parse_ir("t.ir", text);
  INFO(render(p.diagnostics, *p.module.sources));
  REQUIRE(p.diagnostics.empty());
  CHECK(verify(p.module).empty());
  CHECK(print(p.module) == text);
}

} // namespace

TEST_CASE("a module prints as it was read") {
  round_trips(R"(module {batch=32}
target {cpu="x86-64-v3", features="", l1=32768, l2=1048576, registers=16, triple="x86_64-unknown-linux-gnu", vector_bytes=32}
training {batch=128, epochs=5, model="mlp", steps=10, order="file"}
  minimize loss over dense.weight, dense.bias
  scalar adam.lr = 0.001

func @head(%x: f32[batch,784] input, %dense.weight: f32[784,10] param) -> (top: f32[batch] output) {
  %z = dot %x, %dense.weight {contract_lhs=[1], contract_rhs=[0]} : f32[batch,10]       # mlp.nn:8
  %top = reduce_max %z {axes=[1]} : f32[batch]                                          # mlp.nn:9
  return %top
}
)");
}

TEST_CASE("literals state their dtype only where it differs") {
  round_trips(R"(func @f(%x: f32[3], %i: i32[3]) -> (y: f32[3], j: i32[3], k: f32[]) {
  %0 = add %x, 0.1 : f32[3]
  %1 = gt %x, -0 : bool[3]
  %2 = select %1, %0, 1e-08:f32 : f32[3]
  %3 = mul %i, -7 : i32[3]
  %4 = max %2, -inf : f32[3]
  %5 = min %4, nan : f32[3]
  return %5, %3, 1:f32
}
)");
}

TEST_CASE("kernels, places, orders and slots") {
  round_trips(
      R"(func @train_step(%x: f32[batch,4], %w: f32[4,2] param, %lr: f64[] scalar) -> (y: f32[batch,2], w: f32[4,2] param) {slots=[8*batch, 64], locals=1, scratch=4096, threads=2} {
  %0 = kernel %lr {kind="scalars", places=[local(0)]} {
    %0 = convert %lr : f32[]
  }
  %2 = kernel %x, %w {kind="contract", places=[slot(0)]} {
    %1 = dot %x, %w {contract_lhs=[1], contract_rhs=[0], order=blocks(256, chain)} : f32[batch,2]
    %2 = add %1, 1 : f32[batch,2]
  }
  %y = kernel %2 {kind="pointwise", places=[result(0)], barrier=true} {
    %y = neg %2 : f32[batch,2]
  }
  %w_2 = kernel %w, %0 {kind="pointwise", places=[argument(1)]} {
    %w_2 = mul %w, %0 : f32[4,2]
  }
  return %y, %w_2
}
)");
}

TEST_CASE("names and files that are no words are quoted") {
  round_trips(R"(training {batch=32, epochs=1, model="m"}
  minimize loss over "a, b.weight", b.weight
  scalar "o p.lr" = 0.1

func @"update.a, b.weight"(%p: f32[3] param, %g: f32[3] gradient, %"o p.lr": f64[] scalar) -> (p: f32[3] param, "\"q\\\n": f32[3]) {
  %0 = neg %g : f32[3]                                                                  # "my model.nn":7
  %1 = sub %p, %g : f32[3]                                                              # "a\"b.nn":8
  return %0, %1
}
)");
}

TEST_CASE("what does not show is spelled out in strings, and read again") {
  for (std::string name :
       {std::string("\x1b[2J"), std::string("a\tb\r\n"), std::string("\xE2\x80\xAE"), std::string("\xFF\xC3"),
        std::string("\\x1b\\n"), std::string("\xC3\xA4 b"), std::string("\\")}) {
    Module m;
    m.sources = std::make_shared<Sources>();
    Function& f = m.functions.emplace_back();
    f.name = "f";
    Builder b(f);
    ValueId x = b.argument(name, {DType::f32, {}}, Role::none);
    b.at = {m.sources->add(name + ".nn", ""), 7, 1, 0};
    b.result("y", b.make(OpCode::neg, {x}), Role::none);
    std::string const text = print(m);
    for (char c : text) CHECK((c == '\n' || (static_cast<unsigned char>(c) >= 0x20 && c != 0x7f)));
    CHECK(text.find("\xE2\x80\xAE") == std::string::npos);
    auto const again = parse_ir("t.ir", text);
    CHECK(again.diagnostics.empty());
    REQUIRE(again.module.functions.size() == 1);
    CHECK(again.module.functions[0].values[0].name == name);
    CHECK(again.module.sources->name(again.module.functions[0].body.nodes[0].at.file) == name + ".nn");
    CHECK(print(again.module) == text);
  }
}

TEST_CASE("values that share a name are numbered") {
  Module m;
  Function& f = m.functions.emplace_back();
  f.name = "f";
  Builder b(f);
  ValueId y = b.argument("x", {DType::f32, {}}, Role::none);
  for (int i = 0; i < 20'000; ++i) y = b.make(OpCode::neg, {y}, {}, {}, "x");
  b.result("y", y, Role::none);
  std::string text = print(m);
  CHECK(text.find("%x_2 = neg %x : f32[]\n  %x_3 = neg %x_2") != std::string::npos);
  CHECK(text.find("return %x_20001") != std::string::npos);
}

TEST_CASE("a comment that looks like a place and is none") {
  for (std::string comment :
       {"\"a\" and \"b\":9", "\"a:9", "\"a\\\":9", "\":9", "see line:9", ":9", "a.nn:0", "a.nn:"}) {
    auto p = parse_ir("t.ir",
                      "func @f(%x: f32[]) -> (y: f32[]) {\n  %y = neg %x : f32[]  # " + comment + "\n  return %y\n}\n");
    CAPTURE(comment);
    REQUIRE(p.diagnostics.empty());
    CHECK(p.module.sources->name(p.module.functions[0].body.nodes[0].at.file) == "t.ir");
  }
}

TEST_CASE("a wrong line is reported at its place") {
  CHECK(first_error("func @f(%x: f32[]) -> (y: f32[]) {\n  %y = neg %x : f32[] \0\n"s) ==
        "t.ir:2:23: error: expected text, found a zero byte\n  2 |   %y = neg %x : f32[] \\x00\n    |                  "
        "    "
        " ^~~~\n");
  CHECK(first_error("func @f(%x: f32[3]) -> () {\n  %\"a\\").find("t.ir:2:7: error: this string is never closed") == 0);
  CHECK(first_error("func @f(%x: f32[3]) -> (y: f32[3]) {\n  %y = ad %x, 1 : f32[3]\n  return %y\n}\n")
            .find("t.ir:2:8: error: unknown operator 'ad'") == 0);
  CHECK(first_error("func @f(%x: f32[3]) -> (y: f32[3]) {\n  %y = add %z, 1 : f32[3]\n  return %y\n}\n")
            .find("unknown value %z") != std::string::npos);
  CHECK(first_error("func @f(%x: f32[3]) -> (y: f32[4]) {\n  %y = add %x, 1 : f32[4]\n  return %y\n}\n")
            .find("add gives f32[3], but f32[4] is stated") != std::string::npos);
  CHECK(first_error("func @f(%x: f32[3]) -> (y: i32[3]) {\n  return %x\n}\n")
            .find("result y is i32[3], but f32[3] is returned") != std::string::npos);
  CHECK(first_error("func @f(%x: q8[3]) -> () {\n}\n").find("unknown dtype 'q8'") != std::string::npos);
}

TEST_CASE("errors in several functions are all reported") {
  auto p = parse_ir(
      "t.ir",
      "func @f(%x: f32[3]) -> (y: f32[3]) {\n  return %a\n}\nfunc @g(%x: f32[3]) -> (y: f32[3]) {\n  return %b\n}\n");
  CHECK(p.diagnostics.size() == 2);
}

TEST_CASE("any prefix of a text is read without a crash") {
  std::string const text =
      "target {cpu=\"a\", l1=1}\nfunc @f(%x: f32[3,batch]) -> (y: f32[3,batch]) {slots=[4], locals=1, scratch=64} {\n"
      "  %y = kernel %x {kind=\"pointwise\", places=[slot(0)]} {\n    %y = add %x, 1:f32 : f32[3,batch] # a.nn:3\n  "
      "}\n  "
      "return %y\n}\n";
  for (size_t n = 0; n <= text.size(); ++n) (void)parse_ir("t.ir", text.substr(0, n));
}

TEST_CASE("a literal is rounded first, and then is in the range of its dtype or is not") {
  auto value = [](DType d, std::string_view text) {
    auto const s = parse_literal(d, text);
    return s ? s->f : std::numeric_limits<f64>::quiet_NaN();
  };
  f64 const largest_f32 = std::numeric_limits<f32>::max(), largest_bf16 = 0x1.fep127;
  for (auto text : {"3.4028235e38", "3.40282347e+38", "3.4028235e+38"}) CHECK(value(DType::f32, text) == largest_f32);
  CHECK(value(DType::f16, "65519.9") == 65504);
  CHECK(value(DType::bf16, "3.39e38") == largest_bf16);
  CHECK(value(DType::f16, "inf") == std::numeric_limits<f64>::infinity());
  CHECK_FALSE(parse_literal(DType::f32, "3.4028236e38"));
  CHECK_FALSE(parse_literal(DType::f16, "65520"));
  CHECK_FALSE(parse_literal(DType::bf16, "-3.3962e38"));
  for (auto [d, largest] : {std::pair{DType::f32, largest_f32},
                            {DType::f16, 65504},
                            {DType::bf16, largest_bf16},
                            {DType::f64, std::numeric_limits<f64>::max()}})
    for (f64 x : {largest, -largest}) CHECK(value(d, literal_text(d, {.f = x})) == x);
}

TEST_CASE("the arguments of a region are read and printed") {
  std::string const text = R"(func @f(%p: bool[], %x: f32[4]) -> (y: f32[4]) {
  %y = cond %p, %x : f32[4] (%a: f32[4], %0: i32[]) {
    %1 = add %a, %x : f32[4]
    -> %1
  } (%b: f32[4], %2: i32[]) {
    -> %b
  }
  return %y
}
)";
  auto p = parse_ir("t.ir", text);
  REQUIRE(p.diagnostics.empty());
  CHECK(p.module.functions[0].body.nodes[0].regions[1].arguments.size() == 2);
  CHECK(print(p.module) == text);
}

TEST_CASE("regions nest a hundred deep and no deeper") {
  auto nested = [](int depth) {
    std::string text = "func @f(%p: bool[], %x: f32[4]) -> (y: f32[4]) {\n";
    for (int i = 0; i < depth; ++i) text += "%v" + std::to_string(i) + " = cond %p, %x, %p : f32[4] {\n";
    for (int i = depth; i-- > 0;)
      text += (i + 1 < depth ? "-> %v" + std::to_string(i + 1) : "-> %x") + "\n} {\n-> %x\n}\n";
    return parse_ir("t.ir", text + "return %v0\n}\n");
  };
  CHECK(nested(100).diagnostics.empty());
  auto const deeper = nested(101).diagnostics;
  REQUIRE(deeper.size() == 1);
  CHECK(deeper[0].message == "regions nest more than 100 deep");
}
