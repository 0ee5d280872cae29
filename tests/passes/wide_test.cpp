// Wide programs: how much is looked at grows with the number of nodes, not with its square. Work is counted, not timed.
#include "ir/builder.h"
#include "passes/cse.h"

#include <doctest/doctest.h>
#include <functional>

using namespace nnc;

namespace {

constexpr int wide = 8000;

using Make = std::function<ValueId(Builder&, ValueId x, i64 i)>;

// So many nodes that read the same value and differ in one thing alone.
Function many(Make const& make) {
  Function f;
  f.name = "f";
  Builder b(f);
  ValueId const x = b.argument("x", {DType::f32, {2 * wide, 2}}, Role::none);
  for (i64 i = 0; i < wide; ++i) b.result("y" + std::to_string(i), make(b, x, i), Role::none);
  return f;
}

std::vector<Dim> dims(i64 a, i64 b) { return {Dim(a), Dim(b)}; }

} // namespace

TEST_CASE("nodes that differ are told apart without being compared with each other") {
  struct Kind {
    size_t left; // how many nodes are no duplicates
    Make make;
  };
  Kind const kinds[] = {
      {wide,
       [](Builder& b, ValueId x, i64 i) { // a slice that starts elsewhere
         return b.make(OpCode::slice, {x}, {{"start", dims(i, 0)}, {"limit", dims(i + 1, 2)}});
       }},
      {wide,
       [](Builder& b, ValueId x, i64 i) {
         return b.make(OpCode::pad, {x, b.constant(DType::f32, 0)}, {{"low", dims(i, 0)}, {"high", dims(0, 0)}});
       }},
      {wide + 1, // one sum for all
       [](Builder& b, ValueId x, i64 i) {
         return b.broadcast(b.reduce(OpCode::reduce_sum, x, {0, 1}), {Dim(i + 1)}, {});
       }},
      {wide,
       [](Builder& b, ValueId x, i64 i) {
         return b.make(OpCode::mul, {x, b.constant(DType::f32, i)});
       }},
      {2 * wide,
       [](Builder& b, ValueId x, i64 i) {
         return b.make(OpCode::concat, {x, b.broadcast_scalar(b.constant(DType::f32, i), dims(1, 2))},
                       {{"axis", i64{0}}});
       }},
  };
  for (auto const& kind : kinds) {
    Function f = many(kind.make);
    size_t const nodes = f.body.nodes.size();
    i64 compared = 0;
    merge_duplicates(f, &compared);
    CHECK(compared <= static_cast<i64>(nodes)); // each duplicate meets what it is merged with
    CHECK(f.results.front().value != f.results.back().value);
    CHECK(f.body.nodes.size() == kind.left);
  }
}

TEST_CASE("a pair is looked at for each duplicate") {
  Function f = many([](Builder& b, ValueId x, i64) { return b.make(OpCode::exp, {x}); });
  i64 compared = 0;
  CHECK(merge_duplicates(f, &compared));
  CHECK(compared == wide - 1);
  CHECK(f.body.nodes.size() == 1);
}
