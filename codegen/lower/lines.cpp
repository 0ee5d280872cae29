// A node along the lines of an axis: `recurrence`, a fold, `sort`. The results have one shape, seen as [outer, length,
// inner], the line being the axis in the middle; a line is one index of outer and one of inner. Lines need nothing of
// each other, so threads divide them, and lanes are lines.
//
// Lines that are neighbours in memory (inner > 1) are read and written as vectors; else the lanes are rows, each with
// an address of its own.
#include "codegen/lower/lower.h"

#include "ir/kernel_space.h"
#include "ir/op.h"

#include <bit>

namespace nnc {
namespace {

class Lines {
public:
  Lines(Puller& p, KernelContext const& k)
      : p_(p), b_(p.builder()), k_(k), n_(node_of(k.kernel)), shape_(k.type(0).shape),
        axis_(static_cast<size_t>(n_.attributes.get<i64>("axis"))), lanes_(k.schedule().pointwise.lanes),
        outer_(element_count({shape_.begin(), middle()})), inner_(element_count({middle() + 1, shape_.end()})) {}

  void run() {
    buffers_ = result_buffers(p_, k_);
    for (auto const& d : shape_)
      if (d == Dim(0)) return;
    length_ = extent(b_, p_.shape(n_.operands[op_.has(accumulates) ? 1 : 0])[axis_]);
    if (inner_ == Dim(1)) rows();
    else neighbours();
  }

private:
  // Some lines at a time: those that stand at these indices of outer and inner, one of which goes along with the lanes.
  struct Group {
    At outer, inner;
    Ref limit = no_ref; // of the lanes
  };

  Shape::const_iterator middle() const { return shape_.begin() + static_cast<std::ptrdiff_t>(axis_); }

  // ---- which lines

  void neighbours() {
    bool const by_outer = outer_ != Dim(1);
    Share const share = by_outer ? share_of(b_, extent(b_, outer_), k_) : Share{b_.integer(0), b_.integer(1)};
    auto const loop = p_.open(share.begin, share.end);
    in_lanes(inner_, !by_outer, [&](At inner, Ref limit) { lines({{loop.index}, inner, limit}); });
    p_.close();
  }

  // A vector of lines after the other, the last one perhaps with fewer.
  template <class Body>
  void in_lanes(Dim const& lines, bool shared, Body body) {
    Ref const count = extent(b_, lines), full = b_.quotient(count, b_.integer(lanes_));
    Ref const rest = b_.subtract(count, b_.multiply(full, lanes_));
    auto const range = [&](Ref units) { return shared ? share_of(b_, units, k_) : Share{b_.integer(0), units}; };
    auto const known = b_.known(count);
    if (!known || *known >= lanes_) {
      Share const share = range(full);
      auto const loop = p_.open(share.begin, share.end);
      p_.set_lanes({static_cast<int>(lanes_), no_ref});
      body(At{b_.multiply(loop.index, lanes_), 1}, no_ref);
      p_.set_lanes({});
      p_.close();
    }
    if (lanes_ == 1 || (known && *known % lanes_ == 0)) return;
    Share const share = range(b_.minimum(rest, b_.integer(1)));
    p_.open(share.begin, share.end);
    p_.set_lanes({static_cast<int>(lanes_), rest});
    body(At{b_.multiply(full, lanes_), 1}, rest);
    p_.set_lanes({});
    p_.close();
  }

  void rows() {
    if (sorts_) return one_by_one(b_.integer(0)); // the lanes of a sort go along the line
    Ref const count = extent(b_, outer_), full = b_.quotient(count, b_.integer(lanes_));
    auto const known = b_.known(count);
    if (!known || *known >= lanes_) {
      Share const share = share_of(b_, full, k_);
      auto const loop = p_.open(share.begin, share.end);
      p_.set_lanes({static_cast<int>(lanes_), no_ref});
      lines({{b_.multiply(loop.index, lanes_), 1}, {b_.integer(0)}});
      p_.set_lanes({});
      p_.close();
    }
    if (lanes_ > 1 && (!known || *known % lanes_)) one_by_one(b_.multiply(full, lanes_));
  }

  void one_by_one(Ref first) {
    Share const share = share_of(b_, b_.subtract(extent(b_, outer_), first), k_);
    auto const loop = p_.open(share.begin, share.end);
    lines({{b_.add(first, loop.index)}, {b_.integer(0)}});
    p_.close();
  }

