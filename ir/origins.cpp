#include "ir/origins.h"

#include "ir/index_map.h"
#include "ir/op.h"
#include "ir/scan.h"
#include "ir/walk.h"

#include <algorithm>
#include <cmath>
#include <limits>

namespace nnc {
namespace {

// So many elements of one tensor get an origin of their own, and so many sums are followed through each of their terms;
// those behind them share the last.
constexpr i64 told_apart = 64, followed = 1024;

f64 number_at(Tensor const& t, i64 element) {
  auto const k = static_cast<size_t>(element);
  return is_float(t.dtype) ? t.f[k] : static_cast<f64>(t.i[k]);
}

void add(Extent& extent, f64 x) {
  ++extent.elements;
  if (!std::isfinite(x)) {
    ++extent.not_finite;
    return;
  }
  bool const first = extent.elements - extent.not_finite == 1;
  extent.least = first ? x : std::min(extent.least, x);
  extent.greatest = first ? x : std::max(extent.greatest, x);
}

Extent extent_of(Tensor const& t) {
  Extent extent;
  for (i64 k = 0; k < t.size(); ++k) add(extent, number_at(t, k));
  return extent;
}

bool is_finite(Tensor const& t) {
  return std::all_of(t.f.begin(), t.f.end(), [](f64 x) { return std::isfinite(x); });
}

f64 largest_of(DType d) {
  switch (d) {
  case DType::f16: return 65504;
  case DType::bf16: return std::ldexp(255.0, 120);
  case DType::f32: return std::numeric_limits<f32>::max();
  default: return std::numeric_limits<f64>::max();
  }
}

// Which elements of an operand a node reads for one element of its result.
class Reads {
public:
  Reads(Function const& f, Node const& n, size_t operand, Watcher::Values const& values, Bindings const& bindings)
      : values_(values), bindings_(bindings), node_(n), shape_(values[n.operands[operand]].shape),
        result_(values[n.result()].shape) {
    if (n.results.size() != 1) return;
    map_ = index_map(f, n, operand);
    if (!map_) return;
    auto const space = space_of(f, n);
    extents_ = result_;
    for (size_t a = result_.size(); a < space.size(); ++a) extents_.push_back(space[a].value(bindings));
    for (auto const& c : map_->coordinates)
      if (c.by_data) indices_ = index_map(f, n, 1);
    if (depends_on_data(*map_) && !indices_) map_.reset();
    for (size_t a = result_.size(); a < extents_.size(); ++a) inner_ *= extents_[a];
    if (inner_ == 0) map_.reset(); // also where nothing says how long a summed axis is
  }

  bool known() const { return map_.has_value(); }
  i64 count() const { return inner_; } // at most

  template <class Visit>
  void each(i64 element, Visit const& visit) const {
    if (!map_) {
      for (i64 k = 0; k < count_of(shape_); ++k) visit(k);
      return;
    }
    std::vector<i64> point = index_of(element, result_);
    point.resize(extents_.size());
    for (i64 k = 0; k < inner_; ++k) {
      i64 rest = k;
      for (size_t a = extents_.size(); a-- > result_.size(); rest /= extents_[a]) point[a] = rest % extents_[a];
      if (auto const at = element_at(*map_, shape_, point)) visit(*at);
    }
  }

private:
  std::optional<i64> element_at(IndexMap const& map, std::vector<i64> const& shape,
                                std::vector<i64> const& point) const {
    i64 element = 0;
    size_t axis = 0;
    for (auto const& c : map.coordinates) {
      i64 extent = 1;
      for (int k = 0; k < c.axes; ++k) extent *= shape[axis++];
      i64 index = c.offset.value(bindings_);
      for (auto const& t : c.terms) index += t.step.value(bindings_) * point[static_cast<size_t>(t.axis)];
      if (c.by_data) {
        auto const& held = values_[node_.operands[1]];
        auto const at = element_at(*indices_, held.shape, point);
        i64 last = extent - 1;
        for (auto const& t : c.terms) last -= t.step.value(bindings_) * (extents_[static_cast<size_t>(t.axis)] - 1);
        if (!at) return {};
        index += std::clamp<i64>(held.i[static_cast<size_t>(*at)], 0, std::max<i64>(last, 0));
      }
      if (index < 0 || index % c.divide != 0 || index / c.divide >= extent) return {};
      element = element * extent + index / c.divide;
    }
    return element;
  }

