// scatter_add: the base is copied to the result, then the updates are added in the order of their indices.
//
//     result[b, o, clamp(indices[b, k]) + r, j] += updates[b, o, k, r, j]
//
// Threads divide the first axis of the result. Where that is the indexed one, each thread looks at all indices and adds
// to what it owns, so that every element has its sum in the program's order.
#include "codegen/lower/lower.h"

#include "ir/kernel_space.h"

namespace nnc {
namespace {

class Scatter {
public:
  Scatter(Puller& p, KernelContext const& k)
      : p_(p), b_(p.builder()), k_(k), n_(node_of(k.kernel)), shape_(k.type(0).shape) {
    axis_ = static_cast<size_t>(n_.attributes.get<i64>("axis"));
    batch_ = static_cast<size_t>(n_.attributes.get_or("batch", i64{0}));
    if (n_.attributes.has("size")) run_ = n_.attributes.get<i64>("size");
  }

  void run() {
    buffer_ = result_buffers(p_, k_).front();
    if (buffer_ < 0) throw CompilerBug("a scatter_add cannot be local");
    for (auto const& d : shape_)
      if (d == Dim(0)) return;
    if (axis_ == 0 && k_.schedule().parallel) return by_owners();
    Share const share = share_of(b_, axis_ > 0 ? extent(b_, shape_[0]) : b_.integer(1), k_);
    auto const part = p_.open(share.begin, share.end);
    std::vector<At> const at = axis_ > 0 ? std::vector<At>{{part.index}} : std::vector<At>{};
    copy(at.size(), at);
    add_outer(at.size(), at);
    p_.close();
  }

private:
  // What is clamped is counted by the owner of the first element.
  void by_owners() {
    owned_ = share_of(b_, extent(b_, shape_[0]), k_);
    auto const row = p_.open(owned_->begin, owned_->end);
    copy(1, {{row.index}});
    p_.close();
    Ref const zero = b_.integer(0), some = b_.minimum(b_.subtract(owned_->end, owned_->begin), b_.integer(1));
    p_.open(zero, some);
    counts_ = b_.compute(OpCode::eq, {owned_->begin, zero});
    add_outer(0, {});
    p_.close();
  }

  // A loop over the innermost axis, a vector at a time.
  template <class Body>
  void vectors(Dim const& n, Body body) {
    Ref count = extent(b_, n);
    auto length = b_.known(count);
    int const w = static_cast<int>(k_.schedule().pointwise.lanes);
    Ref full = length ? b_.integer(*length - *length % w) : b_.integer(0);
    if (!length || *length >= w) {
      auto loop = p_.open(b_.integer(0), length ? full : count, w);
      Ref limit = length || w == 1 ? no_ref : b_.subtract(count, loop.index);
      p_.set_lanes({w, limit});
      body(At{loop.index, 1}, limit);
      p_.set_lanes({});
      p_.close();
    }
    if (length && *length % w) {
      Ref limit = b_.integer(*length % w);
      p_.set_lanes({w, limit});
      body(At{full, 1}, limit);
      p_.set_lanes({});
    }
  }

  void copy(size_t axis, std::vector<At> at) {
    ValueId base = n_.operands[0];
    auto element = [&](At inner, Ref limit) {
      if (inner.base != no_ref) at.push_back(inner);
      Ref value = p_.pull(base, index_of(at));
      At where = p_.indexer().linear(at, shape_, 0, shape_.size());
      b_.store(buffer_, where.base, b_.splat(value, p_.lanes().lanes), limit);
      if (inner.base != no_ref) at.pop_back();
    };
    if (shape_.empty()) return element({}, no_ref);
    if (axis + 1 == shape_.size()) return vectors(shape_[axis], element);
    auto loop = p_.open(b_.integer(0), extent(b_, shape_[axis]));
    at.push_back({loop.index});
    copy(axis + 1, at);
    p_.close();
  }

