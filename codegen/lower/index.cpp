#include "codegen/lower/index.h"

#include "codegen/lower/storage.h"

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

At Indexer::scale(At a, Dim const& by) {
  if (auto k = by.constant())
    return {b_.multiply(a.base, *k), a.step * *k, a.offsets == no_ref ? no_ref : b_.multiply(a.offsets, *k)};
  Ref const base = b_.multiply(a.base, extent(b_, by));
  if (a.uniform()) return {base};
  return {base, 0, b_.multiply(offsets({b_.integer(0), a.step, a.offsets}), in_lanes(by))};
}

Ref Indexer::in_lanes(Dim const& d) {
  if (auto k = d.constant()) return b_.constant(DType::i32, {.f = 0, .i = *k}, lanes_.lanes);
  return b_.splat(b_.convert(extent(b_, d), DType::i32), lanes_.lanes);
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

At Indexer::quotient(At a, Dim const& by) {
  if (by == Dim(1)) return a;
  if (a.uniform()) return {b_.quotient(a.base, extent(b_, by))};
  return {b_.integer(0), 0, b_.quotient(offsets(a), in_lanes(by))};
}

At Indexer::remainder(At a, Dim const& by) {
  if (a.uniform()) return {b_.remainder(a.base, extent(b_, by))};
  return {b_.integer(0), 0, b_.remainder(offsets(a), in_lanes(by))};
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
      all[i] = remainder(rest, shape[i]);
      rest = quotient(rest, shape[i]);
    }
  }
  return all;
}

At Indexer::linear(std::vector<At> const& axes, Shape const& shape, size_t first, size_t last) {
  At sum = constant(0);
  Dim stride = 1;
  for (size_t i = last; i-- > first;) {
    sum = add(scale(axes[i], stride), sum);
    if (i > first) stride = stride * shape[i];
  }
  return sum;
}

At Indexer::linear(Index const& index, Shape const& shape) {
  At sum = constant(0);
  size_t axis = shape.size();
  Dim stride = 1;
  for (size_t c = index.size(); c-- > 0;) {
    sum = add(scale(index[c].at, stride), sum);
    for (int k = 0; k < index[c].axes; ++k) {
      --axis;
      if (axis > 0) stride = stride * shape[axis];
    }
  }
  return sum;
}

// A run of axes that the terms see as one needs no division.
At Indexer::sum(IndexMap::Coordinate const& c, Index const& point, Shape const& space) {
  At total{extent(b_, c.offset)};
  size_t first = 0;
  std::vector<At> split;
  for (auto const& chunk : point) {
    size_t const last = first + static_cast<size_t>(chunk.axes);
    if (auto step = step_along(c, space, first, last)) {
      if (*step != Dim(0)) total = add(total, scale(chunk.at, *step));
    } else {
      if (split.empty()) split = axes(point, space);
      for (auto const& t : c.terms) {
        auto const axis = static_cast<size_t>(t.axis);
        if (axis >= first && axis < last) total = add(total, scale(split[axis], t.step));
      }
    }
    first = last;
  }
  return total;
}

} // namespace nnc
