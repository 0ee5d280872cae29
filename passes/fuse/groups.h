// Groups of nodes on their way to become kernels, and which of them may become one.
#pragma once

#include "passes/fuse/graph.h"

namespace nnc::fusion {

// Of a group: code generation walks from a result to all that it is computed from, and LLVM's register allocator takes
// quadratic time in the length of a basic block.
inline constexpr size_t most_nodes = 1000;

using GroupId = u32; // the number of one of its nodes

enum class Kind : u8 {
  pointwise, // one value per index of the space; a reduction inside is a loop of its own for each
  rows,      // the last `row_axes` axes of the space are a row; reductions fold exactly a row
  contract,  // one dot, and elementwise nodes on its result
  alone,     // takes no company: scatter_add, a reshape that is an alias, a node with regions
};

struct Group {
  Kind kind = Kind::pointwise;
  Shape space;
  i64 row_axes = 0;
  bool inner_loop = false; // pointwise: holds a reduction or a dot that is computed for each index
  bool epilogue = true;    // every node may follow a dot: elementwise, at the same index
  bool costly = false;     // holds exp or its like, or a division
  NodeId last = 0;
  std::vector<NodeId> nodes; // in any order
};

class Groups {
public:
  explicit Groups(Graph const&);

  GroupId of(NodeId n) const { return group_of_[n]; }
  Group const& operator[](GroupId g) const { return groups_[g]; }
  bool exists(NodeId n) const { return group_of_[n] != no_node; }
  size_t count() const { return count_; }
  // Merges when kinds fit and no third group would stand between the two; says whether it did.
  bool try_merge(GroupId producer, GroupId consumer);
  // Merges two groups of one space that do not depend on each other.
  bool try_join(GroupId a, GroupId b);
  std::vector<GroupId> consumers(GroupId) const; // distinct, without g itself
  // Why `consumer`, which reads what `producer` gives, is not one with it: for people.
  std::string why_apart(GroupId producer, GroupId consumer);
  bool gives_result(GroupId) const;

private:
  struct Merged {
    Kind kind;
    Shape space;
    i64 row_axes;
    bool inlines = false; // the producer is computed at other indices than the consumer's
  };
  std::optional<Merged> fit(GroupId p, GroupId c) const;
  std::optional<Merged> fit_pointwise(GroupId p, GroupId c) const;
  std::optional<Merged> fit_rows(GroupId p, GroupId c) const;
  template <class Test>
  bool every_read(GroupId p, GroupId c, Test) const; // test(reader, access) for each read of P's values by C
  bool reads_in_step(GroupId p, GroupId c, Shape const& space, i64 row_axes) const;
  bool reads_only(GroupId p, GroupId c, How) const;
  bool reads_arguments(Group const&) const; // and nothing that another kernel gives
  bool inlines_cheaply(GroupId p, GroupId c) const;
  u64 times_read(GroupId p, GroupId c) const;
  struct Search {
    GroupId first, end;
    u32 low, high; // places between which groups are looked at
    std::vector<GroupId> met;
  };
  bool meet(std::vector<NodeId> const& edges, Search&, GroupId from);
  bool path_around(GroupId p, GroupId c);
  std::vector<GroupId> those_before(GroupId p, GroupId c);
  u32 close_up(GroupId p, GroupId c);
  void unite(GroupId producer, GroupId consumer, Merged const&);

  Graph const& graph_;
  std::vector<GroupId> group_of_; // per node
  std::vector<Group> groups_;     // per node; those that nodes point to are alive
  std::vector<bool> inlined_;     // per node: computed at other indices than the space of its group
  std::vector<u64> times_;        // per node: at so many indices it is computed for each element of its group
  std::vector<u32> seen_;         // per group: the last search that met it
  u32 search_ = 0;
  std::vector<std::vector<NodeId>> before_; // per node: the reverse of Graph::next
  std::vector<GroupId> behind_;             // what the last search met
  std::vector<u32> place_;                  // per living group: all differ, every edge leads to a larger one
  size_t count_ = 0;                        // living groups
};

} // namespace nnc::fusion
