#include "frontend/elaborate/index.h"
#include "frontend/elaborate/batch_number.h"
#include "frontend/elaborate/budget.h"
#include "frontend/elaborate/constants.h"
#include "frontend/elaborate/context.h"
#include "frontend/elaborate/errors.h"
#include "frontend/elaborate/expression.h"
#include "frontend/elaborate/suggestions.h"
#include "frontend/elaborate/tensor.h"

#include <algorithm>
#include <fmt/core.h>

namespace nnc::front {

using syntax::Index;

namespace {

struct Item { // an evaluated index; what is missing is none
  Index const* syntax = nullptr;
  Any first, last, stride;
};

struct Axis { // what happens to one axis of the operand
  Dim start = 0, limit = 0;
  i64 stride = 1;
  bool removed = false;        // by an int
  ValueId gathered = no_value; // by an int tensor, whose axes replace it
  std::string fixed;           // what needs a number for the extent, and where it stands
  Location fixed_at = {};
};

// Collects what happens to each axis, then makes the nodes.
class Indexing {
public:
  Indexing(Elaborator& e, Type type, Location at)
      : e_(e), now_(e.now), errors_(e.errors), type_(std::move(type)), at_(at) {}

  void add(Item const& item, int repeat) {
    if (item.syntax->kind == Index::Kind::single && item.first.is<None>()) return order_.push_back(-1);
    for (int r = 0; r < repeat; ++r) {
      Dim extent = type_.shape[axes_.size()];
      Axis axis{.start = 0, .limit = extent};
      if (item.syntax->kind == Index::Kind::range) range(axis, item, extent);
      if (item.syntax->kind == Index::Kind::single) single(axis, item, extent);
      sliced_ |= !(axis.start == Dim(0)) || !(axis.limit == extent) || axis.stride != 1 || !axis.fixed.empty();
      order_.push_back(static_cast<int>(axes_.size()));
      axes_.push_back(std::move(axis));
    }
  }

  ValueId apply(ValueId x) {
    for (size_t a = 0; a < axes_.size(); ++a)
      if (!axes_[a].fixed.empty()) x = e_.batch_number.fix(x, static_cast<i64>(a), axes_[a].fixed_at, axes_[a].fixed);
    if (sliced_) x = slice(x);
    for (size_t a = axes_.size(); a-- > 0;)
      if (axes_[a].gathered != no_value)
        x = e_.tensors.builder(at_).make(OpCode::gather, {x, axes_[a].gathered}, {{"axis", static_cast<i64>(a)}});
    Shape shape = result_shape();
    return shape == now_.graph->type(x).shape ? x : e_.tensors.builder(at_).reshape(x, shape);
  }

private:
  // One end of a range: negative ones count from the end of the axis.
  Dim bound(Any const& value, Location at, Dim const& missing, Dim const& extent) {
    if (value.is<None>()) return missing;
    Dim const d = e_.constants.as_int(value, at, "the end of a range");
    auto const c = d.constant();
    return c && *c < 0 ? d + extent : d;
  }

  // What is known of a range to be wrong: `in_batch` says of which size of batch.
  void expect_inside(Axis const& axis, Index const& i, Dim const& extent, std::string const& in_batch) {
    auto const expect = [&](Dim const& end, Location at) {
      if (auto over = (end - extent).constant(); over && *over > 0)
        errors_.fail(at, fmt::format("the range ends at {}, the axis of {} has {}{}", shown(end), shown(type_),
                                     shown(extent), in_batch));
      if (auto low = end.constant(); low && *low < 0)
        errors_.fail(at, fmt::format("the range starts in front of the axis, which has {}{}", shown(extent), in_batch));
    };
    expect(axis.start, i.first ? i.first->at : i.at);
    expect(axis.limit, i.last ? i.last->at : i.at);
    if (auto c = (axis.limit - axis.start).constant(); c && *c < 0)
      errors_.fail(i.at,
                   fmt::format("the range {}:{} ends in front of its start", shown(axis.start), shown(axis.limit)),
                   "`reverse(x, axis)` turns an axis around");
  }

