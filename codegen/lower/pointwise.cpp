// All results have one shape, the space of the kernel; each of its elements is pulled by itself. The innermost run of
// axes is walked a vector at a time, the outermost loop is shared among the threads.
#include "codegen/lower/lower.h"

#include "ir/kernel_space.h"

namespace nnc {
namespace {

class Pointwise {
public:
  Pointwise(Puller& p, KernelContext const& k) : p_(p), b_(p.builder()), k_(k), space_(k.type(0).shape) {}

  void run() {
    buffers_ = result_buffers(p_, k_);
    for (auto const& d : space_)
      if (d == Dim(0)) return;
    if (space_.empty()) return one_element();
    runs_ = collapsed_axes(k_.function(), k_.kernel, space_);
    cuts_ = cuts_of_loops(k_);
    jam();
    walk(first_run_, static_cast<size_t>(k_.schedule().pointwise.jam));
  }

private:
  Dim extent_of_run(size_t axis, int axes) const {
    Dim n = 1;
    for (int i = 0; i < axes; ++i) n = n * space_[axis + static_cast<size_t>(i)];
    return n;
  }

  // The indices of the axes that are jammed.
  void jam() {
    i64 const axes = k_.schedule().pointwise.jam;
    if (axes == 0) return;
    for (i64 covered = 0; covered < axes; ++first_run_) covered += runs_[first_run_];
    points_ = {{}};
    for (i64 axis = 0; axis < axes; ++axis) {
      std::vector<Index> longer;
      for (auto const& p : points_)
        for (i64 i = 0; i < *space_[static_cast<size_t>(axis)].constant(); ++i) {
          longer.push_back(p);
          longer.back().push_back({1, p_.indexer().constant(i)});
        }
      points_ = std::move(longer);
    }
  }

  void one_element() {
    auto share = share_of(b_, b_.integer(1), k_);
    p_.open(share.begin, share.end);
    element({}, no_ref);
    p_.close();
  }

  void walk(size_t run, size_t axis) {
    Dim n = extent_of_run(axis, runs_[run]);
    if (run + 1 == runs_.size()) return innermost(n, run == first_run_);
    Ref count = extent(b_, n);
    auto loop = [&](Ref begin, Ref end) {
      auto loop = p_.open(begin, end);
      index_.push_back({runs_[run], {loop.index}});
      walk(run + 1, axis + static_cast<size_t>(runs_[run]));
      index_.pop_back();
      p_.close();
    };
    if (!cuts_[run].empty()) {
      for (auto const& p : pieces_of(0, *n.constant(), 1, cuts_[run])) loop(b_.integer(p.begin), b_.integer(p.end));
      return;
    }
    Share share = run == first_run_ ? share_of(b_, count, k_) : Share{b_.integer(0), count};
    loop(share.begin, share.end);
  }

  void innermost(Dim const& n, bool split) {
    int const w = static_cast<int>(k_.schedule().pointwise.lanes);
    if (w == 1) return one_by_one(n, split);
    if (!cuts_.back().empty()) {
      for (auto const& [begin, end] : pieces_of(0, *n.constant(), 1, cuts_.back())) {
        i64 const rest = (end - begin) % w;
        vectors(b_.integer(begin), b_.integer(end - rest), w, rest);
      }
      return;
    }
    if (auto c = n.constant()) constant_extent_by(w, *c, split);
    else symbolic_extent_by(w, n, split);
  }

  void one_by_one(Dim const& n, bool split) {
    Ref count = extent(b_, n);
    Share share = split ? share_of(b_, count, k_) : Share{b_.integer(0), count};
    auto loop = p_.open(share.begin, share.end);
    at({loop.index}, no_ref);
    p_.close();
  }