  // ---- places
  // --------------------------------------------------------------------------------------------------------

  Index line(Group const& g) const {
    Index index;
    if (axis_ > 0) index.push_back({static_cast<int>(axis_), g.outer});
    if (axis_ + 1 < shape_.size()) index.push_back({static_cast<int>(shape_.size() - axis_ - 1), g.inner});
    return index;
  }
  Index element(Group const& g, At t) const {
    Index index = line(g);
    index.insert(index.begin() + (axis_ > 0), Chunk{1, t});
    return index;
  }
  Ref pull(size_t operand, Index const& index) {
    ValueId const v = n_.operands[operand];
    return b_.splat(p_.pull(v, p_.shape(v).empty() ? Index{} : index), p_.lanes().lanes);
  }
  void store(size_t result, At where, Ref value, Ref limit) {
    int const buffer = buffers_[result], lanes = b_.type(value).lanes;
    if (lanes == 1 || (where.step == 1 && where.offsets == no_ref)) return b_.store(buffer, where.base, value, limit);
    for (i64 l = 0; l < lanes; ++l) {
      Ref place = b_.add(where.base, b_.integer(l * where.step));
      if (where.offsets != no_ref)
        place = b_.add(place, b_.convert(b_.extract(where.offsets, b_.integer(l)), DType::i64));
      b_.store(buffer, place, b_.extract(value, b_.integer(l)));
    }
  }

  void lines(Group const& g) {
    if (n_.attributes.has("first")) pick(g);
    else if (sorts_) sort(g);
    else running(g);
  }

  // ---- y[t] = a[t] * y[t-1] + b[t], or the join of y[t-1] and x[t]

  void running(Group const& g) {
    DType const d = k_.type(0).dtype;
    bool const reverse = n_.attributes.get_or("reverse", false);
    int const lanes = p_.lanes().lanes;
    Ref const start = op_.join ? b_.constant(d, start_of(*op_.join, d), lanes) : pull(2, line(g));
    auto const loop = p_.open(b_.integer(0), length_, 1, {start});
    At const t{reverse ? b_.subtract(b_.subtract(length_, b_.integer(1)), loop.index) : loop.index};
    Index const index = element(g, t);
    Ref const y = op_.join ? b_.compute(*op_.join, {loop.carried[0], pull(0, index)}) : step(index, loop.carried[0]);
    store(0, p_.indexer().linear(index, shape_), y, g.limit);
    p_.close({y});
  }

  Ref step(Index const& index, Ref before) {
    Ref const a = pull(0, index), b = pull(1, index);
    return is_float(b_.type(b).dtype) ? b_.fma(a, before, b) : b_.add(b_.multiply(a, before), b);
  }

  // ---- sort
  //
  // In place, in both results: values and, beside each, the index that it had, which decides between equal ones, so
  // that no two elements are equal. Batcher's odd-even merge sort, a network: which elements are compared does not
  // depend on the elements. Runs of p elements that are sorted become runs of 2p, for p = 1, 2, 4 ...: first element i
  // of one run is put in order with i of the next one, then, for k = p/2, p/4 ... 1, elements that are k apart, from k
  // on in steps of 2k:
  //
  //     blocks of 2p elements from u on | j = u + k, u + 3k ... up to u + 2p - 2k (k = p: j = u) | i in j .. j + k
  //                                       i and i + k are put in order, where there is such an element

  void sort(Group const& g) {
    bool const across = inner_ != Dim(1); // lanes are lines, else they go along the line
    fill(g, across);
    Ref const levels = b_.bit_width(b_.subtract(length_, b_.integer(1)));
    auto const level = p_.open(b_.integer(0), levels, 1, {b_.integer(1)});
    Ref const p = level.carried[0], steps = b_.add(level.index, b_.integer(1)); // k takes so many values
    if (across || lanes_ == 1) {
      exchange_steps(g, p, p, steps);
    } else { // the last values of k are smaller than a vector
      i64 const small = std::countr_zero(static_cast<u64>(lanes_));
      exchange_steps(g, p, p, b_.subtract(steps, b_.integer(small)));
      for (i64 k = lanes_ / 2; k > 0; k /= 2) {
        p_.open(b_.integer(0), b_.minimum(b_.quotient(p, b_.integer(k)), b_.integer(1)));
        exchange_small(g, p, k);
        p_.close();
      }
    }
    p_.close({b_.multiply(p, i64{2})});
  }

