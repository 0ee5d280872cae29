// Which groups may become one. The rules, P being the producer and C the reader of what P gives:
//
// - P pointwise(S), C pointwise(S) read at the same index -> pointwise(S)
// - P pointwise(R), C any; C has all reads of P, and P is cheap or read by a reduction -> C: computed where it is read
// - P pointwise(S or outer part), C rows(S, k) -> rows(S, k)
// - P rows(S, k), C pointwise(S or outer part) or rows(S, k) -> rows(S, k)
// - P contract(S), C pointwise(S) of elementwise nodes, read at the same index -> contract(S)
// - P pointwise(S) of elementwise nodes, C contract(S) that reads it after the dot -> contract(S)
//
// and never where a path from P to C leads through a third group: the groups would wait for each other in a circle.
// So that a search for such a path stays short, the groups have places in an order that every edge allows, and only
// those between P and C are looked at. Two that become one stand where what leads to C is before them, and what P leads
// to behind them; the places of these are dealt out anew, all others keep theirs:
//
//     a P d x b C e   with P -> d, b -> C   becomes   a b PC x d e
#include "passes/fuse/groups.h"

#include "ir/contraction.h"
#include "ir/index_map.h"

#include <algorithm>
#include <fmt/core.h>

namespace nnc::fusion {
namespace {

constexpr u64 most_times = 16;    // a node is computed at so many indices for an element of its kernel
constexpr size_t cheap_nodes = 4; // so many instructions may be computed again, or while a panel is packed

Shape outer_part(Shape const& space, i64 row_axes) { return {space.begin(), space.end() - row_axes}; }

bool divides(OpCode op) {
  return op == OpCode::div || op == OpCode::sqrt || op == OpCode::rsqrt || op == OpCode::floor_div || op == OpCode::mod;
}

// Does it read at indices that data hold? Such a read is slow, and where it goes nobody knows.
bool reads_by_data(Function const& f, Node const& n) {
  auto const map = n.operands.empty() ? std::nullopt : index_map(f, n, 0);
  return map && depends_on_data(*map);
}

// Does it read a tensor in another way than at given indices (the updates of a scatter)?
bool reads_in_its_own_way(Function const& f, Node const& n) {
  for (size_t i = 0; i < n.operands.size(); ++i)
    if (!index_map(f, n, i)) return true;
  return false;
}

bool sums_known_extents(Function const& f, Node const& dot) {
  auto const space = space_of(f, dot);
  return element_count(extents_of(space, contract_axes(f, dot).depth)).is_constant();
}

// What a node is by itself.
Group group_of_node(Graph const& g, NodeId id) {
  auto const& n = g.node(id);
  auto const& op = info(n.op);
  Group group{.space = g.shape(id), .last = id, .nodes = {id}};
  if (g.classes[id] == Class::scope) {
    group.kind = Kind::alone;
    return group;
  }
  auto const& accesses = g.accesses[id];
  group.epilogue = op.has(elementwise) &&
                   std::all_of(accesses.begin(), accesses.end(), [](Access const& a) { return a.plain_path; });
  group.costly = g.cut[id] || op.has(costly) || op.has(random) || divides(n.op) || reads_by_data(g.function, n);
  if (g.classes[id] == Class::alias || reads_in_its_own_way(g.function, n)) {
    group.kind = Kind::alone;
  } else if (is_reduction(n)) {
    if (auto k = folded_last_axes(g.function, n)) {
      group.kind = Kind::rows;
      group.space = g.function.type(n.operands[0]).shape;
      group.row_axes = *k;
    } else {
      group.inner_loop = true;
    }
  } else if (op.has(contracts)) {
    bool const tiles = has_tiles(g.function, n);
    group.kind = tiles ? Kind::contract : Kind::pointwise;
    group.inner_loop = !tiles;
  }
  return group;
}

} // namespace

Groups::Groups(Graph const& graph)
    : graph_(graph), group_of_(graph.size(), no_node), groups_(graph.size()), inlined_(graph.size()),
      times_(graph.size(), 1), seen_(graph.size()), before_(graph.size()), place_(graph.size()) {
  for (NodeId n = 0; n < graph.size(); ++n) {
    for (auto m : graph.next[n]) before_[m].push_back(n);
    if (!is_grouped(graph.classes[n])) continue;
    group_of_[n] = n;
    groups_[n] = group_of_node(graph, n);
    place_[n] = n;
    ++count_;
  }
}

std::vector<GroupId> Groups::consumers(GroupId g) const {
  std::vector<GroupId> out;
  for (auto n : groups_[g].nodes)
    for (auto m : graph_.readers[n])
      if (auto c = group_of_[m]; c != g) out.push_back(c);
  std::sort(out.begin(), out.end());
  out.erase(std::unique(out.begin(), out.end()), out.end());
  return out;
}

bool Groups::gives_result(GroupId g) const {
  return std::any_of(groups_[g].nodes.begin(), groups_[g].nodes.end(),
                     [&](NodeId n) { return graph_.is_result[graph_.node(n).result()]; });
}

template <class Test>
bool Groups::every_read(GroupId p, GroupId c, Test test) const {
  for (auto given : groups_[p].nodes)
    for (auto reader : graph_.readers[given]) {
      if (group_of_[reader] != c) continue;
      for (auto const& a : graph_.accesses[reader])
        if (a.producer == given && !test(reader, a)) return false;
    }
  return true;
}

// Every read of P's values by C happens at the index that C (space, rows) is at when it computes.
bool Groups::reads_in_step(GroupId p, GroupId c, Shape const& space, i64 row_axes) const {
  auto const outer = outer_part(space, row_axes);
  bool const rows = row_axes > 0;
  return every_read(p, c, [&](NodeId reader, Access const& a) {
    auto const& from = graph_.shape(a.producer);
    if (inlined_[reader] || inlined_[a.producer]) return false;
    if (a.how == How::same) return from == space || (rows && from == outer);
    if (a.how == How::reduced) return rows && from == space && groups_[c].kind == Kind::rows;
    return a.how == How::outer && rows && from == outer && graph_.shape(reader) == space;
  });
}

bool Groups::reads_only(GroupId p, GroupId c, How how) const {
  return every_read(p, c, [&](NodeId, Access const& a) { return a.how == how; });
}

bool Groups::reads_arguments(Group const& p) const {
  return std::all_of(p.nodes.begin(), p.nodes.end(), [&](NodeId n) {
    auto const& accesses = graph_.accesses[n];
    return std::all_of(accesses.begin(), accesses.end(), [](Access const& a) { return a.producer == no_node; });
  });
}

// At how many indices does C read P for one of its elements? Reads at its own index are one.
//
//     %y = max %p, %x     %p = pad of a slice of %x: 2. A chain of n such nodes in one kernel would compute the first
//     one %z = max %q, %y     2^n times
u64 Groups::times_read(GroupId pid, GroupId cid) const {
  std::vector<NodeId> readers;
  for (auto given : groups_[pid].nodes)
    for (auto reader : graph_.readers[given])
      if (group_of_[reader] == cid) readers.push_back(reader);
  std::sort(readers.begin(), readers.end());
  readers.erase(std::unique(readers.begin(), readers.end()), readers.end());
  u64 same = 0, elsewhere = 0;
  for (auto reader : readers)
    for (auto const& a : graph_.accesses[reader]) {
      if (a.producer == no_node || group_of_[a.producer] != pid) continue;
      if (a.how == How::same) same = std::max(same, times_[reader]);
      else elsewhere += times_[reader];
    }
  return same + elsewhere;
}

// P may be computed wherever C reads it: it is read once for every element (by a reduction), or costs little.
bool Groups::inlines_cheaply(GroupId pid, GroupId c) const {
  auto const& p = groups_[pid];
  if (p.kind != Kind::pointwise || p.inner_loop || gives_result(pid) || consumers(pid).size() > 1) return false;
  if (times_read(pid, c) > most_times) return false;
  bool cheap = !p.costly && p.nodes.size() <= cheap_nodes;
  return cheap || (groups_[c].inner_loop && reads_only(pid, c, How::reduced));
}

std::optional<Groups::Merged> Groups::fit_pointwise(GroupId pid, GroupId cid) const {
  auto const& p = groups_[pid];
  auto const& c = groups_[cid];
  if (c.kind == Kind::contract) {
    if (p.space == c.space && p.epilogue && !p.inner_loop && reads_only(pid, cid, How::same))
      return Merged{c.kind, c.space, 0};
    // A cheap operand is computed on the way while it is packed: rhs is anyway, lhs where it can be as a whole,
    // and no other kernel could compute it on its way.
    bool const left = reads_arguments(p);
    bool packed = every_read(pid, cid, [&](NodeId dot, Access const& a) {
      return a.how == How::contracted &&
             (a.right_side || (left && sums_known_extents(graph_.function, graph_.node(dot))));
    });
    return packed && p.epilogue && inlines_cheaply(pid, cid) ? std::optional(Merged{c.kind, c.space, 0, true})
                                                             : std::nullopt;
  }
  bool here = p.space == c.space || (c.kind == Kind::rows && p.space == outer_part(c.space, c.row_axes));
  if (here && !(c.kind == Kind::rows && p.inner_loop) && reads_in_step(pid, cid, c.space, c.row_axes))
    return Merged{c.kind, c.space, c.row_axes};
  return inlines_cheaply(pid, cid) ? std::optional(Merged{c.kind, c.space, c.row_axes, true}) : std::nullopt;
}

std::optional<Groups::Merged> Groups::fit_rows(GroupId pid, GroupId cid) const {
  auto const& p = groups_[pid];
  auto const& c = groups_[cid];
  auto const outer = outer_part(p.space, p.row_axes);
  bool whole = p.row_axes == static_cast<i64>(p.space.size()); // one row: nothing but scalars may follow
  bool fits = c.kind == Kind::rows
                  ? c.space == p.space && c.row_axes == p.row_axes
                  : c.kind == Kind::pointwise && !c.inner_loop && (c.space == outer || (c.space == p.space && !whole));
  if (!fits || !reads_in_step(pid, cid, p.space, p.row_axes)) return {};
  return Merged{Kind::rows, p.space, p.row_axes};
}

std::optional<Groups::Merged> Groups::fit(GroupId pid, GroupId cid) const {
  auto const& p = groups_[pid];
  auto const& c = groups_[cid];
  if (p.kind == Kind::alone || c.kind == Kind::alone || p.nodes.size() + c.nodes.size() > most_nodes) return {};
  if (p.kind == Kind::pointwise) return fit_pointwise(pid, cid);
  if (p.kind == Kind::rows) return fit_rows(pid, cid);
  bool follows = c.kind == Kind::pointwise && c.space == p.space && c.epilogue && !c.inner_loop &&
                 reads_in_step(pid, cid, c.space, 0);
  return follows ? std::optional(Merged{Kind::contract, p.space, 0}) : std::nullopt;
}

// The rules of `fit`, in words.
std::string Groups::why_apart(GroupId pid, GroupId cid) {
  auto const& p = groups_[pid];
  auto const& c = groups_[cid];
  auto const shape = [](Shape const& s) {
    std::string out;
    for (auto const& d : s) out += (out.empty() ? "" : ",") + d.text();
    return "[" + out + "]";
  };
  if (p.kind == Kind::alone || c.kind == Kind::alone)
    return fmt::format("{} takes no company: a reshape in place, a scatter, what goes along lines, a loop",
                       p.kind == Kind::alone ? "what gives it" : "what reads it");
  if (p.nodes.size() + c.nodes.size() > most_nodes)
    return fmt::format("together they would have more than {} nodes", most_nodes);
  if (fit(pid, cid))
    return path_around(pid, cid) ? "another kernel stands between the two: it reads the one and gives to the other"
                                 : "the other would have had to be joined first";
  bool const same_space = p.space == c.space;
  if (p.kind == Kind::contract) {
    if (c.kind == Kind::contract) return "both are contractions: what one gives, the other packs from memory";
    if (c.kind == Kind::rows) return "a contraction takes along what follows element by element, and this folds rows";
    if (!same_space) return fmt::format("the contraction walks {}, what reads it {}", shape(p.space), shape(c.space));
    return "it is read at other indices than those at which the contraction gives it";
  }
  if (p.kind == Kind::rows && c.kind == Kind::contract) return "a contraction packs its operands from memory";
  if (p.kind == Kind::rows)
    return fmt::format("it is made by rows of {}, and what reads it walks {}{}", shape(p.space), shape(c.space),
                       same_space ? " at other indices" : "");
  if (auto const readers = consumers(pid).size(); readers > 1)
    return fmt::format("{} kernels read it, and one of them walks {} at other indices", readers, shape(c.space));
  if (gives_result(pid)) return "it is a result of the function, which is stored";
  if (p.inner_loop) return "it is a sum by itself, which would be computed again wherever it is read";
  if (p.costly && c.kind == Kind::contract)
    return "an operand of a contraction is read many times, and this one costs too much to be computed while it is "
           "packed";
  if (p.costly) return "it is read at other indices, and costs too much to be computed again for each";
  if (times_read(pid, cid) > most_times)
    return fmt::format("it is read at more than {} indices for each element", most_times);
  if (c.kind == Kind::contract) return "a contraction packs this operand from memory";
  return fmt::format("it is read at other indices, and more than {} nodes are not computed again", cheap_nodes);
}

// The groups between two others that `from` has an edge to, one edge after the other; what is met for the first time in
// this search is added to `open`. True when `end` is met from another group than `first`.
bool Groups::meet(std::vector<NodeId> const& edges, Search& search, GroupId from) {
  for (auto m : edges) {
    auto const c = group_of_[m];
    if (c == from || c == no_node) continue;
    if (c == search.end && from != search.first) return true;
    if (seen_[c] == search_ || place_[c] <= search.low || place_[c] >= search.high) continue;
    seen_[c] = search_;
    search.met.push_back(c);
  }
  return false;
}

// Is there a way from `p` to `c`, which stands behind it, through a third group? Else `behind_` is what p leads to in
// between.
bool Groups::path_around(GroupId p, GroupId c) {
  ++search_;
  Search search{.first = p, .end = c, .low = place_[p], .high = place_[c], .met = {p}};
  for (size_t i = 0; i < search.met.size(); ++i)
    for (auto n : groups_[search.met[i]].nodes)
      if (meet(graph_.next[n], search, search.met[i])) return true;
  behind_.assign(search.met.begin() + 1, search.met.end());
  return false;
}

// The groups between p and c that lead to c.
std::vector<GroupId> Groups::those_before(GroupId p, GroupId c) {
  ++search_;
  Search search{.first = c, .end = no_node, .low = place_[p], .high = place_[c], .met = {c}};
  for (size_t i = 0; i < search.met.size(); ++i)
    for (auto n : groups_[search.met[i]].nodes) (void)meet(before_[n], search, search.met[i]);
  search.met.erase(search.met.begin());
  return search.met;
}

// Deals out the places of p, c, what leads to c and what p leads to; gives that of the two together.
u32 Groups::close_up(GroupId p, GroupId c) {
  if (behind_.empty()) return place_[c];
  auto by_place = [&](GroupId a, GroupId b) { return place_[a] < place_[b]; };
  auto before = those_before(p, c);
  std::sort(before.begin(), before.end(), by_place);
  std::sort(behind_.begin(), behind_.end(), by_place);
  std::vector<u32> places{place_[p], place_[c]};
  for (auto g : before) places.push_back(place_[g]);
  for (auto g : behind_) places.push_back(place_[g]);
  std::sort(places.begin(), places.end());
  for (size_t i = 0; i < before.size(); ++i) place_[before[i]] = places[i];
  for (size_t i = 0; i < behind_.size(); ++i) place_[behind_[i]] = places[places.size() - behind_.size() + i];
  return places[before.size()];
}

// The larger group keeps its number, so that a node is renumbered a few times at most.
void Groups::unite(GroupId pid, GroupId cid, Merged const& merged) {
  u32 const place = close_up(pid, cid);
  --count_;
  auto &p = groups_[pid], &c = groups_[cid];
  if (merged.inlines) {
    u64 const times = times_read(pid, cid);
    for (auto n : p.nodes) {
      inlined_[n] = true;
      times_[n] *= times;
    }
  }
  Group both{.kind = merged.kind,
             .space = merged.space,
             .row_axes = merged.row_axes,
             .inner_loop = p.inner_loop || c.inner_loop,
             .epilogue = p.epilogue && c.epilogue && !merged.inlines,
             .costly = p.costly || c.costly,
             .last = std::max(p.last, c.last)};
  auto const id = p.nodes.size() > c.nodes.size() ? pid : cid;
  auto& small = groups_[id == pid ? cid : pid];
  place_[id] = place;
  for (auto n : small.nodes) group_of_[n] = id;
  both.nodes = std::move(groups_[id].nodes);
  both.nodes.insert(both.nodes.end(), small.nodes.begin(), small.nodes.end());
  small = {};
  groups_[id] = std::move(both);
}

bool Groups::try_merge(GroupId p, GroupId c) {
  auto merged = p == c ? std::nullopt : fit(p, c);
  if (!merged || path_around(p, c)) return false;
  unite(p, c, *merged);
  return true;
}

bool Groups::try_join(GroupId a, GroupId b) {
  if (a == b || groups_[a].space != groups_[b].space || groups_[a].kind != groups_[b].kind ||
      groups_[a].row_axes != groups_[b].row_axes || groups_[a].nodes.size() + groups_[b].nodes.size() > most_nodes)
    return false;
  if (place_[a] > place_[b]) std::swap(a, b);
  auto readers = consumers(a);
  bool depends = std::find(readers.begin(), readers.end(), b) != readers.end();
  if (depends || path_around(a, b)) return false;
  unite(a, b, {groups_[b].kind, groups_[b].space, groups_[b].row_axes});
  return true;
}

} // namespace nnc::fusion
