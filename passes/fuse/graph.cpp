// Classes, accesses and edges. See graph.h.
#include "passes/fuse/graph.h"

#include "ir/contraction.h"
#include "ir/index_map.h"
#include "ir/walk.h"
#include "passes/rewrite.h"

#include <algorithm>
#include <limits>
#include <set>
#include <tuple>

namespace nnc::fusion {
namespace {

How access_of_operand(Function const& f, Node const& n, size_t operand) {
  if (holds_scopes(n)) return How::mapped;
  if (is_reduction(n)) return How::reduced;
  if (info(n.op).has(contracts)) return How::contracted;
  if (!reads_in_step(f, n, operand)) return How::mapped;
  return f.type(n.operands[operand]).rank() == f.type(n.result()).rank() ? How::same : How::outer;
}

// A read at `how` of a free node, seen from an operand.
How through(Function const& f, Node const& free, size_t operand, How how) {
  auto const here = access_of_operand(f, free, operand);
  if (here == How::same) return how;
  return here == How::outer && (how == How::same || how == How::outer) ? How::outer : How::mapped;
}

// Only another index of one tensor, and perhaps a number: nothing is stored for it.
bool is_view(Function const& f, Node const& n) {
  if (!info(n.op).has(moves_data)) return false;
  size_t tensors = 0;
  for (size_t i = 0; i < n.operands.size(); ++i) {
    auto const map = index_map(f, n, i);
    if (!map || depends_on_data(*map)) return false;
    tensors += f.type(n.operands[i]).rank() > 0;
  }
  return tensors <= 1;
}

// Does its last axis run along another one than the last of its operand?
bool exchanges_last_axis(Function const& f, Node const& n) {
  if (!info(n.op).has(moves_data) || n.operands.size() != 1 || f.type(n.operands[0]).rank() == 0) return false;
  auto const map = index_map(f, n, 0);
  if (!map) return false;
  i64 const last = f.type(n.result()).rank() - 1;
  auto const along_last = [&](IndexMap::Term const& t) { return t.axis == last; };
  auto const& c = map->coordinates.back();
  bool const any = std::any_of(map->coordinates.begin(), map->coordinates.end(), [&](IndexMap::Coordinate const& x) {
    return std::any_of(x.terms.begin(), x.terms.end(), along_last);
  });
  return any && std::none_of(c.terms.begin(), c.terms.end(), along_last);
}

// The same bytes with other extents. What only leaves out or exchanges extents of 1 is a view like any other.
bool is_other_shape(Function const& f, Node const& n) {
  if (!is_alias(f, n)) return false;
  auto const map = index_map(f, n, 0);
  return !std::all_of(map->coordinates.begin(), map->coordinates.end(),
                      [](IndexMap::Coordinate const& c) { return c.terms.size() == 1 && c.is_axis(c.terms[0].axis); });
}

} // namespace

bool is_reduction(Node const& n) { return info(n.op).has(reduces); }

std::optional<i64> folded_last_axes(Function const& f, Node const& n) {
  auto const map = index_map(f, n, 0);
  if (!map || !is_identity(*map, static_cast<size_t>(f.type(n.operands[0]).rank()))) return {};
  i64 const folded = f.type(n.operands[0]).rank() - f.type(n.result()).rank();
  return folded > 0 ? std::optional(folded) : std::nullopt;
}

Graph::Graph(Function& f, std::vector<bool> again) : function(f), again_(std::move(again)) {
  producer.assign(f.values.size(), no_node);
  for (NodeId n = 0; n < size(); ++n)
    for (auto v : node(n).results) producer[v] = n;
  is_result.assign(f.values.size(), false);
  stored_ = known_ = scoped_ = is_result;
  for (auto const& r : f.results) {
    is_result[r.value] = true;
    if (!is_report(r.role)) stored_[r.value] = true;
  }
  for (ValueId v = 0; v < f.values.size(); ++v) known_[v] = f.values[v].constant.has_value();
  for (auto const& a : f.arguments)
    if (a.role == Role::scalar || a.role == Role::step || a.role == Role::seed) known_[a.value] = true;
  read_by_scopes();
  classify();
  accesses.resize(size());
  for (NodeId n = 0; n < size(); ++n) {
    if (!is_grouped(classes[n])) continue;
    for (size_t i = 0; i < node(n).operands.size(); ++i)
      follow(n, {.value = node(n).operands[i],
                 .how = access_of_operand(f, node(n), i),
                 .right_side = info(node(n).op).has(contracts) && i == 1});
  }
  link();
}

void Graph::read_by_scopes() {
  for (auto const& n : function.body.nodes) {
    if (!holds_scopes(n)) continue;
    for (size_t i = 0; i < n.operands.size(); ++i) {
      scoped_[n.operands[i]] = true;
      if (n.op == OpCode::scan && i < own_operands(n)) stored_[n.operands[i]] = true;
    }
  }
}

// A number that no kernel computes: a literal, a tunable number, the step, the seed, and what is computed from them.
bool Graph::known_before_step(ValueId v) const {
  return known_[v] || (producer[v] != no_node && classes[producer[v]] == Class::scalar);
}

bool Graph::is_virtual(ValueId v) const {
  return known_before_step(v) || (producer[v] != no_node && virtual_[producer[v]]);
}

Class Graph::class_of(NodeId id) const {
  auto const& n = node(id);
  if (holds_scopes(n)) return Class::scope;
  auto const& op = info(n.op);
  auto const v = n.result();
  bool known = std::all_of(n.operands.begin(), n.operands.end(), [&](ValueId x) { return known_before_step(x); });
  if (function.type(v).rank() == 0 && !stored_[v]) {
    if (op.has(elementwise) && known) return Class::scalar;
    // The number of examples: a sum of ones over a symbolic extent.
    auto* x = is_reduction(n) && producer[n.operands[0]] != no_node ? &node(producer[n.operands[0]]) : nullptr;
    bool const of_number = x && info(x->op).has(moves_data) && function.type(x->operands[0]).rank() == 0;
    if (of_number && is_virtual(n.operands[0]) && !is_float(function.type(v).dtype)) return Class::scalar;
  }
  if (is_result[v]) return Class::plain;
  bool all_virtual = std::all_of(n.operands.begin(), n.operands.end(), [&](ValueId x) { return is_virtual(x); });
  if (!all_virtual && is_other_shape(function, n) &&
      (producer[n.operands[0]] == no_node || classes[producer[n.operands[0]]] != Class::free))
    return Class::alias;
  if (scoped_[v]) return Class::plain;
  if (!all_virtual && is_other_shape(function, n)) return Class::free;
  if (!again_.empty() && again_[id]) return Class::free;
  bool const again = (op.has(elementwise) || n.operands.empty()) && !op.has(costly | random) && all_virtual;
  return again || is_view(function, n) ? Class::free : Class::plain;
}

constexpr u32 most_free = 100; // free nodes in a row; every kernel that reads the last one has a copy of all

// What a contraction without a nest reads again and again, each element of a vector from elsewhere, is stored as it is
// read: the weights of a depthwise convolution, of which there are few.
std::vector<bool> Graph::read_across() const {
  std::vector<bool> across(size());
  for (auto const& n : function.body.nodes) {
    if (!info(n.op).has(contracts) || has_tiles(function, n)) continue;
    Dim const results = element_count(function.type(n.result()).shape);
    for (auto v : n.operands) {
      if (producer[v] == no_node || !exchanges_last_axis(function, node(producer[v]))) continue;
      auto const elements = element_count(function.type(v).shape).constant();
      if (elements && *elements < results.constant().value_or(std::numeric_limits<i64>::max()))
        across[producer[v]] = true;
    }
  }
  return across;
}

void Graph::classify() {
  classes.assign(size(), Class::plain);
  cut = read_across();
  virtual_ = std::vector<bool>(size());
  std::vector<u32> row(size()); // how many free nodes stand behind one another up to here
  for (NodeId n = 0; n < size(); ++n) {
    classes[n] = class_of(n);
    if (cut[n] && classes[n] == Class::free) classes[n] = Class::plain;
    auto const& operands = node(n).operands;
    if (classes[n] == Class::free) {
      for (auto v : operands)
        if (producer[v] != no_node) row[n] = std::max(row[n], row[producer[v]]);
      if (++row[n] > most_free) {
        classes[n] = Class::plain;
        cut[n] = true;
        row[n] = 0;
      }
    }
    virtual_[n] = classes[n] == Class::free &&
                  std::all_of(operands.begin(), operands.end(), [&](ValueId x) { return is_virtual(x); });
  }
}

// Through free nodes to what is stored. Free nodes in a row may be many, and ways through them more: each is met once.
void Graph::follow(NodeId reader, Access first) {
  std::vector<Access> open{first};
  std::set<std::tuple<ValueId, How, bool>> met;
  while (!open.empty()) {
    Access a = open.back();
    open.pop_back();
    if (is_virtual(a.value)) continue;
    a.producer = producer[a.value];
    if (a.producer == no_node || classes[a.producer] != Class::free) {
      accesses[reader].push_back(a);
      continue;
    }
    auto const& free = node(a.producer);
    if (free.operands.size() > 1 && !met.insert({a.value, a.how, a.plain_path}).second) continue;
    for (size_t i = free.operands.size(); i-- > 0;) {
      Access next = a;
      auto const map = index_map(function, free, i);
      next.value = free.operands[i];
      next.how = through(function, free, i, a.how);
      next.plain_path = a.plain_path && map && is_selection(*map);
      open.push_back(next);
    }
  }
}

void Graph::link() {
  readers.resize(size());
  std::vector<std::vector<NodeId>> of_argument(function.values.size());
  for (NodeId n = 0; n < size(); ++n)
    for (auto const& a : accesses[n]) {
      if (a.producer != no_node) readers[a.producer].push_back(n);
      else of_argument[a.value].push_back(n);
    }
  next = readers;
  for (NodeId n = 0; n < size(); ++n) // an alias of an argument reads it where the alias is read
    if (classes[n] == Class::alias && accesses[n].size() == 1 && accesses[n][0].producer == no_node)
      for (auto m : readers[n]) of_argument[accesses[n][0].value].push_back(m);
  auto const replaced = function.replaced_arguments();
  for (size_t i = 0; i < replaced.size(); ++i) {
    auto const& r = function.results[i];
    auto const a = replaced[i];
    if (!a || producer[r.value] == no_node) continue;
    for (auto n : of_argument[function.arguments[*a].value])
      if (n < producer[r.value] && classes[n] != Class::alias) next[n].push_back(producer[r.value]);
  }
}

namespace {

// Who reads what, for the order of updates alone.
struct Order {
  explicit Order(Function& f)
      : f_(f), later_(f.body.nodes.size()), waits_(f.body.nodes.size()), giver_(f.values.size(), no_node),
        readers_(f.values.size()) {
    for (NodeId n = 0; n < later_.size(); ++n)
      for (auto v : f.body.nodes[n].results) giver_[v] = n;
    for (NodeId n = 0; n < later_.size(); ++n)
      for (auto v : f.body.nodes[n].operands)
        if (giver_[v] != no_node) edge(giver_[v], n);
        else readers_[v].push_back(n);
  }

