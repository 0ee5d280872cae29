// Pulling through operators that move data, or make it from the index alone.
#include "codegen/lower/pull.h"

#include "ir/op.h"
#include "ir/random.h"

#include <algorithm>

namespace nnc {

namespace {

// How many elements there are from the first one that the terms reach to the last one.
Dim reach(IndexMap::Coordinate const& c, Shape const& space) {
  Dim elements = 1;
  for (auto const& t : c.terms) elements = elements + t.step * (space[static_cast<size_t>(t.axis)] - 1);
  return elements;
}

} // namespace

// Runs of axes that are one index stay one where the operand allows it.
Puller::Read Puller::read_at(Node const& n, size_t operand, Index const& point, Shape const& space) {
  auto const map = index_map(storage_.function, n, operand);
  if (!map) throw CompilerBug("where a " + std::string(info(n.op).name) + " reads is no map");
  Shape const& shape = this->shape(n.operands[operand]);
  std::vector<int> runs;
  for (auto const& chunk : point) runs.push_back(chunk.axes);
  Read read;
  size_t axis = 0, count = 1;
  for (size_t c = 0; c < map->coordinates.size(); c += count) {
    auto const run = along_runs(*map, c, shape, axis, space, runs, count);
    if (!run) count = 1; // axes have to be told apart
    auto const& coordinate = run ? *run : map->coordinates[c];
    Chunk to{coordinate.axes, {}};
    if (coordinate.by_data)
      to.at = indexer_.add(index_by_data(n, operand + 1, shape[axis], reach(coordinate, space), point, space),
                           indexer_.sum(coordinate, point, space));
    else if (coordinate.guarded) to.at = guarded(coordinate, shape[axis], point, space, read);
    else to.at = indexer_.sum(coordinate, point, space);
    read.index.push_back(to);
    axis += static_cast<size_t>(coordinate.axes);
  }
  return read;
}

// An index that may lie outside of the operand, clamped to what exists; its condition joins those of other axes.
At Puller::guarded(IndexMap::Coordinate const& coordinate, Dim const& count, Index const& point, Shape const& space,
                   Read& read) {
  auto terms = coordinate;
  terms.offset = 0;
  auto in = inside(indexer_.sum(terms, point, space), Dim(0) - coordinate.offset, coordinate.divide, count);
  read.condition = b_.both(read.condition, in.condition);
  read.never = read.never || in.never;
  return in.at;
}

// Of the indices of all lanes that count.
std::optional<LoopBuilder::Range> Puller::range(At at) const {
  if (at.offsets != no_ref) return {};
  auto r = b_.range(at.base);
  if (!r) return {};
  i64 const limit = lanes_.limit == no_ref ? lanes_.lanes : b_.known(lanes_.limit).value_or(lanes_.lanes);
  i64 const last = at.step * (std::min<i64>(limit, lanes_.lanes) - 1);
  return LoopBuilder::Range{r->least + std::min<i64>(last, 0), r->most + std::max<i64>(last, 0)};
}

Puller::Inside Puller::inside(At at, Dim const& start, i64 step, Dim const& count) {
  auto const first = start.constant(), n = count.constant();
  if (auto const r = range(at); r && first && n) {
    if (r->most < *first || r->least > *first + (*n - 1) * step)
      return {{b_.integer(0)}, b_.number(0, {DType::bool_, 1}), true};
    if (step == 1 && r->least >= *first && r->most < *first + *n)
      return {{b_.subtract(at.base, b_.integer(*first)), at.step}, no_ref};
  }
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
    condition = b_.both(condition, b_.compute(OpCode::eq, {b_.remainder(position, c(step)), c(0)}));
    position = b_.quotient(position, c(step));
  }
  condition = b_.both(condition, b_.compute(OpCode::le, {position, last}));
  position = b_.minimum(position, last);
  return {uniform ? At{position} : At{b_.integer(0), 0, position}, condition};
}

Ref Puller::clamped(Node const& n, Ref index, Dim const& count_of_table, Dim const& run, Ref counts) {
  if (bytes(b_.type(index).dtype) < 4) index = b_.convert(index, DType::i32); // holds the extent
  DType const d = b_.type(index).dtype;
  Ref const last = b_.convert(b_.subtract(extent(b_, count_of_table), extent(b_, run)), d);
  Ref const zero = b_.number(0, {d, 1});
  if (!n.attributes.get_or("uncounted", false)) {
    Ref const below = b_.compute(OpCode::lt, {index, zero}), above = b_.compute(OpCode::gt, {index, last});
    count(Counter::clamped, b_.both(counts, b_.compute(OpCode::or_, {below, above})));
  }
  return b_.maximum(b_.minimum(index, last), zero);
}

At Puller::index_by_data(Node const& n, size_t operand, Dim const& table, Dim const& run, Index const& point,
                         Shape const& space) {
  Ref const held = pull(n.operands[operand], read_at(n, operand, point, space).index);
  Ref const k = clamped(n, held, table, run);
  return b_.type(k).lanes == 1 ? At{b_.convert(k, DType::i64)} : At{b_.integer(0), 0, b_.convert(k, DType::i32)};
}

// Of the operands, from the last: the first one that has an element at the point wins (ir/index_map.h).
Ref Puller::moved(Node const& n, Index const& index) {
  auto const& result = shape(n.result());
  bool const by_data = depends_on_data(*index_map(storage_.function, n, 0)); // then operand 1 holds the indices
  Ref value = no_ref;
  for (size_t k = by_data ? 1 : n.operands.size(); k-- > 0;) {
    auto const& from = shape(n.operands[k]);
    if (n.operands.size() > 1 && std::find(from.begin(), from.end(), Dim(0)) != from.end()) continue;
    auto const read = read_at(n, k, index, result);
    if (read.never) continue;
    Ref const x = pull(n.operands[k], read.index);
    bool const all = value == no_ref || read.condition == no_ref;
    value = all ? x : b_.select(read.condition, x, value);
  }
  if (value == no_ref) throw CompilerBug("an element of nothing was pulled");
  return value;
}

Ref Puller::iota(Node const& n, Index const& index) {
  auto axis = static_cast<size_t>(n.attributes.get<i64>("axis"));
  At at = indexer_.axes(index, shape(n.result()))[axis];
  return b_.convert(at.uniform() ? at.base : indexer_.offsets(at), dtype(n.result()));
}

Ref Puller::random(Node const& n, Index const& index) {
  At at = indexer_.linear(index, shape(n.result()));
  u32 const path = path_hash(n.attributes.get<std::string>("path"));
  int lanes = at.uniform() ? 1 : lanes_.lanes;
  Ref offsets = at.uniform() ? b_.number(0, {DType::i32, 1}) : indexer_.offsets({b_.integer(0), at.step, at.offsets});
  if (n.operands.size() == 3) at.base = b_.add(at.base, pull(n.operands[2], {}));
  return b_.philox(at.base, offsets, pull(n.operands[0], {}), pull(n.operands[1], {}), path, lanes);
}

} // namespace nnc
