// Row by row: the last `row_axes` axes of the space form a row, and every reduction of the kernel runs over exactly
// these axes. For each row: first the reductions, in stages (those of a stage need nothing of each other), each stage
// one walk along the row; then the results that have an element per row element, in a last walk; then those with one
// per row.
//
//     max_i x_i  |  sum_i exp(x_i - max)  |  exp(x_i - max) / sum
//
// A value that the schedule keeps (the exp above, which is costly, and which two walks need) goes to a buffer for one
// row when the first of them makes it. Unrolled rows are no loops at all: their values stay in registers from stage to
// stage.
#include "codegen/lower/lower.h"

#include "ir/kernel_space.h"
#include "ir/op.h"

#include <algorithm>

namespace nnc {
namespace {

class Rows {
public:
  Rows(Puller& p, KernelContext const& k) : p_(p), b_(p.builder()), k_(k) {
    auto rows = row_space(k.function(), k.kernel);
    space_ = std::move(rows.space);
    outer_ = rows.outer;
  }

  void run() {
    buffers_ = result_buffers(p_, k_);
    stages_ = stages_of(k_.kernel);
    cuts_ = cuts_of_loops(k_);
    keep_rows();
    outer_loop(0);
  }

private:
  Shape const& shape(ValueId v) const { return k_.function().type(v).shape; }
  bool spans_space(ValueId v) const { return shape(v).size() == space_.size() && shape(v) == space_; }

  void keep_rows() {
    for (i64 i : k_.schedule().rows.keep) keep(k_.nodes()[static_cast<size_t>(i)].result());
  }

  struct Kept {
    int buffer;
    bool stored = false;                     // by an earlier walk
    std::vector<std::pair<Index, Ref>> made; // in this walk
  };

  void keep(ValueId v) {
    size_t number = kept_.size();
    auto const name = "row(" + std::to_string(number) + ")";
    kept_.push_back({p_.scratch(name.c_str(), ScratchBuffer::Use::row, v), false, {}});
    p_.provide(v, [this, v, number](Index const& index) {
      auto& kept = kept_[number];
      for (auto const& [at, value] : kept.made)
        if (at == index) return value;
      At place = in_row(index);
      Ref limit = p_.lanes().limit;
      Ref value;
      if (kept.stored) {
        value = b_.load(kept.buffer, p_.dtype(v), p_.lanes().lanes, place.base, limit);
      } else {
        value = b_.splat(p_.make(v, index), p_.lanes().lanes);
        b_.store(kept_[number].buffer, place.base, value, limit);
      }
      kept_[number].made.emplace_back(index, value);
      return value;
    });
  }

  void end_walk() {
    for (auto& kept : kept_) {
      kept.stored = kept.stored || !kept.made.empty();
      kept.made.clear();
    }
  }

  At in_row(Index const& index) {
    auto axes = p_.indexer().axes(index, space_);
    return p_.indexer().linear(axes, space_, outer_, space_.size());
  }

  void outer_loop(size_t axis) {
    if (axis == outer_) {
      if (axis > 0) return row();
      auto share = share_of(b_, b_.integer(1), k_);
      p_.open(share.begin, share.end);
      row();
      p_.close();
      return;
    }
    auto const walk = [&](Ref begin, Ref end) {
      auto loop = p_.open(begin, end);
      at_.push_back({loop.index});
      outer_loop(axis + 1);
      at_.pop_back();
      p_.close();
    };
    Ref n = extent(b_, space_[axis]);
    if (axis == 0) {
      Share const share = share_of(b_, n, k_);
      walk(share.begin, share.end);
    } else if (cuts_[axis].empty()) {
      walk(b_.integer(0), n);
    } else {
      for (auto const& p : pieces_of(0, *b_.known(n), 1, cuts_[axis])) walk(b_.integer(p.begin), b_.integer(p.end));
    }
  }

  void row() {
    for (auto& kept : kept_) kept.stored = false; // code is made for each piece of a loop that is cut
    for (auto const& stage : stages_) {
      std::vector<Node const*> rest = stage;
      while (!rest.empty()) { // those of one order share a walk
        Order order = order_of(k_.function(), *rest.front());
        std::vector<Node const*> together;
        std::erase_if(rest, [&](Node const* n) {
          return order_of(k_.function(), *n) == order ? (together.push_back(n), true) : false;
        });
        walk_of(together, order);
        end_walk();
      }
    }
    auto per_row = results_per_row();
    results_of_row();
    end_walk();
    for (auto const& [result, value] : per_row) {
      At where = p_.indexer().linear(at_, space_, 0, outer_);
      store_result(p_, k_, buffers_, result, where, value);
    }
  }

