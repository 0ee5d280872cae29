#include "codegen/lower/blocks.h"

#include <algorithm>
#include <bit>

namespace nnc {
namespace {

constexpr i64 most_levels = 40; // no run adds 2^40 blocks of one sum

// Once for each value, or not at all.
template <class Body>
void each_value(Puller& p, Levels const& levels, Ref condition, Body body) {
  auto& b = p.builder();
  auto const& joins = levels.joins;
  bool const alike = std::ranges::all_of(joins, [&](OpCode op) { return op == joins[0]; });
  i64 const rolled = alike ? static_cast<i64>(joins.size()) : 1;
  auto loop = p.open(b.integer(0), b.compute(OpCode::select, {condition, b.integer(rolled), b.integer(0)}));
  if (alike) body(b.multiply(loop.index, i64{levels.type.lanes}), joins[0]);
  else
    for (size_t i = 0; i < joins.size(); ++i) body(b.integer(static_cast<i64>(i) * levels.type.lanes), joins[i]);
  p.close();
}

} // namespace

i64 places_for(std::optional<i64> blocks) {
  if (!blocks) return most_levels + 1;
  return std::max<i64>(1, std::bit_width(static_cast<u64>(std::max<i64>(*blocks, 1) - 1))) + 1;
}

Ref place_of(LoopBuilder& b, Levels const& levels, BlockOfMany const& block) {
  Ref odd = b.remainder(block.number, b.integer(2));
  return b.add(block.base, b.multiply(odd, (levels.places - 1) * levels.stride()));
}

// Of the bits that the last block walks over some may not be set: what stands at those levels is not taken.
void join_block(Puller& p, Levels const& levels, BlockOfMany const& block) {
  auto& b = p.builder();
  Ref zero = b.integer(0), next = b.add(block.number, b.integer(1));
  Ref last = b.compute(OpCode::eq, {next, block.count});
  Ref lowest = b.compute(OpCode::and_, {next, b.subtract(zero, next)});
  Ref free = b.subtract(b.bit_width(lowest), b.integer(1)); // the lowest bit of the number that is not set
  Ref end = b.compute(OpCode::select, {last, b.bit_width(block.number), free});
  Ref here = place_of(b, levels, block);
  auto place = [&](Ref level) { return b.add(block.base, b.multiply(level, levels.stride())); };
  auto load = [&](Ref from) { return b.load(levels.buffer, levels.type.dtype, levels.type.lanes, from); };

  auto loop = p.open(zero, end, 1, {block.number});
  Ref bits = loop.carried[0], waits = b.compute(OpCode::eq, {b.remainder(bits, b.integer(2)), b.integer(1)});
  Ref below = place(loop.index);
  each_value(p, levels, waits, [&](Ref i, OpCode join) {
    Ref at = b.add(here, i);
    b.store(levels.buffer, at, b.compute(join, {load(b.add(below, i)), load(at)}));
  });
  p.close({b.quotient(bits, b.integer(2))});

  Ref there = place(b.compute(OpCode::select, {last, zero, free}));
  each_value(p, levels, b.compute(OpCode::ne, {there, here}),
             [&](Ref i, OpCode) { b.store(levels.buffer, b.add(there, i), load(b.add(here, i))); });
}

LinearSum linear_sum(Order order, Shape const& summed) {
  LinearSum sum{order, 1, element_count(summed)};
  if (order.block == 0) return sum;
  auto cut = summed.begin() + order.axis;
  sum.order.block *= element_count({cut + 1, summed.end()}).constant().value();
  sum.order.axis = order.axis > 0;
  sum.outer = element_count({summed.begin(), cut});
  sum.period = element_count({cut, summed.end()});
  return sum;
}

} // namespace nnc
