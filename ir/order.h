// Orders of sums: part of a program, not of a schedule. ir/NUMERICS.md states them in words; this header is their
// plain reference, which every kernel is compared with bit by bit. f32 and f64 sums are taken in their own type; narrow
// floats are sums in f32, rounded once (pass `widen`); sums of ints wrap, so that their order does not matter.
//
// The elements of a sum are numbered row-major over its reduced extents, the last one fastest.
//
//   chain              one accumulator, in the order of the numbers
//   lanes              16 accumulators; the element that stands i places behind the first of its row goes to
//                      accumulator i mod 16; then the tree s[l] += s[l + w] for w = 8, 4, 2, 1. A row is the last
//                      reduced axis of a reduce and all of the sum of a dot; a block that is part of a row counts from
//                      its own first element
//   blocks(n, K, a)    the reduced axis number a is cut into runs of n values (the last run may be shorter); a run,
//                      with all of the axes behind a, is a block, summed as K says. The axes in front of a number the
//                      blocks, so that no block reaches over a step of one of them. The results of the blocks are
//                      joined in pairs, number 2i with 2i + 1, an odd last one as it is, and so again until one is left
#pragma once

#include "ir/basic.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <optional>
#include <span>
#include <string>
#include <vector>

namespace nnc {

struct Order {
  enum class Kind : u8 { chain, lanes };
  Kind kind = Kind::chain;
  i64 block = 0; // values of a run; 0: no blocks
  i64 axis = 0;  // which of the reduced axes is cut
  bool operator==(Order const&) const = default;
  std::string text() const; // "chain", "lanes", "blocks(256, chain)", "blocks(9, chain, 1)"
};

inline constexpr i64 order_lanes = 16;
// So few columns of a product do not fill a vector: the lanes then run along its sum.
inline constexpr i64 few_columns = 4;

// Blocks as ranges of element numbers.
struct BlockRanges {
  i64 total = 0;  // elements of the sum
  i64 period = 0; // no block reaches over a multiple of this
  i64 length = 0; // elements of a block, unless a period ends
  i64 per_period() const { return (period + length - 1) / length; }
  i64 count() const { return total == 0 ? 0 : total / period * per_period(); }
  i64 begin(i64 b) const { return b / per_period() * period + b % per_period() * length; }
  i64 end(i64 b) const { return std::min(begin(b) + length, (b / per_period() + 1) * period); }
};

// Results of blocks wait at levels, as in a binary counter, until they are joined (codegen/lower/blocks.h): how many
// places a sum of so many blocks needs, with the one behind the levels. Nothing: the number is known at run time only.
i64 places_of_blocks(std::optional<i64> blocks);

inline i64 product_of(std::span<i64 const> extents) {
  i64 n = 1;
  for (i64 e : extents) n *= e;
  return n;
}

// Without blocks: all of it is one.
inline BlockRanges ranges_of(Order order, std::span<i64 const> extents) {
  i64 total = product_of(extents);
  if (order.block == 0) return {total, total, total};
  auto axis = static_cast<size_t>(order.axis);
  return {total, product_of(extents.subspan(axis)), order.block * product_of(extents.subspan(axis + 1))};
}

// Combines a partial result with the next element, as the kernels do it; T is f32 or f64.
template <class T>
struct Sum {
  using Number = T;
  static constexpr T start = 0;
  static T step(T acc, T x) { return acc + x; }
  static T join(T a, T b) { return a + b; }
};
template <class T>
struct Product {
  using Number = T;
  static constexpr T start = 1;
  static T step(T acc, T x) { return acc * x; }
  static T join(T a, T b) { return a * b; }
};

// The elements [begin, end), which are of one block. `row`: elements of a row.
template <class Combine, class Step>
typename Combine::Number block_in_order(Order::Kind kind, i64 begin, i64 end, i64 row, Step step) {
  using Number = typename Combine::Number;
  if (kind == Order::Kind::chain) {
    Number acc = Combine::start;
    for (i64 k = begin; k < end; ++k) acc = step(acc, k);
    return acc;
  }
  std::array<Number, order_lanes> s;
  s.fill(Combine::start);
  for (i64 k = begin; k < end; ++k) {
    Number& lane = s[static_cast<size_t>((k % row - begin % row) % order_lanes)];
    lane = step(lane, k);
  }
  for (size_t w = order_lanes / 2; w >= 1; w /= 2)
    for (size_t l = 0; l < w; ++l) s[l] = Combine::join(s[l], s[l + w]);
  return s[0];
}

// The results of the blocks, level by level.
template <class Combine>
typename Combine::Number join_in_pairs(std::vector<typename Combine::Number> parts) {
  while (parts.size() > 1) {
    std::vector<typename Combine::Number> next;
    for (size_t i = 0; i + 1 < parts.size(); i += 2) next.push_back(Combine::join(parts[i], parts[i + 1]));
    if (parts.size() % 2) next.push_back(parts.back());
    parts = std::move(next);
  }
  return parts.empty() ? Combine::start : parts.front();
}

template <class Combine, class Step>
typename Combine::Number in_order(Order order, std::span<i64 const> extents, i64 row, Step step) {
  auto ranges = ranges_of(order, extents);
  std::vector<typename Combine::Number> parts;
  for (i64 b = 0; b < ranges.count(); ++b)
    parts.push_back(block_in_order<Combine>(order.kind, ranges.begin(b), ranges.end(b), row, step));
  return join_in_pairs<Combine>(std::move(parts));
}

// Reduces the elements at(k).
template <class Combine, class At>
typename Combine::Number reduce_in_order(Order order, std::span<i64 const> extents, At at) {
  i64 row = extents.empty() ? 1 : extents.back();
  return in_order<Combine>(order, extents, row, [&](auto acc, i64 k) { return Combine::step(acc, at(k)); });
}

// A contraction of one output element: the sum of a(k) * b(k), f32 or f64, each step one fma.
template <class A, class B>
auto dot_in_order(Order order, std::span<i64 const> extents, A a, B b) {
  return in_order<Sum<decltype(a(i64{}))>>(order, extents, product_of(extents),
                                           [&](auto acc, i64 k) { return std::fma(a(k), b(k), acc); });
}

// The same where a(k) may be nothing: a tap outside of an image is no term. The sum ends with + 0, so that a zero has no
// sign. The elements are numbered as the node's `sum` says: taps, then channels, for a result and for the derivative of an
// image; images, then positions, for that of a kernel.
template <class A, class B>
auto convolution_in_order(Order order, std::span<i64 const> extents, A a, B b) {
  using T = decltype(b(i64{}));
  return T{0} + in_order<Sum<T>>(order, extents, product_of(extents), [&](T acc, i64 k) {
           std::optional<T> const x = a(k);
           return x ? std::fma(*x, b(k), acc) : acc;
         });
}

} // namespace nnc