  void range(Axis& axis, Item const& item, Dim const& extent) {
    auto const& i = *item.syntax;
    axis.start = bound(item.first, i.first ? i.first->at : i.at, 0, extent);
    axis.limit = bound(item.last, i.last ? i.last->at : i.at, extent, extent);
    axis.stride = i.stride ? e_.constants.as_constant(item.stride, i.stride->at, "the step of a range") : 1;
    if (axis.stride < 1)
      errors_.fail(i.stride->at, "the step of a range must be at least 1", "`reverse(x, axis)` turns an axis around");
    expect_inside(axis, i, extent, "");
    bool const sure = surely_holds(extent, axis.limit) && surely_holds(axis.limit, axis.start) &&
                      surely_holds(axis.start, 0) && (axis.stride == 1 || (axis.limit - axis.start).is_constant());
    if (sure) return;
    axis.fixed = fmt::format("the range {}:{}{} of an axis of {}", shown(axis.start), shown(axis.limit),
                             axis.stride == 1 ? "" : fmt::format(":{}", axis.stride), shown(extent));
    axis.fixed_at = i.at;
    auto const number = [&](Dim const& d) { return Dim(e_.batch_number.of(d, i.at, axis.fixed)); };
    axis.start = number(axis.start), axis.limit = number(axis.limit);
    expect_inside(axis, i, number(extent), e_.batch_number.in_batch(extent));
  }

  void single(Axis& axis, Item const& item, Dim const& extent) {
    Location at = item.syntax->at;
    if (item.first.tensor() && !item.first.tensor()->tunes) {
      if (!is_int(type_of(item.first).dtype))
        errors_.fail(at, fmt::format("a tensor is indexed by ints, got {}", shown(item.first)),
                     "a choice by truth is `select(c, a, b)`");
      if (++gathers_ > 1) errors_.fail(at, "an index may hold one int tensor");
      axis.gathered = e_.tensors.as_tensor(item.first, at);
      return;
    }
    Dim k = e_.constants.as_int(item.first, at, "an index");
    if (auto c = k.constant(); c && *c < 0) k = k + extent;
    auto low = k.constant(), over = (k - extent).constant();
    if ((low && *low < 0) || (over && *over >= 0))
      errors_.fail(at, fmt::format("index {} is out of range: the axis of {} has {}", shown(*item.first.get<Dim>()),
                                   shown(type_), shown(extent)));
    if (!surely_holds(k, 0) || !surely_holds(extent, k + 1)) // perhaps outside: clamped and counted
      axis.gathered = e_.tensors.as_tensor(Any{k}, DType::i32, at);
    else axis.start = k, axis.limit = k + 1, axis.removed = true;
  }

  ValueId slice(ValueId x) {
    std::vector<Dim> start, limit;
    std::vector<i64> stride;
    bool strided = false;
    for (auto const& a : axes_)
      start.push_back(a.start), limit.push_back(a.limit), stride.push_back(a.stride), strided |= a.stride != 1;
    Attributes attributes{{"limit", limit}, {"start", start}};
    if (strided) attributes.set("stride", stride);
    return e_.tensors.builder(at_).make(OpCode::slice, {x}, attributes);
  }

  // The extent that a range leaves, rounded up.
  Dim extent_of(Axis const& a) {
    Dim const span = a.limit - a.start;
    if (a.stride == 1) return span;
    i64 const n = *span.constant();
    return Dim(n / a.stride + (n % a.stride != 0));
  }

  Shape result_shape() {
    Shape shape;
    for (int a : order_) {
      if (a < 0) shape.push_back(1);
      else if (axes_[a].gathered != no_value)
        for (auto const& d : now_.graph->type(axes_[a].gathered).shape) shape.push_back(d);
      else if (!axes_[a].removed) shape.push_back(extent_of(axes_[a]));
    }
    return shape;
  }

