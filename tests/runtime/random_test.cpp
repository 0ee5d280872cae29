// The random words and the order of the examples.
#include "runtime/random.h"

#include "ir/diagnostic.h"

#include <doctest/doctest.h>

#include <algorithm>

using namespace nnc;

// The known answers that the authors distribute with their library Random123.
TEST_CASE("philox4x32-10 gives the words of the paper's library") {
  CHECK(philox({0, 0, 0, 0}, {0, 0}) == std::array<u32, 4>{0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8});
  u32 const ones = 0xffffffff;
  CHECK(philox({ones, ones, ones, ones}, {ones, ones}) ==
        std::array<u32, 4>{0x408f276d, 0x41c83b0e, 0xa20bc7c6, 0x6d5451fd});
  CHECK(philox({0x243f6a88, 0x85a308d3, 0x13198a2e, 0x03707344}, {0xa4093822, 0x299f31d0}) ==
        std::array<u32, 4>{0xd16cfe09, 0x94fdcceb, 0x5001e420, 0x24126ea1});
}

TEST_CASE("a shuffle is a permutation that depends on seed and epoch alone") {
  auto const rows = shuffled_rows(1000, 7, 1);
  CHECK(rows == shuffled_rows(1000, 7, 1));
  CHECK(rows != shuffled_rows(1000, 7, 2));
  CHECK(rows != shuffled_rows(1000, 8, 1));
  CHECK(rows != rows_in_order(1000));
  auto sorted = rows;
  std::ranges::sort(sorted);
  CHECK(sorted == rows_in_order(1000));
}

TEST_CASE("seeds that differ in the upper half alone give different orders") {
  CHECK(shuffled_rows(100, 1, 1) != shuffled_rows(100, 1 | u64{1} << 32, 1));
}

// The order of examples is part of the numerics contract: published digests rest on it.
TEST_CASE("the order of ten rows stays what it is") {
  CHECK(shuffled_rows(10, 0, 1) == std::vector<i32>{2, 7, 5, 4, 3, 0, 6, 8, 1, 9});
}

TEST_CASE("shuffles of nothing and of one row") {
  CHECK(shuffled_rows(0, 1, 1).empty());
  CHECK(shuffled_rows(1, 1, 1) == std::vector<i32>{0});
}

// 6,000 shuffles of 3 rows: each of the 6 orders is expected 1,000 times with a standard deviation of 29.
TEST_CASE("all orders are equally likely") {
  std::array<int, 27> counts{};
  for (u64 seed = 0; seed < 6000; ++seed) {
    auto const rows = shuffled_rows(3, seed, 1);
    ++counts[static_cast<size_t>(9 * rows[0] + 3 * rows[1] + rows[2])];
  }
  int orders = 0;
  for (int count : counts) {
    if (count == 0) continue;
    ++orders;
    CHECK(count > 1000 - 150);
    CHECK(count < 1000 + 150);
  }
  CHECK(orders == 6);
}

TEST_CASE("a row number has 31 bits") {
  CHECK_THROWS_WITH_AS(rows_in_order(i64{1} << 31),
                       "a data set may have up to 2147483647 examples, and this one has 2147483648", Error);
  CHECK_THROWS_AS(rows_in_order(-1), Error);
}
