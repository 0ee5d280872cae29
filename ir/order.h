// Orders of sums: part of a program, not of a schedule. ir/NUMERICS.md states them in words; this header is their
// plain f32 reference, which every kernel is compared with bit by bit.
//
// The reduced index space is walked with the outer reduced axes in order and the innermost one fastest; `extent` below
// is its length and `inner` the length of the innermost reduced axis.
//
//   chain       one accumulator, in index order
//   lanes       16 accumulators; element with innermost reduced index i goes to accumulator i mod 16; then the tree
//               s[l] += s[l + w] for w = 8, 4, 2, 1
//   blocks(n)   chain or lanes within each n consecutive values of the *outermost* reduced axis; the results of the
//               blocks are added in order, starting with the first block's
#pragma once

#include "ir/basic.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <string>

namespace nnc {

struct Order {
  enum class Kind : u8 { chain, lanes };
  Kind kind = Kind::chain;
  i64 block = 0; // 0: no blocks
  bool operator==(Order const&) const = default;
  std::string text() const; // "chain", "lanes", "blocks(256, chain)"
};

inline constexpr i64 order_lanes = 16;

// Combines a partial result with the next element, f32 as the kernels do it.
struct SumF32 {
  static constexpr f32 start = 0.0F;
  static f32 step(f32 acc, f32 x) { return acc + x; }
  static f32 join(f32 a, f32 b) { return a + b; }
};
struct ProductF32 {
  static constexpr f32 start = 1.0F;
  static f32 step(f32 acc, f32 x) { return acc * x; }
  static f32 join(f32 a, f32 b) { return a * b; }
};

// Reduces `outer * inner` elements `at(o, i)` (o: linear index of all reduced axes but the innermost) without blocks.
template <class Combine, class At>
f32 reduce_plain(Order::Kind kind, i64 outer, i64 inner, At at) {
  if (kind == Order::Kind::chain) {
    f32 acc = Combine::start;
    for (i64 o = 0; o < outer; ++o)
      for (i64 i = 0; i < inner; ++i) acc = Combine::step(acc, at(o, i));
    return acc;
  }
  std::array<f32, order_lanes> s;
  s.fill(Combine::start);
  for (i64 o = 0; o < outer; ++o)
    for (i64 i = 0; i < inner; ++i) s[i % order_lanes] = Combine::step(s[i % order_lanes], at(o, i));
  for (i64 w = order_lanes / 2; w >= 1; w /= 2)
    for (i64 l = 0; l < w; ++l) s[l] = Combine::join(s[l], s[l + w]);
  return s[0];
}

// The same with blocks over the outermost reduced axis, of extent `first`. `rest` is the number of elements of the
// reduced axes between the outermost and the innermost. A single reduced axis is both at once, and no case of this
// function: see reduce_one_axis.
template <class Combine, class At>
f32 reduce_in_order(Order order, i64 first, i64 rest, i64 inner, At at) { // at(f, r, i)
  auto part = [&](i64 begin, i64 end) {
    return reduce_plain<Combine>(order.kind, (end - begin) * rest, inner,
                                 [&](i64 o, i64 i) { return at(begin + o / rest, o % rest, i); });
  };
  if (order.block == 0 || first <= order.block) return part(0, first);
  f32 total = part(0, order.block);
  for (i64 b = order.block; b < first; b += order.block)
    total = Combine::join(total, part(b, std::min(first, b + order.block)));
  return total;
}

// One reduced axis: it is both the outermost (blocks) and the innermost (lanes; the lane counts from the block's
// start).
template <class Combine, class At>
f32 reduce_one_axis(Order order, i64 extent, At at) { // at(i)
  auto part = [&](i64 begin, i64 end) {
    return reduce_plain<Combine>(order.kind, 1, end - begin, [&](i64, i64 i) { return at(begin + i); });
  };
  if (order.block == 0 || extent <= order.block) return part(0, extent);
  f32 total = part(0, order.block);
  for (i64 b = order.block; b < extent; b += order.block)
    total = Combine::join(total, part(b, std::min(extent, b + order.block)));
  return total;
}

// A contraction of one output element: sum over k of a(k) * b(k), each step one fma.
template <class A, class B>
f32 dot_in_order(Order order, i64 extent, A a, B b) {
  auto part = [&](i64 begin, i64 end) -> f32 {
    if (order.kind == Order::Kind::chain) {
      f32 acc = 0.0F;
      for (i64 k = begin; k < end; ++k) acc = std::fma(a(k), b(k), acc);
      return acc;
    }
    std::array<f32, order_lanes> s{};
    for (i64 k = begin; k < end; ++k) s[(k - begin) % order_lanes] = std::fma(a(k), b(k), s[(k - begin) % order_lanes]);
    for (i64 w = order_lanes / 2; w >= 1; w /= 2)
      for (i64 l = 0; l < w; ++l) s[l] = s[l] + s[l + w];
    return s[0];
  };
  if (order.block == 0 || extent <= order.block) return part(0, extent);
  f32 total = part(0, order.block);
  for (i64 k = order.block; k < extent; k += order.block) total += part(k, std::min(extent, k + order.block));
  return total;
}

} // namespace nnc