  Elaborator& e_;
  Context& now_;
  Errors& errors_;
  Type type_;
  Location at_;
  std::vector<Axis> axes_;
  std::vector<int> order_; // of the result: number of an axis, or -1 for a new one
  bool sliced_ = false;
  int gathers_ = 0;
};

Any index_list(Elaborator& e, List const& items, std::vector<Index> const& indices, Location at) {
  if (indices.size() != 1) e.errors.fail(at, "a list takes one index");
  Index const& i = indices.front();
  i64 n = static_cast<i64>(items.size());
  auto bound = [&](syntax::ExprPtr const& x, i64 missing, char const* what) {
    if (!x) return missing;
    i64 k = e.constants.as_constant(e.expressions.eval(*x), x->at, what);
    return k < 0 ? k + n : k;
  };
  if (i.kind == Index::Kind::rest) return list_of(items);
  if (i.kind == Index::Kind::single) {
    i64 k = bound(i.first, 0, "the index of a list");
    if (k < 0 || k >= n) e.errors.fail(i.at, fmt::format("index {} of a list of {}", k < 0 ? k - n : k, n));
    return items[static_cast<size_t>(k)];
  }
  i64 stride =
      i.stride ? e.constants.as_constant(e.expressions.eval(*i.stride), i.stride->at, "the step of a range") : 1;
  if (stride < 1) e.errors.fail(i.stride->at, "the step of a range must be at least 1");
  i64 first = bound(i.first, 0, "the start of a range"), last = bound(i.last, n, "the end of a range");
  if (first < 0 || last > n) e.errors.fail(i.at, fmt::format("the range {}:{} of a list of {}", first, last, n));
  List out;
  stride = std::min(stride, n + 1); // a larger step takes the first one alone, too
  for (i64 k = first; k < last; k += stride) out.push_back(items[static_cast<size_t>(k)]);
  e.budget.spend(out.size() * price_of_item, i.at);
  return list_of(std::move(out));
}

} // namespace

Any indexed(Elaborator& e, Any const& base, std::vector<Index> const& indices, Location at) {
  if (auto* list = base.list()) return index_list(e, *list, indices, at);
  std::optional<std::string> help;
  if (auto const* f = base.get<FunctionValue>()) help = fmt::format("a call has parentheses, `{}`", shown_call(*f));
  if (base.is<DType>()) help = "a type stands behind a colon, `y: f32[batch, 32] = x`";
  if (!base.tensor() || base.tensor()->tunes) e.errors.fail(at, fmt::format("{} cannot be indexed", shown(base)), help);
  ValueId x = e.tensors.as_tensor(base, at);
  Type const type = e.now.graph->type(x);
  auto value_of = [&](syntax::ExprPtr const& x) { return x ? e.expressions.eval(*x) : Any{None{}}; };
  std::vector<Item> items;
  int taken = 0, rests = 0; // how many take an axis each, so that `..` knows how many it fills
  for (auto const& i : indices) {
    items.push_back({.syntax = &i, .first = value_of(i.first), .last = value_of(i.last), .stride = value_of(i.stride)});
    rests += i.kind == Index::Kind::rest;
    taken += i.kind == Index::Kind::range || (i.kind == Index::Kind::single && !items.back().first.is<None>());
  }
  if (rests > 1) e.errors.fail(at, "`..` stands at most once in an index");
  if (taken > type.rank()) e.errors.fail(at, fmt::format("{} indices for {}", taken, shown(type)));
  Indexing indexing(e, type, at);
  for (auto const& item : items) indexing.add(item, item.syntax->kind == Index::Kind::rest ? type.rank() - taken : 1);
  Index const whole{.kind = Index::Kind::rest, .at = at};
  if (rests == 0) indexing.add({.syntax = &whole}, type.rank() - taken); // what is not mentioned is taken whole
  size_t const before = e.now.nodes_so_far();
  return e.tensors.own_value(e.tensors.tensor(indexing.apply(x)), before, at);
}

} // namespace nnc::front
