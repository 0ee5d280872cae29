// The walk that rewriting passes share. See rewrite.h.
#include "passes/rewrite.h"

#include "ir/node_limit.h"
#include "ir/walk.h"

#include <algorithm>
#include <span>

namespace nnc {

ValueId Rewriter::current(ValueId v) const {
  while (v < now_.size() && now_[v] != no_value) v = now_[v];
  return v;
}

namespace {

i64 size_of(Node const& n) { return static_cast<i64>(node_count(n)); }

} // namespace

void Rewriter::hold_variables() {
  held_.assign(function.values.size(), false);
  each_node(function.body.nodes, [&](Node const& n) {
    for (size_t i = 1; n.op == OpCode::grad && i < n.operands.size(); ++i) held_[n.operands[i]] = true;
  });
}

Node const* Rewriter::definition(ValueId v) const {
  if (v >= defined_.size() || defined_[v].list == 0 || is_held(v)) return nullptr;
  return &open_[defined_[v].list - 1][defined_[v].index];
}

void Rewriter::keep(Node&& n) {
  auto& list = open_.back();
  for (auto r : n.results) {
    if (defined_.size() <= r) defined_.resize(function.values.size());
    defined_[r] = {open_.size(), list.size()};
  }
  kept_ += size_of(n);
  list.push_back(std::move(n));
}

void Rewriter::replace(ValueId old, ValueId now) {
  now = current(now);
  if (old == now) return;
  if (now_.size() <= old) now_.resize(function.values.size(), no_value);
  now_[old] = now;
  changed = true;
  auto& to = function.values[now];
  if (to.name.empty() && !to.constant) to.name = function.values[old].name;
}

void Rewriter::run(Visit const& visit) {
  left_ = static_cast<i64>(node_count(function.body.nodes));
  others_ = function.limit ? function.limit->count() - left_ : 0;
  kept_ = 0;
  defined_.assign(function.values.size(), {});
  walk(function.body.nodes, visit);
  for (auto& r : function.results) r.value = current(r.value);
}

void Rewriter::walk(std::vector<Node>& list, Visit const& visit) {
  auto nodes = std::move(list);
  open_.emplace_back().reserve(nodes.size());
  for (auto& n : nodes) {
    if (holds_scopes(n)) scopes(n, visit);
    else each_read(n, [&](ValueId& v) { v = current(v); });
    auto const size = size_of(n);
    if (function.limit) function.limit->set(others_ + left_ + kept_);
    bool const held = std::any_of(n.results.begin(), n.results.end(), [&](ValueId v) { return is_held(v); });
    if (is_kernel(n) || held) keep(std::move(n));
    else visit(std::move(n));
    left_ -= size;
  }
  list = std::move(open_.back());
  open_.pop_back();
  for (auto const& n : list)
    for (auto r : n.results) defined_[r] = {};
}

// Afterwards the node counts with all that it holds among those that are not yet visited.
void Rewriter::scopes(Node& n, Visit const& visit) {
  for (auto& v : n.operands) v = current(v);
  for (auto& r : n.regions) {
    walk(r.nodes, visit);
    for (auto& v : r.results) v = current(v);
  }
  list_captures(function, n);
  kept_ -= size_of(n) - 1;
  left_ += size_of(n) - 1;
}

namespace {

// Numbers values in the order in which they are first met.
struct Renumbering {
  std::vector<ValueId> number; // per old value
  std::vector<Value> values;
  Function& f;
  void take(ValueId& v) {
    if (number[v] == no_value) {
      number[v] = static_cast<ValueId>(values.size());
      values.push_back(std::move(f.values[v]));
    }
    v = number[v];
  }
};

} // namespace

bool compact(Function& f) {
  Renumbering r{.number = std::vector<ValueId>(f.values.size(), no_value), .values = {}, .f = f};
  r.values.reserve(f.values.size());
  for (auto& a : f.arguments) r.take(a.value);
  for (auto& n : f.body.nodes) each_mention(n, [&](ValueId& v) { r.take(v); });
  for (auto& x : f.results) r.take(x.value);
  bool moved = r.values.size() != f.values.size();
  for (ValueId v = 0; v < r.number.size() && !moved; ++v) moved = r.number[v] != v;
  f.values = std::move(r.values);
  f.literals = {};
  return moved;
}

std::vector<ValueId> inline_function(Function& target, std::vector<Node>& into, Function const& callee,
                                     std::vector<ValueId> const& arguments) {
  std::vector<ValueId> map(callee.values.size(), no_value);
  for (size_t i = 0; i < arguments.size(); ++i) map[callee.arguments[i].value] = arguments[i];
  auto mapped = [&](ValueId& v) {
    auto const& value = callee.values[v];
    if (map[v] == no_value && value.constant) map[v] = literal(target, value.type.dtype, *value.constant);
    if (map[v] == no_value) {
      map[v] = static_cast<ValueId>(target.values.size());
      target.values.push_back(value);
    }
    v = map[v];
  };
  for (auto const& n : callee.body.nodes) {
    std::span const made(&into.emplace_back(n), 1);
    each_mention(made.front(), mapped);
    each_node(made, [&](Node& x) {
      count_node(target, x.at);
      if (holds_scopes(x)) list_captures(target, x);
    });
  }
  std::vector<ValueId> results;
  for (auto const& r : callee.results) {
    auto const& v = callee.values[r.value];
    results.push_back(v.constant ? literal(target, v.type.dtype, *v.constant) : map[r.value]);
  }
  return results;
}

ValueId literal(Function& f, DType d, Scalar c) {
  std::vector<Node> nowhere;
  Builder b(f, nowhere);
  return is_float(d) ? b.constant(d, c.f) : b.integer(d, c.i);
}

} // namespace nnc
