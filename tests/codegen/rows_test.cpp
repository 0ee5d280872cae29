// Kernels that go row by row: short rows that stay in registers, long ones with a buffer for what two walks need, rows
// of two axes, and a whole tensor as one row.
#include "tests/codegen/host.h"
#include "tests/props/samples.h"

using namespace nnc;

namespace {

bool goes_by_rows(Module const& m) {
  for (auto const& kernel : m.functions[0].body.nodes)
    if (is_kernel(kernel, KernelKind::rows)) return true;
  return false;
}

// Near the evaluator; the same bits from every width, every team and the interpreter.
void check(std::string const& text, std::vector<i64> const& shape, bool keeps_a_row) {
  Module parsed = host::parsed(text);
  props::Draw draw(9);
  Tensor x = Tensor::zeros(DType::f32, shape);
  for (auto& v : x.f) v = static_cast<f32>(draw.uniform(-3, 3));
  Tensor want = evaluate(parsed, parsed.functions[0], {x})[0];
  host::Bytes first;
  for (i64 width : {16, 32, 64}) {
    Module m = host::finished(parsed, host::with_vectors(width));
    INFO(print(m));
    CHECK(goes_by_rows(m));
    CHECK((emit(m, Emit::loops).find("store row(0)") != std::string::npos) == keeps_a_row);
    auto loaded = load(compile(m));
    for (int threads : {1, 3, 8}) {
      auto got = host::Call(m, m.functions[0], {x}, 1, threads).compiled(loaded->entry("f")).results[0];
      if (first.empty()) first = got;
      CHECK(got == first);
    }
    CHECK(host::Call(m, m.functions[0], {x}, 1, 2).interpreted(*m.target).results[0] == first);
  }
  Tensor got = host::unpacked(want.dtype, want.shape, first.data());
  // A sum of a few hundred f32 next to one of f64: some 10 roundings of 6e-8 in a tree.
  for (size_t k = 0; k < got.f.size(); ++k) CHECK(got.f[k] == doctest::Approx(want.f[k]).epsilon(2e-6));
}

std::string softmax(std::string const& n) {
  std::string t = "f32[batch," + n + "]";
  return "func @f(%x: " + t + ") -> (y: " + t + R"() {
  %top = reduce_max %x {axes=[1]} : f32[batch]
  %b = broadcast %top {axes=[0]} : )" +
         t + R"(
  %z = sub %x, %b : )" +
         t + R"(
  %e = exp %z : )" +
         t + R"(
  %sum = reduce_sum %e {axes=[1]} : f32[batch]
  %s = broadcast %sum {axes=[0]} : )" +
         t + R"(
  %y = div %e, %s : )" +
         t + R"(
  return %y
}
)";
}

} // namespace

TEST_CASE("a short row stays in registers") { check(softmax("10"), {5, 10}, false); }

TEST_CASE("a long row is kept in a buffer") { check(softmax("203"), {5, 203}, true); }

TEST_CASE("a row of two axes") {
  check(R"(func @f(%x: f32[batch,6,21]) -> (y: f32[batch,6,21]) {
  %e = exp %x : f32[batch,6,21]
  %sum = reduce_sum %e {axes=[1, 2]} : f32[batch]
  %s = broadcast %sum {axes=[0]} : f32[batch,6,21]
  %y = div %e, %s : f32[batch,6,21]
  return %y
}
)",
        {3, 6, 21}, true);
}

TEST_CASE("a whole tensor is one row") {
  check(R"(func @f(%x: f32[300]) -> (y: f32[300]) {
  %e = tanh %x : f32[300]
  %q = mul %e, %e : f32[300]
  %sum = reduce_sum %q {axes=[0]} : f32[]
  %y = div %e, %sum : f32[300]
  return %y
}
)",
        {300}, false); // fusion makes kernels of their own of what needs the sum
}
