// Pulling through operators that move data, or make it from the index alone.
#include "codegen/lower/pull.h"

#include "ir/op.h"

namespace nnc {

using Integers = std::vector<i64>;

// Runs of axes that stay together in the operand stay one index.
Index Puller::pick(Index const& index, Shape const& of, Integers const& sources) {
  std::vector<int> chunk_at(of.size(), -1); // by the first axis of each chunk
  size_t axis = 0;
  for (size_t c = 0; c < index.size(); ++c) {
    if (index[c].axes > 0 && axis < of.size()) chunk_at[axis] = static_cast<int>(c);
    axis += static_cast<size_t>(index[c].axes);
  }
  Index out;
  std::vector<At> split;
  for (size_t j = 0; j < sources.size();) {
    int c = chunk_at[static_cast<size_t>(sources[j])];
    size_t run = c < 0 ? 0 : static_cast<size_t>(index[static_cast<size_t>(c)].axes);
    bool together = run > 0 && j + run <= sources.size();
    for (size_t k = 1; together && k < run; ++k) together = sources[j + k] == sources[j] + static_cast<i64>(k);
    if (together) {
      out.push_back(index[static_cast<size_t>(c)]);
      j += run;
    } else {
      if (split.empty()) split = indexer_.axes(index, of);
      out.push_back({1, split[static_cast<size_t>(sources[j++])]});
    }
  }
  return out;
}

Index Puller::part_of(Index const& index, Shape const& of, size_t first, size_t last) {
  Integers sources;
  for (size_t i = first; i < last; ++i) sources.push_back(static_cast<i64>(i));
  return pick(index, of, sources);
}

Ref Puller::slice(Node const& n, Index const& index) {
  auto const& from = shape(n.operands[0]);
  auto const& start = n.attributes.get<std::vector<Dim>>("start");
  auto stride = n.attributes.get_or<Integers>("stride", Integers(from.size(), 1));
  auto const& to = shape(n.result());
  if (from == to) return pull(n.operands[0], index);
  auto axes = indexer_.axes(index, to);
  for (size_t i = 0; i < axes.size(); ++i)
    axes[i] = indexer_.add(indexer_.scale(axes[i], stride[i]), At{extent(b_, start[i])});
  return pull(n.operands[0], index_of(axes));
}

Ref Puller::reverse(Node const& n, Index const& index) {
  auto axes = indexer_.axes(index, shape(n.result()));
  for (i64 a : n.attributes.get<Integers>("axes")) {
    auto& at = axes[static_cast<size_t>(a)];
    Ref last = b_.subtract(extent(b_, shape(n.result())[static_cast<size_t>(a)]), b_.integer(1));
    if (at.offsets != no_ref) at = {b_.integer(0), 0, indexer_.offsets(at)};
    At back{b_.subtract(last, at.base), -at.step, no_ref};
    if (at.offsets != no_ref) back = {last, 0, b_.compute(OpCode::neg, {at.offsets})};
    at = back;
  }
  return pull(n.operands[0], index_of(axes));
}

// Where position `at` of a result lies in an operand that starts at `start` with its elements `step` apart: the index,
// clamped to what exists, and whether there is one.
Puller::Inside Puller::inside(At at, Dim const& start, i64 step, Dim const& count) {
  bool uniform = at.uniform();
  DType d = uniform ? DType::i64 : DType::i32;
  int lanes = uniform ? 1 : lanes_.lanes;
  auto c = [&](i64 k) { return b_.constant(d, {.f = 0, .i = k}, lanes); };
  auto everywhere = [&](Ref r) { return b_.splat(b_.convert(r, d), lanes); };
  Ref last = everywhere(b_.subtract(extent(b_, count), b_.integer(1)));
  Ref position = b_.subtract(uniform ? at.base : indexer_.offsets(at), everywhere(extent(b_, start)));
  Ref condition = b_.compute(OpCode::ge, {position, c(0)});
  position = b_.maximum(position, c(0));
  if (step > 1) {
    condition = b_.compute(OpCode::and_, {condition, b_.compute(OpCode::eq, {b_.remainder(position, c(step)), c(0)})});
    position = b_.quotient(position, c(step));
  }
  condition = b_.compute(OpCode::and_, {condition, b_.compute(OpCode::le, {position, last})});
  position = b_.minimum(position, last);
  return {uniform ? At{position} : At{b_.integer(0), 0, position}, condition};
}

Ref Puller::pad(Node const& n, Index const& index) {
  ValueId x = n.operands[0];
  auto const& low = n.attributes.get<std::vector<Dim>>("low");
  auto const& high = n.attributes.get<std::vector<Dim>>("high");
  auto interior = n.attributes.get_or<Integers>("interior", Integers(low.size(), 0));
  Ref fill = pull(n.operands[1], {});
  for (auto const& d : shape(x))
    if (d == Dim(0)) return fill;
  auto axes = indexer_.axes(index, shape(n.result()));
  Ref condition = no_ref;
  for (size_t i = 0; i < axes.size(); ++i) {
    if (low[i] == Dim(0) && high[i] == Dim(0) && interior[i] == 0) continue;
    auto in = inside(axes[i], low[i], interior[i] + 1, shape(x)[i]);
    axes[i] = in.at;
    condition = condition == no_ref ? in.condition : b_.compute(OpCode::and_, {condition, in.condition});
  }
  Ref value = pull(x, index_of(axes));
  return condition == no_ref ? value : b_.compute(OpCode::select, {condition, value, fill});
}

Ref Puller::concat(Node const& n, Index const& index) {
  auto axis = static_cast<size_t>(n.attributes.get<i64>("axis"));
  auto const axes = indexer_.axes(index, shape(n.result()));
  Ref value = no_ref;
  Dim start(0);
  for (size_t k = 0; k < n.operands.size(); ++k) {
    Dim const& count = shape(n.operands[k])[axis];
    if (count == Dim(0)) continue;
    auto in = inside(axes[axis], start, 1, count);
    auto there = axes;
    there[axis] = in.at;
    Ref x = pull(n.operands[k], index_of(there));
    value = value == no_ref ? x : b_.compute(OpCode::select, {in.condition, x, value});
    start = start + count;
  }
  if (value == no_ref) throw CompilerBug("a concat of nothing was pulled");
  return value;
}

// Indices are clamped; those that had to be are counted.
Ref Puller::gather(Node const& n, Index const& index) {
  ValueId table = n.operands[0], indices = n.operands[1];
  auto axis = static_cast<size_t>(n.attributes.get<i64>("axis"));
  auto const& result = shape(n.result());
  size_t rank = shape(indices).size();
  Ref k = pull(indices, part_of(index, result, axis, axis + rank));
  if (bytes(dtype(indices)) < 4) k = b_.convert(k, DType::i32); // holds the extent
  DType d = b_.type(k).dtype;
  Ref last = b_.convert(b_.subtract(extent(b_, shape(table)[axis]), b_.integer(1)), d);
  Ref zero = b_.number(0, {d, 1});
  if (!n.attributes.get_or("uncounted", false))
    count(Counter::clamped,
          b_.compute(OpCode::or_, {b_.compute(OpCode::lt, {k, zero}), b_.compute(OpCode::gt, {k, last})}));
  k = b_.maximum(b_.minimum(k, last), zero);
  At at = b_.type(k).lanes == 1 ? At{b_.convert(k, DType::i64)} : At{b_.integer(0), 0, b_.convert(k, DType::i32)};
  Index there = part_of(index, result, 0, axis);
  there.push_back({1, at});
  for (auto const& c : part_of(index, result, axis + rank, result.size())) there.push_back(c);
  return pull(table, there);
}

Ref Puller::iota(Node const& n, Index const& index) {
  auto axis = static_cast<size_t>(n.attributes.get<i64>("axis"));
  At at = indexer_.axes(index, shape(n.result()))[axis];
  return b_.convert(at.uniform() ? at.base : indexer_.offsets(at), dtype(n.result()));
}

Ref Puller::random(Node const& n, Index const& index) {
  At at = indexer_.linear(index, shape(n.result()));
  u32 path = 2166136261U; // FNV-1a
  for (char c : n.attributes.get<std::string>("path")) path = (path ^ static_cast<u8>(c)) * 16777619U;
  int lanes = at.uniform() ? 1 : lanes_.lanes;
  Ref offsets = at.uniform() ? b_.number(0, {DType::i32, 1}) : indexer_.offsets({b_.integer(0), at.step, at.offsets});
  return b_.philox(at.base, offsets, pull(n.operands[0], {}), pull(n.operands[1], {}), path, lanes);
}

} // namespace nnc