  void fill(Group const& g, bool across) {
    auto const put = [&](At t, Ref limit) {
      Index const index = element(g, t);
      At const where = p_.indexer().linear(index, shape_);
      int const lanes = p_.lanes().lanes;
      store(0, where, pull(0, index), limit);
      Ref const number = t.uniform() ? b_.convert(t.base, DType::i32) : p_.indexer().offsets({t.base, t.step});
      store(1, where, b_.splat(number, lanes), limit);
    };
    if (!across) return in_lanes(shape_[axis_], false, put);
    auto const loop = p_.open(b_.integer(0), length_);
    put({loop.index}, g.limit);
    p_.close();
  }

  // For `count` values of k, each half of the one before.
  void exchange_steps(Group const& g, Ref p, Ref k, Ref count) {
    auto const step = p_.open(b_.integer(0), count, 1, {k});
    k = step.carried[0];
    blocks(p, k, [&](Ref first, Ref pieces) {
      auto const piece = p_.open(b_.integer(0), pieces);
      exchange_run(g, b_.add(first, b_.multiply(b_.multiply(k, i64{2}), piece.index)), k);
      p_.close();
    });
    p_.close({b_.quotient(k, b_.integer(2))});
  }

  // Blocks of 2p elements: body(the first j, how many values of j there are).
  template <class Body>
  void blocks(Ref p, Ref k, Body body) {
    Ref const twice = b_.multiply(p, i64{2}), one = b_.integer(1), zero = b_.integer(0);
    Ref const merges = b_.compute(OpCode::eq, {k, p});
    Ref const offset = b_.select(merges, zero, k);
    Ref const pieces = b_.select(merges, one, b_.subtract(b_.quotient(p, k), one));
    auto const block = p_.open(zero, b_.quotient(b_.add(length_, b_.subtract(twice, one)), twice));
    body(b_.add(b_.multiply(block.index, twice), offset), pieces);
    p_.close();
  }

  // k pairs at a time, without a loop over them, while there are as many.
  void exchange_small(Group const& g, Ref p, i64 k) {
    Ref const zero = b_.integer(0), ks = b_.integer(k);
    blocks(p, ks, [&](Ref first, Ref pieces) {
      Ref const whole = b_.quotient(b_.maximum(b_.subtract(length_, first), zero), b_.integer(2 * k));
      Ref const full = b_.minimum(pieces, whole);
      auto const piece = p_.open(zero, full);
      Ref const j = b_.add(first, b_.multiply(piece.index, 2 * k));
      for (i64 i = 0; i < k; ++i) {
        Ref const at = b_.add(j, b_.integer(i));
        exchange(place(g, at), place(g, b_.add(at, ks)), 1, no_ref);
      }
      p_.close();
      if (k == 1) return;
      p_.open(full, b_.minimum(pieces, b_.add(full, b_.integer(1))));
      exchange_run(g, b_.add(first, b_.multiply(full, 2 * k)), ks);
      p_.close();
    });
  }

  // The pairs (i, i + k) from i = j on, k of them if there are as many elements: in lanes along the line, or one by one
  // where the lanes are lines.
  void exchange_run(Group const& g, Ref j, Ref k) {
    Ref const pairs = b_.maximum(b_.minimum(b_.subtract(b_.subtract(length_, k), j), k), b_.integer(0));
    auto const each = [&](Ref begin, Ref end, i64 step, int lanes) {
      auto const loop = p_.open(begin, end, step);
      Ref const i = b_.add(j, loop.index);
      exchange(place(g, i), place(g, b_.add(i, k)), lanes, g.limit);
      p_.close();
    };
    if (inner_ != Dim(1) || lanes_ == 1) return each(b_.integer(0), pairs, 1, p_.lanes().lanes);
    Ref const full = b_.multiply(b_.quotient(pairs, b_.integer(lanes_)), lanes_);
    each(b_.integer(0), full, lanes_, static_cast<int>(lanes_));
    each(full, pairs, 1, 1);
  }

  Ref place(Group const& g, Ref t) { return p_.indexer().linear(element(g, {t}), shape_).base; }