  void walk_of(std::vector<Node const*> const& reduces, Order order) {
    Fold all;
    all.cuts = {cuts_.begin() + static_cast<std::ptrdiff_t>(outer_), cuts_.end()};
    std::vector<Fold> each;
    for (auto const* n : reduces) {
      each.push_back(p_.fold_of(*n, index_of(at_)));
      all.starts.push_back(each.back().starts[0]);
      all.joins.push_back(each.back().joins[0]);
      all.sums.push_back(n);
    }
    all.step = [&](std::vector<Ref> const& acc, std::vector<At> const& at) {
      std::vector<Ref> next;
      for (size_t i = 0; i < each.size(); ++i) next.push_back(each[i].step({acc[i]}, at).front());
      return next;
    };
    auto sums = p_.fold(reduced_extents(k_.function(), *reduces[0]), order, all);
    for (size_t i = 0; i < sums.size(); ++i)
      p_.provide(reduces[i]->result(), [sum = sums[i]](Index const&) { return sum; });
  }

  std::vector<std::pair<size_t, Ref>> results_per_row() {
    std::vector<std::pair<size_t, Ref>> values;
    for (size_t i = 0; i < k_.kernel.results.size(); ++i)
      if (shape(k_.kernel.results[i]).size() == outer_ && !spans_space(k_.kernel.results[i]))
        values.emplace_back(i, p_.pull(k_.kernel.results[i], index_of(at_)));
    return values;
  }

  void results_of_row() {
    bool any =
        std::any_of(k_.kernel.results.begin(), k_.kernel.results.end(), [&](ValueId r) { return spans_space(r); });
    if (any) row_axis(outer_, at_);
  }

  void row_axis(size_t axis, std::vector<At> at) {
    Ref n = extent(b_, space_[axis]);
    auto length = b_.known(n);
    at.push_back({});
    if (axis + 1 < space_.size()) {
      auto const part = [&](Ref begin, Ref end) {
        at.back() = {p_.open(begin, end).index};
        row_axis(axis + 1, at);
        p_.close();
      };
      if (cuts_[axis].empty()) return part(b_.integer(0), n);
      for (auto const& p : pieces_of(0, *length, 1, cuts_[axis])) part(b_.integer(p.begin), b_.integer(p.end));
      return;
    }
    constexpr int w = static_cast<int>(order_lanes);
    auto vector = [&](Ref begin, Ref limit) {
      at.back() = {begin, 1};
      p_.set_lanes({w, limit});
      elements(at, limit);
      p_.set_lanes({});
    };
    if (!length) {
      auto loop = p_.open(b_.integer(0), n, w);
      vector(loop.index, b_.subtract(n, loop.index));
      p_.close();
      return;
    }
    i64 full = *length / w;
    if (k_.schedule().rows.unrolled) {
      for (i64 i = 0; i < full; ++i) vector(b_.integer(i * w), no_ref);
    } else {
      for (auto const& p : pieces_of(0, full * w, w, cuts_[axis])) {
        auto loop = p_.open(b_.integer(p.begin), b_.integer(p.end), w);
        vector(loop.index, no_ref);
        p_.close();
      }
    }
    if (*length % w) vector(b_.integer(full * w), b_.integer(*length % w));
  }

  void elements(std::vector<At> const& at, Ref limit) {
    std::vector<std::pair<size_t, Ref>> values;
    for (size_t i = 0; i < k_.kernel.results.size(); ++i)
      if (spans_space(k_.kernel.results[i])) values.emplace_back(i, p_.pull(k_.kernel.results[i], index_of(at)));
    At where = p_.indexer().linear(at, space_, 0, space_.size());
    for (auto const& [result, value] : values) store_result(p_, k_, buffers_, result, where, value, limit);
  }

  Puller& p_;
  LoopBuilder& b_;
  KernelContext const& k_;
  Shape space_;
  size_t outer_ = 0; // axes in front of the row
  std::vector<int> buffers_;
  std::vector<std::vector<Node const*>> stages_;
  std::vector<Kept> kept_;
  std::vector<std::vector<i64>> cuts_; // per axis
  std::vector<At> at_;
};

} // namespace

void lower_rows(Puller& p, KernelContext const& k) { Rows(p, k).run(); }

} // namespace nnc