  Watcher::Values const& values_;
  Bindings const& bindings_;
  Node const& node_;
  std::vector<i64> shape_, result_, extents_; // of the operand, the result, the space
  std::optional<IndexMap> map_, indices_;
  i64 inner_ = 1;
};

class Tracer final : public Watcher {
public:
  Tracer(Function const& f, Bindings const& bindings, std::function<void()> const& between)
      : f_(f), bindings_(bindings), between_(between), marks_(f.values.size()) {}

  // Per element 0 where it is finite, else the number of its origin, from 1; empty: all are finite.
  using Marks = std::vector<u32>;

  void begins(Values const& values) override {
    for (size_t i = 0; i < f_.arguments.size(); ++i)
      mark_given(values, f_.arguments[i].value, Origin::Kind::argument, i);
    for (ValueId v = 0; v < values.size(); ++v)
      if (f_.values[v].constant) mark_given(values, v, Origin::Kind::literal, 0);
  }

  void computed(Node const& n, Values const& values) override {
    for (auto const r : n.results) {
      auto const& y = values[r];
      note_largest(n, r, y);
      if (!is_float(y.dtype) || is_finite(y)) marks_[r].clear();
      else mark(n, r, values);
    }
    if (between_) between_();
  }

  void chosen(Node const& cond, Region const& side) override {
    for (size_t i = 0; i < cond.results.size(); ++i) marks_[cond.results[i]] = marks_[side.results[i]];
  }

  void scan_begins(Scan const& s) override {
    rounds_.push_back({&s.node, 0, s.length, s.reverse});
    for (size_t i = 0; i < s.carries; ++i) marks_[s.carried(i)] = marks_[s.first(i)];
    for (size_t i = 0; i < s.stacks(); ++i) marks_[s.stack(i)].clear();
  }
  void round_begins(Scan const& s, i64 at) override {
    rounds_.back().at = at;
    for (size_t i = 0; i < s.sequences; ++i) {
      auto const& all = marks_[s.sequence(i)];
      auto const size = static_cast<i64>(all.size()) / s.length;
      Marks part(all.begin() + at * size, all.begin() + (at + 1) * size);
      if (std::all_of(part.begin(), part.end(), [](u32 m) { return m == 0; })) part.clear();
      marks_[s.element(i)] = std::move(part);
    }
  }
  void round_ends(Scan const& s, i64 at) override {
    for (size_t i = 0; i < s.stacks(); ++i) {
      auto const& part = marks_[s.given(i)];
      auto& all = marks_[s.stack(i)];
      if (part.empty()) continue;
      all.resize(part.size() * static_cast<size_t>(s.length));
      std::copy(part.begin(), part.end(), all.begin() + at * static_cast<i64>(part.size()));
    }
    std::vector<Marks> next;
    for (size_t i = 0; i < s.carries; ++i) next.push_back(marks_[s.next(i)]);
    for (size_t i = 0; i < s.carries; ++i) marks_[s.carried(i)] = std::move(next[i]);
  }
  void scan_ends(Scan const& s) override {
    for (size_t i = 0; i < s.carries; ++i) marks_[s.last(i)] = marks_[s.carried(i)];
    rounds_.pop_back();
  }

  std::optional<size_t> origin_of(ValueId v) const {
    u32 best = 0;
    for (u32 const m : marks_[v]) best = better(best, m);
    return best ? std::optional<size_t>(best - 1) : std::nullopt;
  }
  std::vector<Origin> list;
  Origins::Largest largest;

private:
  bool is_meant(u32 mark) const { return list[mark - 1].meant; }
  // The earlier one; what was meant only if there is nothing else.
  u32 better(u32 a, u32 b) const {
    if (a == 0 || b == 0) return std::max(a, b);
    if (is_meant(a) != is_meant(b)) return is_meant(a) ? b : a;
    return std::min(a, b);
  }

  void note_largest(Node const& n, ValueId v, Tensor const& y) {
    for (f64 const x : y.f) {
      f64 const share = std::abs(x) / largest_of(y.dtype);
      if (std::isfinite(x) && share > largest.share) largest = {&n, v, x, share};
    }
  }

  void mark_given(Values const& values, ValueId v, Origin::Kind kind, size_t argument) {
    auto const& x = values[v];
    if (!is_float(x.dtype) || is_finite(x)) return;
    bool const meant = kind == Origin::Kind::literal || f_.arguments[argument].role == Role::scalar;
    Origin origin{
        .kind = kind, .meant = meant, .argument = argument, .value = v, .shape = x.shape, .all = extent_of(x)};
    auto& marks = marks_[v];
    marks.assign(static_cast<size_t>(x.size()), 0);
    i64 apart = 0;
    for (i64 k = 0; k < x.size(); ++k) {
      if (std::isfinite(number_at(x, k))) continue;
      if (apart++ < told_apart) {
        origin.element = k, origin.number = number_at(x, k);
        list.push_back(origin);
      }
      marks[static_cast<size_t>(k)] = static_cast<u32>(list.size());
    }
  }

