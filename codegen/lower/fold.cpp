// Pulling through reductions and contractions: loops of their own, in the order that the program states (ir/order.h).
#include "codegen/lower/blocks.h"

#include "ir/contraction.h"
#include "ir/cuts.h"
#include "ir/kernel_space.h"
#include "ir/op.h"
#include "ir/tensor.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <set>

namespace nnc {
namespace {

// The accumulators of each dtype share a buffer.
struct LevelsOfFold : Levels {
  std::vector<size_t> values;      // which accumulators of the fold
  std::vector<Node const*> sums{}; // of each
};
std::vector<LevelsOfFold> levels_by_dtype(LoopBuilder& b, Fold const& f, int lanes, i64 places) {
  std::vector<LevelsOfFold> all;
  for (size_t i = 0; i < f.starts.size(); ++i) {
    auto const d = b.type(f.starts[i]).dtype;
    auto same = std::find_if(all.begin(), all.end(), [&](auto const& l) { return l.type.dtype == d; });
    if (same == all.end()) same = all.insert(all.end(), LevelsOfFold{{.type = {d, lanes}, .places = places}, {}});
    same->joins.push_back(f.joins[i]);
    same->values.push_back(i);
    same->sums.push_back(f.sums.at(i));
  }
  return all;
}

constexpr int unrolled_vectors = 4; // a row of up to so many vectors is no loop

} // namespace

Scalar start_of(OpCode join, DType d) {
  constexpr f64 inf = std::numeric_limits<f64>::infinity();
  switch (join) {
  case OpCode::add: return {};
  case OpCode::mul: return {.f = 1, .i = 1};
  case OpCode::max: return {.f = -inf, .i = is_float(d) ? 0 : saturate_to(d, -inf)};
  default: return {.f = inf, .i = is_float(d) ? 0 : saturate_to(d, inf)};
  }
}

// A sum that is pulled at several places has the same levels at all of them: it is done at one before it is begun at
// the next. Sums that are made in one walk have theirs side by side.
int Puller::levels_of(std::vector<Node const*> const& sums) {
  auto const found = levels_.find(sums.front());
  if (found != levels_.end()) return found->second;
  i64 bytes = 0;
  for (auto const* n : sums) bytes += bytes_of_levels(storage_.function, kernel_, *n);
  auto const* planned = plan_.find(ScratchBuffer::Use::levels);
  if (!planned || bytes_of_levels_ + bytes > planned->bytes)
    throw CompilerBug("there is no room for the levels of a sum");
  int const buffer = b_.scratch_buffer("levels", bytes, planned->offset + bytes_of_levels_);
  bytes_of_levels_ += bytes;
  levels_.emplace(sums.front(), buffer);
  return buffer;
}

namespace {

Index with(Index point, std::vector<At> const& reduced) {
  for (auto const& at : reduced) point.push_back({1, at});
  return point;
}

} // namespace

std::vector<Ref> Puller::fold(std::vector<Dim> const& extents, Order order, Fold const& f) {
  if (extents.empty()) return f.step(f.starts, {});
  if (summed_blocks(extents, order).one) return part(extents, order.kind, f, b_.integer(0), extent(b_, extents[0]), {});
  return blocks(extents, order, f);
}

// Block by block, joined in memory. Sums over nothing have no block and are what they start with.
std::vector<Ref> Puller::blocks(std::vector<Dim> const& extents, Order order, Fold const& f) {
  int lanes = order.kind == Order::Kind::lanes ? 1 : lanes_.lanes;
  auto cut = static_cast<size_t>(order.axis);
  Dim before = element_count({extents.begin(), extents.begin() + order.axis});
  auto n = extents[cut].constant();
  auto levels = levels_by_dtype(b_, f, lanes, places_of_blocks(summed_blocks(extents, order).count));
  for (auto& l : levels) l.buffer = levels_of(l.sums);
  BlockOfMany block{.base = b_.integer(0)};
  auto store = [&](bool at_start, std::vector<Ref> const& values) {
    for (auto const& l : levels) {
      Ref place = at_start ? block.base : place_of(b_, l, block);
      for (size_t i = 0; i < l.values.size(); ++i)
        b_.store(l.buffer, b_.add(place, b_.integer(static_cast<i64>(i) * lanes)),
                 b_.splat(values[l.values[i]], lanes));
    }
  };
  store(true, f.starts);

  Ref end = extent(b_, extents[cut]);
  Ref runs = b_.quotient(b_.add(end, b_.integer(order.block - 1)), b_.integer(order.block));
  block.count = b_.multiply(extent(b_, before), runs);
  std::vector<At> at;
  for (size_t i = 0; i < cut; ++i) at.push_back({open(b_.integer(0), extent(b_, extents[i])).index});
  Ref row = at.empty() ? b_.integer(0) : indexer_.linear(at, extents, 0, cut).base;
  Ref run = open(b_.integer(0), runs).index;
  block.number = b_.add(b_.multiply(row, runs), run);
  Ref from = b_.multiply(run, order.block), to = b_.add(from, b_.integer(order.block));
  if (!n || *n % order.block) to = b_.minimum(to, end);
  auto values = part(extents, order.kind, f, from, to, at);
  store(false, values);
  for (auto const& l : levels) join_block(*this, l, block);
  for (size_t i = 0; i <= cut; ++i) close();
  for (auto const& l : levels)
    for (size_t i = 0; i < l.values.size(); ++i)
      values[l.values[i]] = b_.load(l.buffer, l.type.dtype, lanes, b_.integer(static_cast<i64>(i) * lanes));
  return values;
}

// [begin, end) of the axis behind `at`, all of those behind it.
std::vector<Ref> Puller::part(std::vector<Dim> const& extents, Order::Kind kind, Fold const& f, Ref begin, Ref end,
                              std::vector<At> const& at) {
  int width = kind == Order::Kind::lanes ? static_cast<int>(order_lanes) : lanes_.lanes;
  std::vector<Ref> accumulators;
  for (auto s : f.starts) accumulators.push_back(b_.splat(s, width));
  accumulators = axis(extents, kind, f, begin, end, accumulators, at);
  if (kind == Order::Kind::lanes)
    for (size_t i = 0; i < accumulators.size(); ++i)
      accumulators[i] = b_.tree(f.joins[i], b_.splat(accumulators[i], width));
  return accumulators;
}

std::vector<Ref> Puller::axis(std::vector<Dim> const& extents, Order::Kind kind, Fold const& f, Ref begin, Ref end,
                              std::vector<Ref> accumulators, std::vector<At> at) {
  bool innermost = at.size() + 1 == extents.size();
  if (innermost && kind == Order::Kind::lanes) return along_lanes(f, begin, end, accumulators, at);
  auto const part = [&](Ref from, Ref to) {
    auto loop = open(from, to, 1, accumulators);
    auto inside = at;
    inside.push_back({loop.index});
    if (innermost) return close(f.step(loop.carried, inside));
    Ref next_end = extent(b_, extents[inside.size()]);
    return close(axis(extents, kind, f, b_.integer(0), next_end, loop.carried, inside));
  };
  auto const first = b_.known(begin), last = b_.known(end);
  if (f.unrolled && first && last) {
    for (i64 i = *first; i < *last; ++i) {
      auto inside = at;
      inside.push_back({b_.integer(i)});
      accumulators =
          innermost ? f.step(accumulators, inside)
                    : axis(extents, kind, f, b_.integer(0), extent(b_, extents[inside.size()]), accumulators, inside);
    }
    return accumulators;
  }
  if (!first || !last || f.cuts.empty()) return part(begin, end);
  for (auto const& p : pieces_of(*first, *last, 1, f.cuts[at.size()]))
    accumulators = part(b_.integer(p.begin), b_.integer(p.end));
  return accumulators;
}

// The innermost axis, 16 elements at a time; the last ones step only where there are elements.
std::vector<Ref> Puller::along_lanes(Fold const& f, Ref begin, Ref end, std::vector<Ref> accumulators,
                                     std::vector<At> const& at) {
  constexpr int w = static_cast<int>(order_lanes);
  auto length = b_.known(b_.subtract(end, begin));
  if (!length) {
    auto loop = open(begin, end, w, accumulators);
    return close(step_lanes(f, loop.index, {w, b_.subtract(end, loop.index)}, loop.carried, at));
  }
  i64 full = *length / w, rest = *length % w;
  auto from = [&](i64 k) { return b_.add(begin, b_.integer(k * w)); };
  if (full + (rest != 0) <= unrolled_vectors) {
    for (i64 i = 0; i < full; ++i) accumulators = step_lanes(f, from(i), {w, no_ref}, accumulators, at);
  } else {
    auto const first = b_.known(begin);
    i64 const start = first.value_or(0);
    auto const cuts = first && !f.cuts.empty() ? f.cuts[at.size()] : std::vector<i64>{};
    for (auto const& p : pieces_of(start, start + full * w, w, cuts)) {
      auto loop = open(from((p.begin - start) / w), from((p.end - start) / w), w, accumulators);
      accumulators = close(step_lanes(f, loop.index, {w, no_ref}, loop.carried, at));
    }
  }
  if (rest) accumulators = step_lanes(f, from(full), {w, b_.integer(rest)}, accumulators, at);
  return accumulators;
}

std::vector<Piece> pieces_of(i64 begin, i64 end, i64 width, std::vector<i64> const& cuts) {
  std::set<i64> ends{end};
  for (i64 c : cuts) {
    i64 const down = begin + (c - begin) / width * width, up = down + (c > down ? width : 0);
    for (i64 e : {down, up})
      if (e > begin && e < end) ends.insert(e);
  }
  std::vector<Piece> pieces;
  for (i64 e : ends) {
    if (begin < e) pieces.push_back({begin, e});
    begin = e;
  }
  return pieces;
}

std::vector<Ref> Puller::step_lanes(Fold const& f, Ref at, LaneContext lanes, std::vector<Ref> const& accumulators,
                                    std::vector<At> outer) {
  auto saved = lanes_;
  lanes_ = lanes;
  outer.push_back({at, 1});
  auto next = f.step(accumulators, outer);
  if (lanes.limit != no_ref)
    for (size_t i = 0; i < next.size(); ++i)
      next[i] = b_.compute(OpCode::select,
                           {lane_mask(), b_.splat(next[i], lanes.lanes), b_.splat(accumulators[i], lanes.lanes)});
  lanes_ = saved;
  return next;
}

Fold Puller::fold_of(Node const& n, Index const& kept) {
  OpCode const join = *info(n.op).join;
  DType const d = dtype(n.operands[0]);
  Fold f;
  f.starts = {b_.constant(d, start_of(join, d))};
  f.joins = {join};
  f.sums = {&n};
  f.step = [this, &n, kept, space = space_of(storage_.function, n), join](std::vector<Ref> const& acc,
                                                                          std::vector<At> const& at) {
    Ref const x = pull(n.operands[0], read_at(n, 0, with(kept, at), space).index);
    return std::vector<Ref>{b_.compute(join, {acc[0], x})};
  };
  return f;
}

Ref Puller::reduce(Node const& n, Index const& index) {
  Order order = order_of(storage_.function, n);
  if (order.kind == Order::Kind::lanes && lanes_.lanes > 1) return each_lane(n, index);
  auto f = fold_of(n, index);
  f.unrolled = order.kind == Order::Kind::chain && walk_of_sums() == Sums::unrolled;
  return fold(reduced_extents(storage_.function, n), order, f).front();
}

Puller::Sums Puller::walk_of_sums() const {
  auto const& kernel = *kernel_.kernel;
  return kernel.schedule && kernel.kind == KernelKind::pointwise ? kernel.schedule->pointwise.sums : Sums::as_one;
}

// A reduction that needs the lanes for itself is made for one lane of the context after the other.
Ref Puller::each_lane(Node const& n, Index const& index) {
  auto saved = lanes_;
  Ref saved_valid = valid_;
  Ref start = b_.splat(b_.constant(dtype(n.result()), {}), saved.lanes);
  Ref end = b_.integer(saved.lanes);
  if (saved.limit != no_ref) end = b_.minimum(end, saved.limit);
  auto loop = open(b_.integer(0), end, 1, {start});
  lanes_ = {};
  valid_ = no_ref;
  Index here = index;
  for (auto& c : here) {
    Ref base = b_.add(c.at.base, b_.multiply(loop.index, c.at.step));
    if (c.at.offsets != no_ref) base = b_.add(base, b_.convert(b_.extract(c.at.offsets, loop.index), DType::i64));
    c.at = {base};
  }
  Ref value = pull(n.result(), here);
  lanes_ = saved;
  valid_ = saved_valid;
  return close({b_.insert(loop.carried[0], value, loop.index)}).front();
}

// The first of the largest (smallest) elements; NaN counts as larger (smaller) than everything.
Ref Puller::arg(Node const& n, Index const& index) {
  ValueId x = n.operands[0];
  DType d = dtype(x);
  bool floats = is_float(d), last = order_of(storage_.function, n).kind == Order::Kind::lanes;
  if (last && lanes_.lanes > 1) return each_lane(n, index);
  OpCode join = n.op == OpCode::argmax ? OpCode::max : OpCode::min,
         better = n.op == OpCode::argmax ? OpCode::gt : OpCode::lt;
  Shape const space = space_of(storage_.function, n);
  auto element = [&, this](At at) { return pull(x, read_at(n, 0, with(index, {at}), space).index); };
  auto is_nan = [&](Ref v) { return b_.compute(OpCode::ne, {v, v}); };
  std::vector<Dim> extents{space.back()};
  Ref start = b_.constant(d, start_of(join, d));
  if (last) { // along the lanes: the best value first, then the first index that has it
    Fold best{{start}, {join}, {}, [&](auto const& acc, auto const& at) {
                return std::vector<Ref>{b_.compute(join, {acc[0], element(at[0])})};
              }};
    Ref value = fold(extents, {Order::Kind::lanes}, best).front();
    Ref none = b_.constant(DType::i32, {.f = 0, .i = std::numeric_limits<i32>::max()});
    Fold first{{none}, {OpCode::min}, {}, [&](auto const& acc, auto const& at) {
                 Ref v = element(at[0]), hit = b_.compute(OpCode::eq, {v, value});
                 if (floats) hit = b_.compute(OpCode::or_, {hit, is_nan(v)});
                 Ref here = b_.compute(OpCode::select, {hit, indexer_.offsets(at[0]), none});
                 return std::vector<Ref>{b_.compute(OpCode::min, {acc[0], here})};
               }};
    return fold(extents, {Order::Kind::lanes}, first).front();
  }
  Fold both{{start, b_.constant(DType::i32, {})}, {join, OpCode::min}, {}, [&](auto const& acc, auto const& at) {
              Ref v = element(at[0]), wins = b_.compute(better, {v, acc[0]});
              if (floats) {
                Ref nan = b_.compute(OpCode::and_, {is_nan(v), b_.compute(OpCode::not_, {is_nan(acc[0])})});
                wins = b_.compute(OpCode::or_, {wins, nan});
              }
              Ref here = b_.convert(at[0].base, DType::i32);
              return std::vector<Ref>{b_.compute(OpCode::select, {wins, v, acc[0]}),
                                      b_.compute(OpCode::select, {wins, here, acc[1]})};
            }};
  both.unrolled = walk_of_sums() == Sums::unrolled;
  return fold(extents, {}, both)[1];
}

Ref Puller::dot(Node const& n, Index const& index) {
  if (order_of(storage_.function, n).kind == Order::Kind::lanes && lanes_.lanes > 1) return each_lane(n, index);
  return sums_at(n, {index}).front();
}

// result[batch, free of lhs, free of rhs] = sum over k of lhs * rhs, k in the order of the lists of contracted axes.
std::vector<Ref> Puller::sums_at(Node const& n, std::vector<Index> const& indices) {
  Order const order = order_of(storage_.function, n);
  Shape const space = space_of(storage_.function, n), summed = reduced_extents(storage_.function, n);
  auto const nothing = b_.constant(dtype(n.result()), {});
  size_t const count = indices.size();
  for (auto v : n.operands) // no terms; not even a guarded read may look at such an operand
    if (std::find(shape(v).begin(), shape(v).end(), Dim(0)) != shape(v).end()) return std::vector<Ref>(count, nothing);
  auto const walk = order.kind == Order::Kind::chain ? walk_of_sums() : Sums::as_one;
  auto const linear = linear_sum(order, summed);
  bool const floats = is_float(dtype(n.result()));
  auto const term = [&](Index point, std::vector<At> const& k, Ref sum) {
    if (walk != Sums::as_one) {
      point = with(std::move(point), k);
    } else if (!summed.empty()) {
      At element = k.back();
      if (k.size() > 1) element = indexer_.add({b_.multiply(k[0].base, extent(b_, linear.period))}, element);
      point.push_back({static_cast<int>(summed.size()), element});
    }
    auto const left = read_at(n, 0, point, space), right = read_at(n, 1, point, space);
    if (left.never) return sum;
    Ref const a = pull(n.operands[0], left.index), b = pull(n.operands[1], right.index);
    Ref const next = floats ? b_.fma(a, b, sum) : b_.compute(OpCode::add, {sum, b_.compute(OpCode::mul, {a, b})});
    return left.condition == no_ref ? next : b_.select(left.condition, next, sum);
  };
  Fold f;
  f.starts.assign(count, nothing);
  f.joins.assign(count, OpCode::add);
  f.sums.assign(count, &n);
  f.step = [&](std::vector<Ref> const& sums, std::vector<At> const& k) {
    std::vector<Ref> next;
    for (size_t i = 0; i < count; ++i) next.push_back(term(indices[i], k, sums[i]));
    return next;
  };
  f.unrolled = walk == Sums::unrolled;
  if (walk == Sums::by_axes) f.cuts = cuts_of_sum(storage_.function, n);
  auto sums = walk == Sums::as_one ? fold(linear.extents(), linear.order, f) : fold(summed, order, f);
  if (is_guarded(*index_map(storage_.function, n, 0)))
    for (auto& s : sums) s = without_sign_of_zero(s);
  return sums;
}

// A sum of which terms may be missing is + 0 added: 0 * w in the place of a missing term turns a -0 to 0 or does not.
Ref Puller::without_sign_of_zero(Ref sum) {
  auto const type = b_.type(sum);
  return is_float(type.dtype) ? b_.compute(OpCode::add, {sum, b_.number(0, type)}) : sum;
}

} // namespace nnc
