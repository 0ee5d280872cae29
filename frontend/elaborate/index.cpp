// x[...]: ints, ranges and `none` become one slice and one reshape, an int tensor or a run-time scalar a gather.
#include "frontend/elaborate/elaborator.h"

#include <fmt/core.h>

namespace nnc::front {

using syntax::Index;

namespace {

struct Axis { // what happens to one axis of the operand
  Dim start = 0, limit = 0;
  i64 stride = 1;
  bool removed = false;          // by an int
  ValueId gathered = no_value;   // by an int tensor, whose axes replace it
};

// The extent that a range leaves, rounded up.
std::optional<Dim> range_extent(Axis const& a) {
  Dim span = a.limit - a.start;
  if (a.stride == 1) return span;
  if (auto c = span.constant()) return Dim((*c + a.stride - 1) / a.stride);
  return span.divided_by(Dim(a.stride));
}

} // namespace

Any Elaborator::index_list(List const& items, std::vector<Index> const& indices, Location at) {
  if (indices.size() != 1) fail(at, "a list takes one index");
  Index const& i = indices.front();
  i64 n = static_cast<i64>(items.size());
  auto bound = [&](syntax::ExprPtr const& e, i64 missing, char const* what) {
    if (!e) return missing;
    i64 k = as_constant(eval(*e), e->at, what);
    return k < 0 ? k + n : k;
  };
  if (i.kind == Index::Kind::rest) return list_of(items);
  if (i.kind == Index::Kind::single) {
    i64 k = bound(i.first, 0, "the index of a list");
    if (k < 0 || k >= n) fail(i.at, fmt::format("index {} of a list of {}", k < 0 ? k - n : k, n));
    return items[static_cast<size_t>(k)];
  }
  i64 stride = i.stride ? as_constant(eval(*i.stride), i.stride->at, "the step of a range") : 1;
  if (stride < 1) fail(i.stride->at, "the step of a range must be at least 1");
  i64 first = bound(i.first, 0, "the start of a range"), last = bound(i.last, n, "the end of a range");
  if (first < 0 || last > n) fail(i.at, fmt::format("the range {}:{} of a list of {}", first, last, n));
  List out;
  for (i64 k = first; k < last; k += stride) out.push_back(items[static_cast<size_t>(k)]);
  return list_of(std::move(out));
}

Any Elaborator::index(Any const& base, std::vector<Index> const& indices, Location at) {
  if (auto* list = base.list()) return index_list(*list, indices, at);
  if (!base.tensor() || base.tensor()->tunes) fail(at, fmt::format("{} cannot be indexed", shown(base)));
  ValueId x = as_tensor(base, at);
  Type const type = graph_->type(x);

  // Evaluate the indices; count how many take an axis, so that `..` knows how many it fills.
  std::vector<std::pair<Index const*, Any>> items;
  int taken = 0, rests = 0;
  for (auto const& i : indices) {
    Any value;
    if (i.kind == Index::Kind::single) value = eval(*i.first);
    rests += i.kind == Index::Kind::rest;
    taken += i.kind == Index::Kind::range || (i.kind == Index::Kind::single && !value.is<None>());
    items.emplace_back(&i, std::move(value));
  }
  if (rests > 1) fail(at, "`..` stands at most once in an index");
  if (taken > type.rank()) fail(at, fmt::format("{} indices for {}", taken, shown(type)));

  auto extent_bound = [&](syntax::ExprPtr const& e, Dim const& missing, Dim const& extent) {
    if (!e) return missing;
    Dim d = as_int(eval(*e), e->at, "the end of a range");
    auto c = d.constant();
    if (c && *c < 0) d = d + extent;
    Dim above = d - extent;
    if (auto over = above.constant(); over && *over > 0)
      fail(e->at, fmt::format("the range ends at {}, the axis of {} has {}", shown(d), shown(type), shown(extent)));
    if (auto low = d.constant(); low && *low < 0) fail(e->at, fmt::format("the range starts in front of the axis, which has {}", shown(extent)));
    return d;
  };

  std::vector<Axis> axes;
  std::vector<int> order; // of the result: axis number, or -1 for a new axis
  bool sliced = false;
  int gathers = 0;
  for (auto const& [i, value] : items) {
    if (i->kind == Index::Kind::single && value.is<None>()) {
      order.push_back(-1);
      continue;
    }
    int repeat = i->kind == Index::Kind::rest ? type.rank() - taken : 1;
    for (int r = 0; r < repeat; ++r) {
      Dim extent = type.shape[axes.size()];
      Axis axis{.start = 0, .limit = extent};
      if (i->kind == Index::Kind::range) {
        axis.start = extent_bound(i->first, 0, extent);
        axis.limit = extent_bound(i->last, extent, extent);
        axis.stride = i->stride ? as_constant(eval(*i->stride), i->stride->at, "the step of a range") : 1;
        if (axis.stride < 1) fail(i->stride->at, "the step of a range must be at least 1", "`reverse(x, axis)` turns an axis around");
        if (auto c = (axis.limit - axis.start).constant(); c && *c < 0) axis.limit = axis.start;
      } else if (i->kind == Index::Kind::single && value.tensor() && !value.tensor()->tunes) {
        if (!is_int(type_of(value).dtype))
          fail(i->at, fmt::format("a tensor is indexed by ints, got {}", shown(value)), "a choice by truth is `select(c, a, b)`");
        if (++gathers > 1) fail(i->at, "an index may hold one int tensor");
        axis.gathered = as_tensor(value, i->at);
      } else if (i->kind == Index::Kind::single) {
        Dim k = as_int(value, i->at, "an index");
        if (auto c = k.constant(); c && *c < 0) k = k + extent;
        auto low = k.constant(), over = (k - extent).constant();
        if ((low && *low < 0) || (over && *over >= 0))
          fail(i->at, fmt::format("index {} is out of range: the axis of {} has {}", shown(*value.get<Dim>()), shown(type), shown(extent)));
        if (low && *low > 0 && !over) axis.gathered = builder(i->at).integer(DType::i32, *low); // perhaps outside: clamped and counted
        else axis.start = k, axis.limit = k + 1, axis.removed = true;
      }
      sliced |= !(axis.start == Dim(0)) || !(axis.limit == extent) || axis.stride != 1;
      order.push_back(static_cast<int>(axes.size()));
      axes.push_back(std::move(axis));
    }
  }
  while (static_cast<int>(axes.size()) < type.rank()) { // what is not mentioned is taken whole
    order.push_back(static_cast<int>(axes.size()));
    axes.push_back({.start = 0, .limit = type.shape[axes.size()]});
  }

  Builder& make = builder(at);
  if (sliced) {
    std::vector<Dim> start, limit;
    std::vector<i64> stride;
    bool strided = false;
    for (auto const& a : axes) start.push_back(a.start), limit.push_back(a.limit), stride.push_back(a.stride), strided |= a.stride != 1;
    Attributes attributes{{"limit", limit}, {"start", start}};
    if (strided) attributes.set("stride", stride);
    x = make.make(OpCode::slice, {x}, attributes);
  }
  for (size_t a = axes.size(); a-- > 0;)
    if (axes[a].gathered != no_value) x = make.make(OpCode::gather, {x, axes[a].gathered}, {{"axis", static_cast<i64>(a)}});

  Shape shape;
  for (int a : order) {
    if (a < 0) shape.push_back(1);
    else if (axes[a].gathered != no_value)
      for (auto const& d : graph_->type(axes[a].gathered).shape) shape.push_back(d);
    else if (!axes[a].removed) {
      auto extent = range_extent(axes[a]);
      if (!extent) fail(at, fmt::format("a step of {} over {} gives no extent that is known", axes[a].stride, shown(axes[a].limit - axes[a].start)));
      shape.push_back(*extent);
    }
  }
  if (shape != graph_->type(x).shape) x = make.reshape(x, shape);
  return tensor(x);
}

} // namespace nnc::front
