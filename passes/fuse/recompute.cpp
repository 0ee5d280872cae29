// Kernels that give many values spend their time on memory: what gelu computes on the way, its derivative reads. Some
// instructions on a value that is there anyway are cheaper than a value more to write and to read.
//
//     %y, %half, %h = kernel %x, %w { .. %half = mul %y, 0.5 .. }        forward
//     %d = kernel %g, %y, %half { .. mul %g, %half .. }                  backward
//  becomes
//     %y, %h = kernel %x, %w { .. %half = mul %y, 0.5 .. }
//     %d = kernel %g, %y { %0 = mul %y, 0.5  .. mul %g, %0 .. }
//
// A value that kernels other than its own read is computed again where it is elementwise and cheap, and its leaves, the
// values that it is computed from, are stored anyway, or small.
#include "passes/fuse/recompute.h"

#include <algorithm>
#include <set>

namespace nnc::fusion {
namespace {

constexpr i64 guess = 100;        // for the extents of symbols
constexpr i64 small = 8;          // a value of so many times fewer elements may be stored in the place of another
constexpr size_t most_again = 16; // nodes that a value takes

class Recompute {
public:
  Recompute(Graph const& graph, Groups const& groups)
      : graph_(graph), groups_(groups), again_(graph.size()), stored_(graph.size()), leaves_(graph.size()) {
    for (NodeId n = 0; n < graph.size(); ++n) stored_[n] = groups.exists(n) && is_read_outside(n);
    auto const replaced = graph.function.replaced_arguments();
    for (auto const& a : replaced)
      if (a) overwritten_.insert(graph.function.arguments[*a].value);
  }

  std::vector<bool> run() {
    for (NodeId n = 0; n < graph_.size(); ++n)
      if (stored_[n] && is_cheap(n) && is_read_in_step(n)) decide(n);
    return std::move(again_);
  }

private:
  struct Leaves {
    std::set<ValueId> large, small; // to be read
    std::set<NodeId> inner;         // nodes that are computed on the way
  };

  bool is_read_outside(NodeId n) const {
    auto const& readers = graph_.readers[n];
    auto const& given = graph_.node(n).results;
    return std::any_of(given.begin(), given.end(), [&](ValueId v) { return graph_.is_result[v]; }) ||
           std::any_of(readers.begin(), readers.end(), [&](NodeId m) { return groups_.of(m) != groups_.of(n); });
  }

  bool is_cheap(NodeId n) const {
    auto const& op = info(graph_.node(n).op);
    return graph_.classes[n] == Class::plain && op.has(elementwise) && !op.has(costly) && !op.has(random) &&
           !graph_.cut[n] && !graph_.is_result[graph_.node(n).result()];
  }

  // No reader meets it at other indices than its own, or sums products of it; these pack what they read, and so may
  // take it from a narrower type.
  bool is_read_in_step(NodeId n) const {
    bool const widens = graph_.node(n).op == OpCode::convert &&
                        bytes_of(graph_.node(n).operands[0]) < bytes_of(graph_.node(n).result());
    for (auto m : graph_.readers[n])
      for (auto const& a : graph_.accesses[m]) {
        bool const elsewhere = a.how == How::mapped || (a.how == How::contracted && !widens);
        if (a.producer == n && elsewhere && groups_.of(m) != groups_.of(n)) return false;
      }
    return true;
  }
  i64 bytes_of(ValueId v) const { return bytes(graph_.function.type(v).dtype); }

  i64 elements(ValueId v) const { return element_count(graph_.function.type(v).shape).value({guess, guess}); }

  // Adds what n is computed from; false where that is not at hand.
  bool find_leaves(NodeId n, i64 size, Leaves& into) const {
    if (!into.inner.insert(n).second) return true;
    if (into.inner.size() > most_again) return false;
    for (auto const& a : graph_.accesses[n])
      if (!add_leaf(n, a, size, into)) return false;
    return true;
  }
  bool add_leaf(NodeId n, Access const& a, i64 size, Leaves& into) const {
    auto const p = a.producer;
    bool const is_small = elements(a.value) * small <= size;
    if (!a.plain_path || (a.how == How::mapped && !is_small) || overwritten_.count(a.value)) return false;
    bool const there = p == no_node || graph_.classes[p] == Class::alias || (stored_[p] && !again_[p]);
    if (there || is_small) {
      (is_small ? into.small : into.large).insert(a.value);
      return true;
    }
    bool const goes_on = again_[p] || (is_cheap(p) && groups_.of(p) == groups_.of(n));
    return goes_on && find_leaves(p, size, into);
  }

  // Another value to write and to read is not worth two to read, unless they are read anyway.
  void decide(NodeId n) {
    Leaves leaves;
    if (!find_leaves(n, elements(graph_.node(n).result()), leaves)) return;
    for (auto m : graph_.readers[n])
      if (groups_.of(m) != groups_.of(n) && more_to_read(groups_.of(m), leaves) > 1) return;
    for (auto m : leaves.inner) again_[m] = true;
    leaves_[n] = std::move(leaves);
  }
  i64 more_to_read(GroupId g, Leaves const& leaves) const {
    std::set<ValueId> read;
    for (auto m : groups_[g].nodes)
      for (auto const& a : graph_.accesses[m]) {
        read.insert(a.value);
        if (a.producer != no_node && again_[a.producer])
          read.insert(leaves_[a.producer].large.begin(), leaves_[a.producer].large.end());
      }
    return std::count_if(leaves.large.begin(), leaves.large.end(), [&](ValueId v) { return !read.count(v); });
  }

  Graph const& graph_;
  Groups const& groups_;
  std::vector<bool> again_;
  std::vector<bool> stored_;   // per node: another kernel reads it, or the caller
  std::vector<Leaves> leaves_; // per node that was decided
  std::set<ValueId> overwritten_;
};

} // namespace

std::vector<bool> cheaper_again(Graph const& graph, Groups const& groups) { return Recompute(graph, groups).run(); }

} // namespace nnc::fusion
