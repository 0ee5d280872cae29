// Rules about arithmetic. Each holds for every value, NaN, infinities and signed zeros included; what would lose the
// sign of a zero (x + 0, 0 * x, sums of one element) is not here, and no function that is ours is replaced by what is
// rounded otherwise (pow(x, 2) by x * x).
#include "passes/simplify_rules.h"

#include <bit>
#include <cmath>

namespace nnc {

bool Match::is_number(ValueId v, f64 x) const {
  auto c = literal(v);
  if (!c) return false;
  return is_float(type(v).dtype) ? same_bits(*c, {.f = x}) : static_cast<f64>(c->i) == x;
}

bool is_elementwise(Node const& n) { return info(n.op).has(elementwise); }

namespace {

bool floats(Match& m, Node const& n) { return is_float(m.type(n.result()).dtype); }
bool integers(Match& m, Node const& n) { return is_int(m.type(n.result()).dtype); }

// The operand `i` in the shape of the result; a rank 0 operand meets a shape here.
ValueId shaped(Match& m, Node const& n, ValueId v) { return m.make.broadcast_scalar(v, m.type(n.result()).shape); }

// x - 0 -> x;  x + -0 -> x;  integers: x + 0 -> x
ValueId add_nothing(Match& m, Node const& n) {
  f64 const nothing = floats(m, n) ? -0.0 : 0.0;
  if (n.op == OpCode::sub && m.is_number(n.operands[1], 0)) return shaped(m, n, n.operands[0]);
  if (n.op != OpCode::add) return no_value;
  if (m.is_number(n.operands[1], nothing)) return shaped(m, n, n.operands[0]);
  return m.is_number(n.operands[0], nothing) ? shaped(m, n, n.operands[1]) : no_value;
}

// x * 1 -> x;  1 * x -> x;  x / 1 -> x
ValueId times_one(Match& m, Node const& n) {
  if ((n.op == OpCode::mul || n.op == OpCode::div || n.op == OpCode::floor_div) && m.is_number(n.operands[1], 1))
    return shaped(m, n, n.operands[0]);
  return n.op == OpCode::mul && m.is_number(n.operands[0], 1) ? shaped(m, n, n.operands[1]) : no_value;
}

// x * -1 -> -x;  x / -1 -> -x
ValueId times_minus_one(Match& m, Node const& n) {
  if (n.op != OpCode::mul && n.op != OpCode::div) return no_value;
  for (size_t i = 0; i < 2; ++i)
    if (m.is_number(n.operands[1 - i], -1) && (i == 0 || n.op == OpCode::mul))
      return shaped(m, n, m.make.make(OpCode::neg, {n.operands[i]}));
  return no_value;
}

// integers: x * 0 -> 0
ValueId integer_times_zero(Match& m, Node const& n) {
  if (n.op != OpCode::mul || !integers(m, n)) return no_value;
  for (auto v : n.operands)
    if (m.is_number(v, 0)) return shaped(m, n, v);
  return no_value;
}

// x / c -> x * (1/c) for powers of two, whose reciprocal is exact
ValueId divide_by_power_of_two(Match& m, Node const& n) {
  auto c = n.op == OpCode::div ? m.literal(n.operands[1]) : std::nullopt;
  if (!c || !floats(m, n)) return no_value;
  int exponent = 0;
  if (std::fabs(std::frexp(c->f, &exponent)) != 0.5 || std::abs(exponent) > 13)
    return no_value; // normal in every dtype
  return m.make.make(OpCode::mul, {n.operands[0], m.make.like(n.operands[1], 1 / c->f)});
}

// -(-x) -> x;  not not x -> x
ValueId twice_negated(Match& m, Node const& n) {
  if (n.op != OpCode::neg && n.op != OpCode::not_) return no_value;
  auto* inner = m.made_by(n.operands[0], n.op);
  return inner ? inner->operands[0] : no_value;
}

// x + (-y) -> x - y;  (-x) + y -> y - x;  x - (-y) -> x + y
ValueId add_negated(Match& m, Node const& n) {
  if (n.op != OpCode::add && n.op != OpCode::sub) return no_value;
  bool adds = n.op == OpCode::add;
  if (auto* y = m.made_by(n.operands[1], OpCode::neg))
    return m.make.make(adds ? OpCode::sub : OpCode::add, {n.operands[0], y->operands[0]});
  auto* x = adds ? m.made_by(n.operands[0], OpCode::neg) : nullptr;
  return x ? m.make.make(OpCode::sub, {n.operands[1], x->operands[0]}) : no_value;
}

// select(c, x, x) -> x;  select(true, x, y) -> x;  select(not c, x, y) -> select(c, y, x)
ValueId decided_select(Match& m, Node const& n) {
  if (n.op != OpCode::select) return no_value;
  auto c = n.operands[0], x = n.operands[1], y = n.operands[2];
  if (x == y) return shaped(m, n, x);
  if (auto known = m.literal(c)) return shaped(m, n, known->i ? x : y);
  auto* inverted = m.made_by(c, OpCode::not_);
  return inverted ? m.make.make(OpCode::select, {inverted->operands[0], y, x}) : no_value;
}

// convert(x) of the same dtype -> x
ValueId convert_to_same(Match& m, Node const& n) {
  return n.op == OpCode::convert && m.type(n.operands[0]) == m.type(n.result()) ? n.operands[0] : no_value;
}

bool widens_exactly(DType from, DType to) {
  if (from == to) return true;
  if (from == DType::bool_) return true;
  bool small = from == DType::u8 || from == DType::i8;
  if (small) return to == DType::i32 || to == DType::i64;
  return from == DType::i32 && to == DType::i64;
}

// convert(convert(x)) -> convert(x) when the inner one loses nothing (u8 to i32 to f32)
ValueId convert_twice(Match& m, Node const& n) {
  if (n.op != OpCode::convert) return no_value;
  auto* inner = m.made_by(n.operands[0], OpCode::convert);
  if (!inner || !widens_exactly(m.type(inner->operands[0]).dtype, m.type(n.operands[0]).dtype)) return no_value;
  return m.make.convert(inner->operands[0], m.type(n.result()).dtype);
}

// op(broadcast(c), x) -> op(c, x) for rank 0 c; all operands such: broadcast(op(c, d))
ValueId broadcast_scalar_operand(Match& m, Node const& n) {
  if (!is_elementwise(n) || m.type(n.result()).rank() == 0) return no_value;
  auto operands = n.operands;
  bool any = false, shaped_left = false;
  for (auto& v : operands) {
    auto* b = m.made_by(v, OpCode::broadcast);
    if (b && m.type(b->operands[0]).rank() == 0) {
      v = b->operands[0];
      any = true;
    } else {
      shaped_left |= m.type(v).rank() != 0;
    }
  }
  if (!any) return no_value;
  auto stated = m.type(n.result());
  if (!shaped_left) stated.shape.clear();
  auto result = m.make.make(n.op, operands, n.attributes, stated);
  return shaped_left ? result : shaped(m, n, result);
}

constexpr Rule rules[] = {
    {"add_nothing", add_nothing},
    {"times_one", times_one},
    {"times_minus_one", times_minus_one},
    {"integer_times_zero", integer_times_zero},
    {"divide_by_power_of_two", divide_by_power_of_two},
    {"twice_negated", twice_negated},
    {"add_negated", add_negated},
    {"decided_select", decided_select},
    {"convert_to_same", convert_to_same},
    {"convert_twice", convert_twice},
    {"broadcast_scalar_operand", broadcast_scalar_operand},
};

} // namespace

std::span<Rule const> arithmetic_rules() { return rules; }

} // namespace nnc
