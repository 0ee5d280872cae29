// Sorting, random orders, and parts of a tensor from places on that are known at run time only: a whole program of
// each.
#include "tests/runtime/models.h"

#include <algorithm>
#include <cmath>
#include <doctest/doctest.h>
#include <numeric>

using namespace nnc;
using namespace nnc::test;

namespace {

template <class T>
std::vector<T> elements_of(Array const& a) {
  auto const elements = a.as<T>();
  return {elements.begin(), elements.end()};
}

} // namespace

TEST_CASE("a permutation has each number once, another one in every step and for every seed") {
  auto const text = "model m() { output a = permutation(100); output b = permutation(100) }";
  auto const drawn = [&](std::uint64_t seed) {
    SessionOptions options;
    options.seed = seed;
    auto const outputs = Session(Program::from_text(text), options).run({}, 1);
    return std::pair(elements_of<std::int32_t>(outputs.at(0)), elements_of<std::int32_t>(outputs.at(1)));
  };
  auto [a, b] = drawn(1);
  auto const other = drawn(2).first;
  CHECK(drawn(1).first == a);
  CHECK(a != b);
  CHECK(a != other);
  std::vector<std::int32_t> all(100);
  std::iota(all.begin(), all.end(), 0);
  CHECK(a != all);
  std::ranges::sort(a);
  std::ranges::sort(b);
  CHECK(a == all);
  CHECK(b == all);
}

TEST_CASE("top_k gives the largest first, of equals the first, and NaN only where nothing else is left") {
  Session session(Program::from_text(R"(
model m() {
  input x: f32[batch, 5]
  values, indices = top_k(x, 3)
  output values = values
  output indices = indices
})"));
  std::vector<float> const x{1, NAN, 3, 3, -INFINITY, NAN, NAN, NAN, 2, 2};
  auto const outputs = session.run({{"x", x}}, 2);
  auto const values = elements_of<float>(outputs.at(0));
  CHECK(std::vector(values.begin(), values.begin() + 5) == std::vector<float>{3, 3, 1, 2, 2});
  CHECK(std::isnan(values[5]));
  CHECK(elements_of<std::int32_t>(outputs.at(1)) == std::vector<std::int32_t>{2, 3, 0, 3, 4, 0});
}

TEST_CASE("starts at run time are clamped so that the part fits, and counted once") {
  Session session(Program::from_text(R"(
model m() {
  input x: f32[batch, 4]
  input at: f32[batch]
  start = i32(at)
  output own = dynamic_slice(x, start, 2, axis = 1, batch = 1)
  output same = dynamic_slice(x, start[0], 3, axis = 1)
  output with = dynamic_update(x, start[0], ones([batch, 3]), axis = 1)
})"));
  std::vector<float> const x{0, 1, 2, 3, 10, 11, 12, 13};
  auto outputs = session.run({{"x", x}, {"at", std::vector<float>{1, 0}}}, 2);
  CHECK(session.clamped() == 0);
  CHECK(elements_of<float>(outputs.at(0)) == std::vector<float>{1, 2, 10, 11});
  CHECK(elements_of<float>(outputs.at(1)) == std::vector<float>{1, 2, 3, 11, 12, 13});
  CHECK(elements_of<float>(outputs.at(2)) == std::vector<float>{0, 1, 1, 1, 10, 1, 1, 1});
  outputs = session.run({{"x", x}, {"at", std::vector<float>{3, -7}}}, 2);
  CHECK(session.clamped() > 0);
  CHECK(elements_of<float>(outputs.at(0)) == std::vector<float>{2, 3, 10, 11});
  CHECK(elements_of<float>(outputs.at(1)) == std::vector<float>{1, 2, 3, 11, 12, 13});
  CHECK(elements_of<float>(outputs.at(2)) == std::vector<float>{0, 1, 1, 1, 10, 1, 1, 1});
}

TEST_CASE("a column that holds starts of runs is checked against the last one that fits") {
  Session session(Program::from_text(R"(
model m() {
  input x: f32[batch, 4]
  input start: i32[batch]
  output y = dynamic_slice(x, start, 2, axis = 1, batch = 1)
})"));
  std::vector<float> const x{0, 1, 2, 3};
  CHECK(elements_of<float>(session.run({{"x", x}, {"start", std::vector<std::int32_t>{2}}}, 1).at(0)) ==
        std::vector<float>{2, 3});
  auto const text = failure_of([&] { session.run({{"x", x}, {"start", std::vector<std::int32_t>{3}}}, 1); });
  CHECK_MESSAGE(text.find("has 3, expected 0 to 2") != std::string::npos, text);
}