  void exchange(Ref low, Ref high, int lanes, Ref limit) {
    auto const load = [&](size_t result, Ref at) {
      return b_.load(buffers_[result], k_.type(result).dtype, lanes, at, limit);
    };
    Ref const a = load(0, low), b = load(0, high), index_a = load(1, low), index_b = load(1, high);
    Ref const turned = either(comes_before(b, a), b_.both(negated(comes_before(a, b)), less(index_b, index_a)));
    auto const put = [&](size_t result, Ref x, Ref y) {
      b_.store(buffers_[result], low, b_.select(turned, y, x), limit);
      b_.store(buffers_[result], high, b_.select(turned, x, y), limit);
    };
    put(0, a, b);
    put(1, index_a, index_b);
  }

  // ---- the first ones of a sorted line
  //
  // The results hold the first of the elements seen so far, in order. An element that comes before the last of them is
  // put in its place among them, those behind it move on, and the last one falls out. Most elements of a long line do
  // not.

  void pick(Group const& g) {
    Ref const zero = b_.integer(0), one = b_.integer(1), kept = extent(b_, shape_[axis_]);
    auto const start = p_.open(zero, kept);
    auto const last = put_in_order(g, start.index, pull(0, element(g, {start.index})), start.index);
    Ref const end = place(g, start.index);
    for (size_t result : {0, 1}) b_.store(buffers_[result], end, last[result], g.limit);
    p_.close();

    auto const rest = p_.open(kept, length_);
    Ref const x = pull(0, element(g, {rest.index}));
    Ref const before = comes_before(x, load(0, place(g, b_.subtract(kept, one)), g.limit));
    p_.open(zero, any(before));
    put_in_order(g, kept, x, rest.index);
    p_.close();
    p_.close();
  }

  // Among so many elements that are in order; gives that which falls out. Behind the place of x all of them move on.
  std::vector<Ref> put_in_order(Group const& g, Ref count, Ref x, Ref number) {
    Ref const index = b_.splat(b_.convert(number, DType::i32), p_.lanes().lanes);
    auto const step = p_.open(b_.integer(0), count, 1, {x, index});
    Ref const at = place(g, step.index), there = load(0, at, g.limit);
    Ref const moves = comes_before(x, there);
    std::vector<Ref> next;
    for (size_t result : {0, 1}) {
      Ref const old = result == 0 ? there : load(1, at, g.limit), now = step.carried[result];
      b_.store(buffers_[result], at, b_.select(moves, now, old), g.limit);
      next.push_back(b_.select(moves, old, now));
    }
    return p_.close(std::move(next));
  }

  Ref load(size_t result, Ref at, Ref limit) {
    return b_.load(buffers_[result], k_.type(result).dtype, p_.lanes().lanes, at, limit);
  }
  Ref any(Ref condition) { // 1 or 0
    auto const number = [&](f64 n) { return b_.number(n, {DType::i32, b_.type(condition).lanes}); };
    Ref const each = b_.select(condition, number(1), number(0));
    return b_.convert(p_.lanes().lanes == 1 ? each : b_.tree(OpCode::max, each), DType::i64);
  }

  // NaN comes last.
  Ref comes_before(Ref a, Ref b) {
    if (!is_float(b_.type(a).dtype)) return less(a, b);
    auto const is_nan = [&](Ref x) { return b_.compute(OpCode::ne, {x, x}); };
    return either(less(a, b), b_.both(is_nan(b), negated(is_nan(a))));
  }
  Ref less(Ref a, Ref b) { return b_.compute(OpCode::lt, {a, b}); }
  Ref either(Ref a, Ref b) { return b_.compute(OpCode::or_, {a, b}); }
  Ref negated(Ref a) { return b_.compute(OpCode::not_, {a}); }

  Puller& p_;
  LoopBuilder& b_;
  KernelContext const& k_;
  Node const& n_;
  Shape const& shape_;
  size_t axis_;
  Op const& op_ = info(n_.op);
  bool sorts_ = !op_.has(accumulates) && !op_.join;
  i64 lanes_;
  Dim outer_, inner_;
  Ref length_ = no_ref;
  std::vector<int> buffers_;
};

} // namespace

void lower_lines(Puller& p, KernelContext const& k) { Lines(p, k).run(); }

} // namespace nnc