  // Every node that reads `argument` before the node that gives `result`, unless that makes a circle.
  void readers_first(ValueId argument, ValueId result) {
    auto w = giver_[result];
    if (w == no_node) return;
    for (auto n : readers_[argument]) {
      if (n <= w) continue;
      if (!reaches(w, n)) edge(n, w);
    }
  }

  void apply() {
    std::vector<NodeId> ready,
        sorted; // `ready` is a heap: the smallest first, so that the old order stays where it can
    for (NodeId n = 0; n < later_.size(); ++n)
      if (waits_[n] == 0) ready.push_back(n);
    auto greater = std::greater<NodeId>{};
    std::make_heap(ready.begin(), ready.end(), greater);
    while (!ready.empty()) {
      std::pop_heap(ready.begin(), ready.end(), greater);
      auto n = ready.back();
      ready.pop_back();
      sorted.push_back(n);
      for (auto m : later_[n])
        if (--waits_[m] == 0) {
          ready.push_back(m);
          std::push_heap(ready.begin(), ready.end(), greater);
        }
    }
    std::vector<Node> nodes;
    for (auto n : sorted) nodes.push_back(std::move(f_.body.nodes[n]));
    f_.body.nodes = std::move(nodes);
  }

private:
  void edge(NodeId a, NodeId b) {
    later_[a].push_back(b);
    ++waits_[b];
  }
  bool reaches(NodeId from, NodeId to) const {
    std::vector<bool> seen(later_.size());
    std::vector<NodeId> open{from};
    while (!open.empty()) {
      auto n = open.back();
      open.pop_back();
      if (n == to) return true;
      if (seen[n]) continue;
      seen[n] = true;
      open.insert(open.end(), later_[n].begin(), later_[n].end());
    }
    return false;
  }

  Function& f_;
  std::vector<std::vector<NodeId>> later_;
  std::vector<int> waits_;
  std::vector<NodeId> giver_;
  std::vector<std::vector<NodeId>> readers_; // of arguments
};

} // namespace

void order_updates(Function& f) {
  Order order(f);
  bool any = false;
  auto const replaced = f.replaced_arguments();
  for (size_t i = 0; i < replaced.size(); ++i) {
    auto const& r = f.results[i];
    auto const a = replaced[i];
    if (!a || f.arguments[*a].value == r.value) continue;
    order.readers_first(f.arguments[*a].value, r.value);
    any = true;
  }
  if (any) order.apply();
}

} // namespace nnc::fusion
