#include "codegen/lower/index.h"

namespace nnc {

Index index_of(std::vector<At> const& axes) {
  Index index;
  for (auto const& a : axes) index.push_back({1, a});
  return index;
}

At Indexer::add(At a, At b) {
  At sum{b_.add(a.base, b.base), a.step + b.step};
  if (a.offsets == no_ref || b.offsets == no_ref) sum.offsets = a.offsets == no_ref ? b.offsets : a.offsets;
  else sum.offsets = b_.add(a.offsets, b.offsets);
  return sum;
}

At Indexer::scale(At a, i64 by) {
  return {b_.multiply(a.base, by), a.step * by, a.offsets == no_ref ? no_ref : b_.multiply(a.offsets, by)};
}

Ref Indexer::lane_vector() {
  Ref v = b_.lane_numbers(lanes_.lanes);
  if (lanes_.limit == no_ref) return v;
  Ref last = b_.convert(b_.subtract(lanes_.limit, b_.integer(1)), DType::i32);
  return b_.minimum(v, b_.splat(last, lanes_.lanes));
}

Ref Indexer::offsets(At a) {
  Ref v = a.offsets;
  if (a.step != 0) {
    Ref lanes = b_.multiply(lane_vector(), a.step);
    v = v == no_ref ? lanes : b_.add(v, lanes);
  }
  Ref base = b_.splat(b_.convert(a.base, DType::i32), lanes_.lanes);
  return v == no_ref ? base : b_.add(v, base);
}

Ref Indexer::scalar(At a) {
  if (!a.uniform()) throw CompilerBug("an index that differs from lane to lane stands where one is needed for all");
  return a.base;
}

At Indexer::quotient(At a, i64 by) {
  if (by == 1) return a;
  if (a.uniform()) return {b_.quotient(a.base, b_.integer(by))};
  return {b_.integer(0), 0, b_.quotient(offsets(a), b_.constant(DType::i32, {.f = 0, .i = by}, lanes_.lanes))};
}

At Indexer::remainder(At a, i64 by) {
  if (a.uniform()) return {b_.remainder(a.base, b_.integer(by))};
  return {b_.integer(0), 0, b_.remainder(offsets(a), b_.constant(DType::i32, {.f = 0, .i = by}, lanes_.lanes))};
}

std::vector<At> Indexer::axes(Index const& index, Shape const& shape) {
  std::vector<At> all;
  for (auto const& chunk : index) {
    size_t first = all.size();
    auto count = static_cast<size_t>(chunk.axes);
    all.resize(first + count);
    At rest = chunk.at;
    for (size_t i = first + count; i-- > first;) {
      if (i == first) {
        all[i] = rest;
        break;
      }
      i64 extent = constant_extent(shape[i]);
      all[i] = remainder(rest, extent);
      rest = quotient(rest, extent);
    }
  }
  return all;
}

At Indexer::linear(std::vector<At> const& axes, Shape const& shape, size_t first, size_t last) {
  At sum = constant(0);
  i64 stride = 1;
  for (size_t i = last; i-- > first;) {
    sum = add(scale(axes[i], stride), sum);
    if (i > first) stride *= constant_extent(shape[i]);
  }
  return sum;
}

At Indexer::linear(Index const& index, Shape const& shape) {
  At sum = constant(0);
  size_t axis = shape.size();
  i64 stride = 1;
  for (size_t c = index.size(); c-- > 0;) {
    sum = add(scale(index[c].at, stride), sum);
    for (int k = 0; k < index[c].axes; ++k) {
      --axis;
      if (axis > 0) stride *= constant_extent(shape[axis]);
    }
  }
  return sum;
}

// From the innermost axis outwards: runs of chunks and runs of axes with the same number of elements belong together.
Index Indexer::reshape(Index const& index, Shape const& from, Shape const& to) {
  Index out; // innermost first, turned around at the end
  size_t chunk = index.size(), source = from.size(), axis = to.size();
  while (chunk > 0 || axis > 0) {
    Dim have = 1, want = 1;
    At sum = constant(0);
    int taken = 0;
    i64 stride = 1;
    auto take_chunk = [&] {
      --chunk;
      sum = add(scale(index[chunk].at, stride), sum);
      for (int k = 0; k < index[chunk].axes; ++k) have = have * from[--source];
      stride = have.constant().value_or(0);
    };
    auto take_axis = [&] {
      want = want * to[--axis];
      ++taken;
    };
    if (chunk > 0) take_chunk();
    if (axis > 0) take_axis();
    while (have != want) {
      bool more_chunks = !have.is_constant() ? false : !want.is_constant() || *have.constant() < *want.constant();
      if ((more_chunks && chunk > 0) || axis == 0) {
        if (chunk == 0) throw CompilerBug("a reshape between different numbers of elements");
        take_chunk();
      } else {
        take_axis();
      }
    }
    if (taken > 0) out.push_back({taken, sum});
  }
  return {out.rbegin(), out.rend()};
}

} // namespace nnc
