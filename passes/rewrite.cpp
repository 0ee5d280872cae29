// The walk that rewriting passes share. See rewrite.h.
#include "passes/rewrite.h"

#include "ir/node_limit.h"

#include <algorithm>

namespace nnc {

ValueId Rewriter::current(ValueId v) const {
  while (v < now_.size() && now_[v] != no_value) v = now_[v];
  return v;
}

void Rewriter::hold_variables() {
  held_.assign(function.values.size(), false);
  for (auto const& n : function.body.nodes)
    if (n.op == OpCode::grad)
      for (size_t i = 1; i < n.operands.size(); ++i) held_[n.operands[i]] = true;
}

Node const* Rewriter::definition(ValueId v) const {
  return v < defined_.size() && defined_[v] >= 0 && !is_held(v) ? &out_[static_cast<size_t>(defined_[v])] : nullptr;
}

void Rewriter::remap(Node& n) {
  for (auto& v : n.operands) v = current(v);
  for (auto& r : n.regions)
    for (auto& inner : r.nodes) remap(inner);
}

void Rewriter::keep(Node&& n) {
  for (auto r : n.results) {
    if (defined_.size() <= r) defined_.resize(function.values.size(), -1);
    defined_[r] = static_cast<i64>(out_.size());
  }
  out_.push_back(std::move(n));
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

void Rewriter::run(std::function<void(Node&&)> const& visit) {
  auto nodes = std::move(function.body.nodes);
  auto const others = function.limit ? function.limit->count() - static_cast<i64>(nodes.size()) : 0;
  out_.clear();
  out_.reserve(nodes.size());
  defined_.assign(function.values.size(), -1);
  for (size_t i = 0; i < nodes.size(); ++i) {
    auto& n = nodes[i];
    if (function.limit) function.limit->set(others + static_cast<i64>(out_.size() + nodes.size() - i));
    remap(n);
    if (n.op == OpCode::kernel ||
        std::any_of(n.results.begin(), n.results.end(), [&](ValueId v) { return is_held(v); }))
      keep(std::move(n));
    else visit(std::move(n));
  }
  function.body.nodes = std::move(out_);
  for (auto& r : function.results) r.value = current(r.value);
}

void each_read(Node const& n, std::function<void(ValueId)> const& visit) {
  for (auto v : n.operands) visit(v);
  for (auto const& r : n.regions)
    for (auto const& inner : r.nodes) each_read(inner, visit);
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
  void take(Node& n) {
    for (auto& v : n.operands) take(v);
    for (auto& r : n.regions)
      for (auto& inner : r.nodes) take(inner);
    for (auto& v : n.results) take(v);
  }
};

} // namespace

bool compact(Function& f) {
  Renumbering r{.number = std::vector<ValueId>(f.values.size(), no_value), .values = {}, .f = f};
  r.values.reserve(f.values.size());
  for (auto& a : f.arguments) r.take(a.value);
  for (auto& n : f.body.nodes) r.take(n);
  for (auto& x : f.results) r.take(x.value);
  bool moved = r.values.size() != f.values.size();
  for (ValueId v = 0; v < r.number.size() && !moved; ++v) moved = r.number[v] != v;
  f.values = std::move(r.values);
  f.literals = {};
  return moved;
}

namespace {

Node copied(Node const& n, Function& target, Function const& callee, std::vector<ValueId>& map) {
  count_node(target, n.at);
  auto mapped = [&](ValueId v) {
    if (map[v] == no_value && callee.values[v].constant)
      map[v] = literal(target, callee.type(v).dtype, *callee.values[v].constant);
    return map[v];
  };
  Node out{.op = n.op, .operands = {}, .results = {}, .attributes = n.attributes, .regions = {}, .at = n.at};
  for (auto v : n.operands) out.operands.push_back(mapped(v));
  for (auto const& r : n.regions) {
    out.regions.emplace_back();
    for (auto const& inner : r.nodes) out.regions.back().nodes.push_back(copied(inner, target, callee, map));
  }
  for (auto v : n.results) {
    if (map[v] == no_value) {
      map[v] = static_cast<ValueId>(target.values.size());
      target.values.push_back(callee.values[v]);
    }
    out.results.push_back(map[v]);
  }
  return out;
}

} // namespace

std::vector<ValueId> inline_function(Function& target, std::vector<Node>& into, Function const& callee,
                                     std::vector<ValueId> const& arguments) {
  std::vector<ValueId> map(callee.values.size(), no_value);
  for (size_t i = 0; i < arguments.size(); ++i) map[callee.arguments[i].value] = arguments[i];
  for (auto const& n : callee.body.nodes) into.push_back(copied(n, target, callee, map));
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

size_t node_count(Module const& m) {
  size_t n = 0;
  for (auto const& f : m.functions)
    for (auto const& node : f.body.nodes) {
      ++n;
      for (auto const& r : node.regions) n += r.nodes.size();
    }
  return n;
}

} // namespace nnc
