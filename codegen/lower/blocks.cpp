#include "codegen/lower/blocks.h"

#include <bit>

namespace nnc {
namespace {

constexpr i64 most_levels = 40; // no run adds 2^40 blocks of one sum

} // namespace

i64 levels_for(std::optional<i64> blocks) {
  if (!blocks) return most_levels;
  return std::max<i64>(1, static_cast<i64>(std::bit_width(static_cast<u64>(std::max<i64>(*blocks, 1) - 1))));
}

// Of the bits that the last block walks over some may not be set: what stands at those levels is not taken.
void join_block(Puller& p, Levels const& levels, BlockOfMany const& block, std::vector<OpCode> const& joins,
                std::vector<Ref> values) {
  auto& b = p.builder();
  Ref zero = b.integer(0), next = b.add(block.number, b.integer(1));
  Ref last = b.compute(OpCode::eq, {next, block.count});
  Ref lowest = b.compute(OpCode::and_, {next, b.subtract(zero, next)});
  Ref free = b.subtract(b.bit_width(lowest), b.integer(1)); // the lowest bit of the number that is not set
  Ref end = b.compute(OpCode::select, {last, b.bit_width(block.number), free});
  auto at = [&](Ref level, size_t i) {
    return b.add(b.add(block.base, b.multiply(level, levels.stride)), b.integer(block.places[i]));
  };
  values.push_back(block.number);
  auto loop = p.open(zero, end, 1, values);
  Ref bits = loop.carried.back(), waits = b.compute(OpCode::eq, {b.remainder(bits, b.integer(2)), b.integer(1)});
  for (size_t i = 0; i < joins.size(); ++i) {
    Ref before = b.load(levels.buffer, levels.type.dtype, levels.type.lanes, at(loop.index, i));
    Ref joined = b.compute(joins[i], {before, loop.carried[i]});
    values[i] = b.compute(OpCode::select, {waits, joined, loop.carried[i]});
  }
  values.back() = b.quotient(bits, b.integer(2));
  values = p.close(values);
  Ref level = b.compute(OpCode::select, {last, zero, free});
  for (size_t i = 0; i < joins.size(); ++i) b.store(levels.buffer, at(level, i), values[i]);
}

Ref joined_value(LoopBuilder& b, Levels const& levels, Ref base, i64 place) {
  return b.load(levels.buffer, levels.type.dtype, levels.type.lanes, b.add(base, b.integer(place)));
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
