#include "codegen/lower/blocks.h"

#include <algorithm>

namespace nnc {
namespace {

// Few values are worth no loop of their own; those that are joined in different ways cannot have one.
bool unrolled(std::vector<OpCode> const& joins) {
  constexpr size_t few_values = 2;
  return joins.size() <= few_values ||
         std::any_of(joins.begin(), joins.end(), [&](OpCode join) { return join != joins[0]; });
}

// For each value i: what stands at `to` + i becomes body(i, join, itself), if the condition holds.
template <class Body>
void store_values(Puller& p, Levels const& levels, Ref condition, Ref to, Body body) {
  auto& b = p.builder();
  auto const& [buffer, type, joins, places] = levels;
  if (unrolled(joins)) {
    for (size_t k = 0; k < joins.size(); ++k) {
      Ref i = b.integer(static_cast<i64>(k) * type.lanes), at = b.add(to, i);
      Ref before = b.load(buffer, type.dtype, type.lanes, at);
      b.store(buffer, at, b.compute(OpCode::select, {condition, body(i, joins[k], before), before}));
    }
    return;
  }
  Ref all = b.integer(levels.stride());
  p.open(b.integer(0), b.compute(OpCode::select, {condition, b.integer(1), b.integer(0)}));
  Ref i = p.open(b.integer(0), all, type.lanes, {}, true).index, at = b.add(to, i);
  b.store(buffer, at, body(i, joins[0], b.load(buffer, type.dtype, type.lanes, at)));
  p.close();
  p.close();
}

} // namespace

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
  store_values(p, levels, waits, here, [&](Ref i, OpCode join, Ref ours) {
    return b.compute(join, {load(b.add(below, i)), ours});
  });
  p.close({b.quotient(bits, b.integer(2))});

  Ref there = place(b.compute(OpCode::select, {last, zero, free}));
  store_values(p, levels, b.compute(OpCode::ne, {there, here}), there,
               [&](Ref i, OpCode, Ref) { return load(b.add(here, i)); });
}

} // namespace nnc