  void add_outer(size_t axis, std::vector<At> at) { // axes in front of the indexed one
    if (axis == axis_) return add_indices(batch_, at, {at.begin(), at.begin() + static_cast<std::ptrdiff_t>(batch_)});
    auto loop = p_.open(b_.integer(0), extent(b_, shape_[axis]));
    at.push_back({loop.index});
    add_outer(axis + 1, at);
    p_.close();
  }

  void add_indices(size_t axis, std::vector<At> const& outer, std::vector<At> indices) {
    auto const& extents = p_.shape(n_.operands[1]);
    if (axis == extents.size()) return add_row(outer, indices);
    auto loop = p_.open(b_.integer(0), extent(b_, extents[axis]));
    indices.push_back({loop.index});
    add_indices(axis + 1, outer, indices);
    p_.close();
  }

  void add_row(std::vector<At> const& outer, std::vector<At> const& indices) {
    Ref k = p_.pull(n_.operands[1], index_of(indices));
    k = b_.convert(p_.clamped(n_, k, shape_[axis_], run_.value_or(1), counts_), DType::i64);
    auto from = outer;
    from.insert(from.end(), indices.begin() + static_cast<std::ptrdiff_t>(batch_), indices.end());
    add_run(outer, from, k);
  }

  void add_run(std::vector<At> to, std::vector<At> from, Ref first) {
    if (owned_) {
      Ref const end = b_.add(first, b_.integer(run_.value_or(1)));
      auto const row = p_.open(b_.maximum(first, owned_->begin), b_.minimum(end, owned_->end));
      to.push_back({row.index});
      if (run_) from.push_back({b_.subtract(row.index, first)});
      add_inner(1, to, from);
      return (void)p_.close();
    }
    if (!run_ || axis_ + 1 < shape_.size()) {
      if (!run_) return to.push_back({first}), add_inner(axis_ + 1, to, from);
      auto loop = p_.open(b_.integer(0), b_.integer(*run_));
      to.push_back({b_.add(first, loop.index)}), from.push_back({loop.index});
      add_inner(axis_ + 1, to, from);
      return (void)p_.close();
    }
    vectors(*run_, [&](At at, Ref limit) {
      auto t = to, f = from;
      t.push_back(p_.indexer().add({first}, at)), f.push_back(at);
      add(t, f, limit);
    });
  }

  void add_inner(size_t axis, std::vector<At> to, std::vector<At> from) {
    if (axis == shape_.size()) return add(to, from, no_ref);
    if (axis + 1 == shape_.size())
      return vectors(shape_[axis], [&](At at, Ref limit) {
        auto t = to, f = from;
        t.push_back(at), f.push_back(at);
        add(t, f, limit);
      });
    auto loop = p_.open(b_.integer(0), extent(b_, shape_[axis]));
    to.push_back({loop.index}), from.push_back({loop.index});
    add_inner(axis + 1, to, from);
    p_.close();
  }

  void add(std::vector<At> const& to, std::vector<At> const& from, Ref limit) {
    Ref update = p_.pull(n_.operands[2], index_of(from));
    At where = p_.indexer().linear(to, shape_, 0, shape_.size());
    Ref old = b_.load(buffer_, k_.type(0).dtype, p_.lanes().lanes, where.base, limit);
    b_.store(buffer_, where.base, b_.compute(OpCode::add, {old, update}), limit);
  }

  Puller& p_;
  LoopBuilder& b_;
  KernelContext const& k_;
  Node const& n_;
  Shape const& shape_;
  size_t axis_ = 0, batch_ = 0; // the indexed axis; how many of the first axes the indices have, too
  std::optional<i64> run_;      // of elements from each index on
  std::optional<Share> owned_;  // of the indexed axis; nothing where threads do not divide it
  Ref counts_ = no_ref;         // does this thread count what is clamped?
  int buffer_ = -1;
};

} // namespace

void lower_scatter(Puller& p, KernelContext const& k) { Scatter(p, k).run(); }

} // namespace nnc
