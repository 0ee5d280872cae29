// Every operator of the table: its entry is complete, its samples are well typed, evaluate, print and parse back, and
// what its entry says must be refused is refused.
#include "ir/evaluate.h"
#include "ir/text.h"
#include "ir/verify.h"
#include "tests/props/samples.h"

#include <cmath>
#include <doctest/doctest.h>
#include <set>

using namespace nnc;
using namespace nnc::props;

TEST_CASE("every entry is complete") {
  std::set<std::string_view> names;
  for (auto code : all_ops()) {
    Op const& op = info(code);
    INFO(op.name);
    CHECK(names.insert(op.name).second);
    CHECK(op_named(op.name) == code);
    CHECK_FALSE(op.doc.empty());
    for (auto const& a : op.attributes) CHECK_FALSE(a.doc.empty());
    if (op.has(structural)) continue;
    CHECK(bool(op.type));
    CHECK(bool(op.evaluate));
    CHECK_MESSAGE((op.gradient != nullptr) != op.has(no_derivative), "a gradient, or the decision to have none");
    REQUIRE(bool(op.samples));
    CHECK_FALSE(op.samples().empty());
    REQUIRE(bool(op.errors));
    CHECK_FALSE(op.errors().empty());
    // Exact operators have nothing to say about their accuracy; the others say it, but sums, whose order says all.
    bool sums = op.has(reduces) || op.has(contracts) || op.has(accumulates);
    CHECK(op.accuracy.empty() == (op.has(exact) || sums));
  }
}

TEST_CASE("every sample is well typed, prints and parses back") {
  size_t count = for_each_sample([](OpCode code, Sample const& s, std::string const& what) {
    INFO(what);
    Module m = module_of(code, s);
    CHECK(verify(m).empty());
    std::string text = print(m);
    INFO(text);
    auto again = parse_ir("sample.ir", text);
    CHECK(render(again.diagnostics, *again.module.sources) == "");
    CHECK(print(again.module) == text);
    CHECK(verify(again.module).empty());
  });
  CHECK(count > 200);
}

TEST_CASE("every sample evaluates to tensors of its result's type, the same ones after a trip through text") {
  for_each_sample([](OpCode code, Sample const& s, std::string const& what) {
    INFO(what);
    Module m = module_of(code, s);
    auto inputs = draw_operands(s, 7);
    Tensor y = evaluate(m, m.functions[0], inputs).at(0);
    Type const& t = m.functions[0].type(m.functions[0].results[0].value);
    CHECK(y.dtype == t.dtype);
    CHECK(y.shape == extents_of(t));
    CHECK(y.size() == count_of(y.shape));
    for (f64 x : y.f) CHECK(round_to(t.dtype, x) == x); // false for NaN: the ranges of the samples keep values finite
    for (i64 i : y.i) CHECK(wrap_to(t.dtype, i) == i);
    auto again = parse_ir("sample.ir", print(m)).module;
    Tensor z = evaluate(again, again.functions[0], inputs).at(0);
    CHECK(z.f == y.f);
    CHECK(z.i == y.i);
  });
}

TEST_CASE("what must be refused is refused, with its message") {
  for (auto code : all_ops()) {
    if (!info(code).errors) continue;
    for (auto const& refusal : info(code).errors()) {
      Sample const& s = refusal.sample;
      INFO(described(code, 0, s) << " should say: " << refusal.message);
      std::string message;
      try {
        (void)result_types(code, s.operands, s.attributes, s.stated ? &*s.stated : nullptr);
      } catch (Error const& e) {
        message = e.what();
      }
      CHECK(message.find(refusal.message) != std::string::npos);
    }
  }
}