  // What an element that is not finite may come from: the operands that its node reads, and how.
  struct Source {
    Reads reads;
    Marks const* marks;
    u32 best = 0; // of all elements
  };

  std::vector<Source> sources_of(Node const& n, Values const& values) const {
    std::vector<Source> sources;
    for (size_t i = 0; i < n.operands.size(); ++i) {
      auto const& marks = marks_[n.operands[i]];
      if (marks.empty()) continue;
      Source source{Reads(f_, n, i, values, bindings_), &marks};
      for (u32 const m : marks) source.best = better(source.best, m);
      if (source.best) sources.push_back(std::move(source));
    }
    return sources;
  }

  // The side that a `select` does not take says nothing.
  bool is_taken(Node const& n, Values const& values, Marks const* marks, i64 element) const {
    if (n.op != OpCode::select || marks == &marks_[n.operands[0]]) return true;
    auto const& condition = values[n.operands[0]];
    bool const first = condition.i[condition.size() == 1 ? 0 : static_cast<size_t>(element)] != 0;
    return marks == &marks_[n.operands[first ? 1 : 2]];
  }

  void mark(Node const& n, ValueId r, Values const& values) {
    auto const& y = values[r];
    auto const sources = sources_of(n, values);
    Marks marks(static_cast<size_t>(y.size()), 0);
    std::optional<Origin> fresh;
    i64 apart = 0, looked = 0;
    for (i64 k = 0; k < y.size(); ++k) {
      f64 const x = number_at(y, k);
      if (std::isfinite(x)) continue;
      u32 best = 0;
      for (auto const& source : sources) {
        if (!is_taken(n, values, source.marks, k)) continue;
        bool const follow = source.reads.known() && (source.reads.count() == 1 || looked < followed);
        if (follow)
          source.reads.each(k, [&](i64 at) { best = better(best, (*source.marks)[static_cast<size_t>(at)]); });
        else best = better(best, source.best);
      }
      ++looked;
      bool const made = best == 0 || (is_meant(best) && std::isnan(x));
      if (made && apart++ < told_apart) {
        if (!fresh) fresh = made_by(n, r, y);
        fresh->element = k, fresh->number = x;
        add_operands(*fresh, values);
        list.push_back(*fresh);
      }
      marks[static_cast<size_t>(k)] = made ? static_cast<u32>(list.size()) : best;
    }
    marks_[r] = std::move(marks);
  }

  Origin made_by(Node const& n, ValueId r, Tensor const& y) const {
    Origin origin{.node = &n, .value = r, .shape = y.shape, .all = extent_of(y), .rounds = rounds_};
    return origin;
  }

  void add_operands(Origin& origin, Values const& values) const {
    auto const& n = *origin.node;
    auto const before = std::move(origin.operands);
    origin.operands.clear();
    for (size_t i = 0; i < n.operands.size(); ++i) {
      auto const& x = values[n.operands[i]];
      Origin::Operand operand{.value = n.operands[i], .shape = x.shape};
      operand.all = before.empty() ? extent_of(x) : before[i].all;
      Reads const reads(f_, n, i, values, bindings_);
      operand.known = reads.known();
      bool first = true;
      if (operand.known)
        reads.each(origin.element, [&](i64 at) {
          f64 const number = number_at(x, at);
          if (first) operand.element = at, operand.number = number;
          first = false;
          add(operand.read, number);
        });
      origin.operands.push_back(std::move(operand));
    }
  }

  Function const& f_;
  Bindings bindings_;
  std::function<void()> const& between_;
  std::vector<Marks> marks_; // by value
  std::vector<Origin::Round> rounds_;
};

} // namespace

std::vector<i64> index_of(i64 element, std::vector<i64> const& shape) {
  std::vector<i64> index(shape.size());
  for (size_t i = shape.size(); i-- > 0; element /= shape[i]) index[i] = element % shape[i];
  return index;
}

Origins find_origins(Module const& m, Function const& f, std::vector<Tensor> const& inputs,
                     std::function<void()> const& between) {
  Tracer tracer(f, bindings_of(m, f, inputs), between);
  Evaluation how;
  how.watcher = &tracer;
  Origins origins;
  origins.results = evaluate(m, f, inputs, how);
  for (auto const& result : f.results) origins.of_result.push_back(tracer.origin_of(result.value));
  origins.list = std::move(tracer.list);
  origins.largest = tracer.largest;
  return origins;
}

} // namespace nnc