  // What remains after whole units is the last thread's.
  void constant_extent_by(int w, i64 n, bool split) {
    i64 const unit = k_.schedule().pointwise.unit;
    if (!split || n <= unit) {
      if (!split) return vectors(b_.integer(0), b_.integer(n - n % w), w, n % w);
      auto share = share_of(b_, b_.integer(1), k_);
      p_.open(share.begin, share.end);
      vectors(b_.integer(0), b_.integer(n - n % w), w, n % w);
      p_.close();
      return;
    }
    i64 units = n / unit;
    auto share = share_of(b_, b_.integer(units), k_);
    vectors(b_.multiply(share.begin, unit), b_.multiply(share.end, unit), w, 0);
    if (n % unit == 0) return;
    Ref last = b_.compute(OpCode::eq, {share.end, b_.integer(units)}); // a thread without units ends before
    p_.open(b_.integer(0), b_.compute(OpCode::select, {last, b_.integer(1), b_.integer(0)}));
    i64 end = n - n % w;
    vectors(b_.integer(units * unit), b_.integer(end), w, n % w);
    p_.close();
  }

  void vectors(Ref begin, Ref end, int w, i64 rest) {
    auto b = b_.known(begin), e = b_.known(end);
    p_.set_lanes({w, no_ref});
    if (!b || !e || *b < *e) {
      auto loop = p_.open(begin, end, w);
      at({loop.index, 1}, no_ref);
      p_.close();
    }
    if (rest) {
      p_.set_lanes({w, b_.integer(rest)});
      at({end, 1}, b_.integer(rest));
    }
    p_.set_lanes({});
  }

  // Slots are padded, so that behind all of a tensor whole vectors may be read and written; elsewhere only what exists.
  void symbolic_extent_by(int w, Dim const& n, bool split) {
    bool padded = runs_.size() == 1 && only_slots() && n.divided_by(Symbol::batch).has_value();
    Ref exact = extent(b_, n), units = b_.quotient(b_.add(exact, b_.integer(w - 1)), b_.integer(w));
    Share share = split ? share_of(b_, units, k_) : Share{b_.integer(0), units};
    auto loop = p_.open(share.begin, share.end);
    Ref begin = b_.multiply(loop.index, i64{w}), limit = b_.subtract(exact, begin);
    p_.set_lanes({w, limit});
    Ref valid = p_.lane_mask();
    if (padded) p_.set_lanes({w, no_ref}), p_.set_padded_rows(true, valid);
    at({begin, 1}, padded ? no_ref : limit);
    p_.set_padded_rows(false);
    p_.set_lanes({});
    p_.close();
  }

  bool only_slots() const {
    for (auto const& place : k_.places())
      if (place.kind != Place::Kind::slot) return false;
    for (auto v : k_.kernel.operands) {
      auto const& place = k_.storage.places[v];
      if (has_batch(k_.function().type(v).shape) && place && place->kind != Place::Kind::slot) return false;
    }
    return true;
  }

  void at(At innermost, Ref limit) {
    index_.push_back({runs_.back(), innermost});
    if (points_.empty()) element(index_, limit);
    else elements(limit);
    index_.pop_back();
  }

  void elements(Ref limit) {
    auto indices = points_;
    for (auto& i : indices) i.insert(i.end(), index_.begin(), index_.end());
    auto const& sum = *contraction_in(k_.kernel);
    auto const sums = p_.sums_at(sum, indices);
    for (size_t i = 0; i < sums.size(); ++i) {
      p_.provide(sum.result(), [s = sums[i]](Index const&) { return s; });
      element(indices[i], limit);
    }
  }

  void element(Index const& index, Ref limit) {
    std::vector<Ref> values;
    for (auto r : k_.kernel.results) values.push_back(p_.pull(r, index));
    At where = p_.indexer().linear(index, space_);
    for (size_t i = 0; i < values.size(); ++i) store_result(p_, k_, buffers_, i, where, values[i], limit);
  }

  Puller& p_;
  LoopBuilder& b_;
  KernelContext const& k_;
  Shape const& space_;
  std::vector<int> buffers_;
  std::vector<int> runs_;
  std::vector<std::vector<i64>> cuts_; // per run
  Index index_;
  size_t first_run_ = 0;      // of those that are loops
  std::vector<Index> points_; // whose sums are walked together; none: each is by itself
};

} // namespace

void lower_pointwise(Puller& p, KernelContext const& k) { Pointwise(p, k).run(); }

} // namespace nnc
