// Reverse mode over the graph.
//
//     %h  = tanh %x : f32[8]
//     %y  = reduce_sum %h {axes=[0]} : f32[]
//     %dx = grad %y, %x : f32[8]
//  becomes (after simplify)
//     %h  = tanh %x : f32[8]
//     %y  = reduce_sum %h {axes=[0]} : f32[]
//     %0  = mul %h, %h : f32[8]
//     %dx = sub 1, %0 : f32[8]
//
// Only nodes on a path from one of the x to y are looked at. Integers, bools and `no_derivative` operators end a path.
#include "passes/differentiate.h"

#include "ir/grad.h"
#include "passes/rewrite.h"

#include <algorithm>
#include <fmt/core.h>

namespace nnc {
namespace {

class Reverse {
public:
  Reverse(Function& f, std::vector<Node>& nodes) : f_(f), nodes_(nodes), make_(f, added_) {}

  std::vector<ValueId> run(ValueId y, std::vector<ValueId> const& by) {
    mark_paths(y, by);
    slope_.assign(f_.values.size(), no_value);
    if (depends_[y]) slope_[y] = make_.like(y, 1);
    for (size_t i = nodes_.size(); i-- > 0;)
      if (on_path_[i]) through(nodes_[i]);
    std::vector<ValueId> result;
    for (auto x : by) result.push_back(slope_of(x));
    for (auto& n : added_) nodes_.push_back(std::move(n));
    return result;
  }

private:
  bool carries(Node const& n) const { return !info(n.op).has(no_derivative); }

  // on_path_: the node depends on one of the x by a way that carries a derivative, and y depends on the node.
  void mark_paths(ValueId y, std::vector<ValueId> const& by) {
    depends_.assign(f_.values.size(), false);
    for (auto x : by) depends_[x] = true;
    on_path_.assign(nodes_.size(), false);
    for (size_t i = 0; i < nodes_.size(); ++i) {
      auto const& n = nodes_[i];
      on_path_[i] =
          carries(n) && std::any_of(n.operands.begin(), n.operands.end(), [&](ValueId v) { return depends_[v]; });
      if (on_path_[i])
        for (auto v : n.results) depends_[v] = depends_[v] || is_float(f_.type(v).dtype);
    }
    std::vector<bool> needed(f_.values.size());
    needed[y] = true;
    for (size_t i = nodes_.size(); i-- > 0;) {
      auto const& n = nodes_[i];
      on_path_[i] =
          on_path_[i] && std::any_of(n.results.begin(), n.results.end(), [&](ValueId v) { return needed[v]; });
      if (on_path_[i])
        for (auto v : n.operands) needed[v] = true;
    }
  }

  void through(Node const& n) {
    if (!std::any_of(n.results.begin(), n.results.end(), [&](ValueId v) { return slope_[v] != no_value; })) return;
    auto const& op = info(n.op);
    if (!op.gradient) throw CompilerBug(fmt::format("differentiate: {} has no gradient", op.name));
    make_.at = n.at;
    std::vector<ValueId> dy;
    for (auto v : n.results) dy.push_back(slope_of(v));
    Grad g(make_, n, dy);
    op.gradient(g);
    for (size_t i = 0; i < n.operands.size(); ++i)
      if (g.contributions[i] != no_value) add(n.operands[i], g.contributions[i]);
  }

  void add(ValueId v, ValueId contribution) {
    if (!depends_[v] || f_.values[v].constant) return;
    auto& slope = slope_[v];
    slope = slope == no_value ? contribution : make_.make(OpCode::add, {slope, contribution});
  }

  // Of the type of v; a slope may still be a scalar that stands for every element.
  ValueId slope_of(ValueId v) {
    auto const type = f_.type(v);
    auto s = slope_[v];
    return make_.broadcast_scalar(s == no_value ? make_.like(v, 0) : s, type.shape);
  }

  Function& f_;
  std::vector<Node>& nodes_;
  std::vector<Node> added_;
  Builder make_;
  std::vector<bool> depends_, on_path_;
  std::vector<ValueId> slope_;
};

bool differentiate_function(Function& f) {
  auto is_grad = [](Node const& n) { return n.op == OpCode::grad; };
  if (std::none_of(f.body.nodes.begin(), f.body.nodes.end(), is_grad)) return false;
  std::vector<Node> done;
  std::vector<ValueId> now; // what a result of `grad` has become
  auto current = [&](ValueId v) { return v < now.size() && now[v] != no_value ? now[v] : v; };
  for (auto& n : f.body.nodes) {
    for (auto& v : n.operands) v = current(v);
    if (!is_grad(n)) {
      done.push_back(std::move(n));
      continue;
    }
    auto slopes = append_gradient(f, done, n.operands[0], {n.operands.begin() + 1, n.operands.end()});
    now.resize(f.values.size(), no_value);
    for (size_t i = 0; i < slopes.size(); ++i) {
      now[n.results[i]] = slopes[i];
      auto& v = f.values[slopes[i]];
      if (v.name.empty() && !v.constant) v.name = f.values[n.results[i]].name;
    }
  }
  f.body.nodes = std::move(done);
  for (auto& r : f.results) r.value = current(r.value);
  return true;
}

// A stop_gradient has done its work when everything is differentiated.
bool drop_stops(Function& f) {
  Rewriter rewriter(f);
  rewriter.run([&](Node&& n) {
    if (n.op != OpCode::stop_gradient) return rewriter.keep(std::move(n));
    rewriter.replace(n.result(), n.operands[0]);
  });
  return rewriter.changed;
}

} // namespace

std::vector<ValueId> append_gradient(Function& f, std::vector<Node>& nodes, ValueId y, std::vector<ValueId> const& by) {
  return Reverse(f, nodes).run(y, by);
}

PassResult differentiate(Module m, PassContext&) {
  bool changed = false;
  for (auto& f : m.functions) {
    changed |= differentiate_function(f);
    changed |= drop_stops(f);
  }
  return {std::move(m), changed};
}

} // namespace nnc
