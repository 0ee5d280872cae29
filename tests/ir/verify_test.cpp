// The verifier finds what a broken pass would leave behind.
#include "ir/builder.h"
#include "ir/text.h"
#include "ir/verify.h"

#include <doctest/doctest.h>

using namespace nnc;

namespace {

// f(x) = (x + 1) * 2
Module two_nodes() {
  Module m;
  auto& f = m.functions.emplace_back();
  f.name = "f";
  Builder b(f);
  auto x = b.argument("x", {DType::f32, {4}}, Role::none);
  auto y = b.make(OpCode::add, {x, b.constant(DType::f32, 1)});
  auto z = b.make(OpCode::mul, {y, b.constant(DType::f32, 2)});
  b.result("z", z, Role::none);
  return m;
}

bool complains(Module const& m, std::string_view part) {
  for (auto const& d : verify(m))
    if (d.message.find(part) != std::string::npos) return true;
  return false;
}

Node group(Function& f, std::vector<ValueId> operands, std::vector<ValueId> results) {
  Node k;
  k.op = OpCode::kernel;
  k.kernel = Kernel{.kind = KernelKind::pointwise};
  k.operands = std::move(operands);
  k.results = std::move(results);
  k.regions.push_back({.nodes = std::move(f.body.nodes)});
  f.body.nodes.clear();
  return k;
}

} // namespace

TEST_CASE("a fine module has no complaints") { CHECK(verify(two_nodes()).empty()); }

TEST_CASE("a use before its definition") {
  auto m = two_nodes();
  auto& nodes = m.functions[0].body.nodes;
  std::swap(nodes[0], nodes[1]);
  CHECK(complains(m, "before it is defined"));
}

TEST_CASE("a wrong type") {
  auto m = two_nodes();
  m.functions[0].values[m.functions[0].body.nodes[0].result()].type.shape = {5};
  CHECK(complains(m, "add gives f32[4]"));
}

TEST_CASE("a value that is defined twice") {
  auto m = two_nodes();
  m.functions[0].body.nodes.push_back(m.functions[0].body.nodes[0]);
  CHECK(complains(m, "is defined twice"));
}

TEST_CASE("a kernel lists exactly what it reads, and gives what it defines") {
  auto m = two_nodes();
  auto& f = m.functions[0];
  auto x = f.arguments[0].value, z = f.results[0].value;
  auto fine = m;
  fine.functions[0].body.nodes = {group(fine.functions[0], {x}, {z})};
  CHECK(verify(fine).empty());
  auto missing = m;
  missing.functions[0].body.nodes = {group(missing.functions[0], {}, {z})};
  CHECK(complains(missing, "exactly the values from outside"));
  auto hidden = m;
  hidden.functions[0].body.nodes = {group(hidden.functions[0], {x}, {})};
  CHECK(complains(hidden, "is not defined at the end"));
}

namespace {

// y = x, whose derivative is what @gradient.f says of dy and of `others`
Module with_derivative(i64 variables, Type const& takes, Type const& gives) {
  Module m;
  m.functions.resize(2);
  auto& f = m.functions[0];
  f.name = "f";
  Builder b(f);
  auto x = b.argument("x", {DType::f32, {4}}, Role::none);
  auto y = b.make_many(OpCode::with_gradient, {x, x},
                       {{"derivative", std::string("gradient.f")}, {"variables", variables}}, {{DType::f32, {4}}});
  b.result("y", y.front(), Role::none);
  auto& g = m.functions[1];
  g.name = "gradient.f";
  Builder of(g);
  of.argument("dy", takes, Role::none);
  of.result("dx", of.make(OpCode::iota, {}, {{"axis", i64{0}}}, gives), Role::none);
  return m;
}

} // namespace

TEST_CASE("a derivative of a function's own fits to what it derives") {
  Type const right{DType::f32, {4}}, wrong{DType::f32, {5}};
  CHECK(verify(with_derivative(1, right, right)).empty());
  CHECK(complains(with_derivative(1, wrong, right), "argument 1 of @gradient.f has another type"));
  CHECK(complains(with_derivative(1, right, wrong), "expected floats, f32[5]"));
  CHECK(complains(with_derivative(0, right, right), "at least one variable"));
  CHECK(complains(with_derivative(2, right, right), "a value for each result"));
  auto m = with_derivative(1, right, right);
  m.functions[1].name = "other";
  CHECK(complains(m, "does not exist"));
}

TEST_CASE("functions that name each other in a circle") {
  auto m = with_derivative(1, {DType::f32, {4}}, {DType::f32, {4}});
  auto& g = m.functions[1];
  Builder b(g);
  auto dy = g.arguments[0].value;
  b.make_many(OpCode::with_gradient, {dy, dy}, {{"derivative", std::string("gradient.g")}, {"variables", i64{1}}},
              {g.type(dy)});
  auto second = g;
  second.name = "gradient.g";
  second.body.nodes.back().attributes.set("derivative", std::string("gradient.f"));
  m.functions.push_back(second);
  CHECK(complains(m, "calls itself without an end"));
}

TEST_CASE("a kernel is as deep as code generation follows") {
  auto chain = [](int nodes) {
    std::string text = "func @f(%x: f32[4]) -> (y: f32[4]) {\n  %y = kernel %x {kind=\"pointwise\"} {\n";
    for (int i = 0; i < nodes; ++i)
      text += "    %" + (i + 1 < nodes ? "v" + std::to_string(i) : "y") + " = neg %" +
              (i > 0 ? "v" + std::to_string(i - 1) : "x") + " : f32[4]\n";
    return parse_ir("t.ir", text + "  }\n  return %y\n}\n").module;
  };
  CHECK(verify(chain(4000)).empty());
  CHECK(complains(chain(4001), "more than 4000 nodes of a kernel are computed from one another"));
}
