#include "frontend/elaborate/graph.h"

#include <algorithm>

namespace nnc::front {

ValueId Graph::capture(ValueId v) {
  Value const& value = outer->function.values[v];
  auto [it, fresh] = inside.try_emplace(v, no_value);
  if (!fresh) return it->second;
  if (auto const& c = value.constant) {
    auto const dtype = value.type.dtype;
    return it->second = is_float(dtype) ? builder.constant(dtype, c->f) : builder.integer(dtype, c->i);
  }
  captured.push_back(v);
  return it->second = builder.argument(value.name, value.type, Role::none);
}

void prune(Function& f) {
  std::vector<bool> needed(f.values.size(), false);
  for (auto const& r : f.results) needed[r.value] = true;
  std::vector<Node> kept;
  for (size_t i = f.body.nodes.size(); i-- > 0;) {
    Node& node = f.body.nodes[i];
    if (std::none_of(node.results.begin(), node.results.end(), [&](ValueId v) { return needed[v]; })) continue;
    for (ValueId v : node.operands) needed[v] = true;
    kept.push_back(std::move(node));
  }
  std::reverse(kept.begin(), kept.end());
  f.body.nodes = std::move(kept);
  std::erase_if(f.arguments, [&](Argument const& a) {
    bool const always = is_kept(a.role) || a.role == Role::gradient;
    return !always && !needed[a.value];
  });
}

void sort_arguments(Function& f) {
  auto rank = [](Role r) {
    return r == Role::gradient ? 2 * static_cast<int>(Role::param) + 1 : 2 * static_cast<int>(r);
  };
  std::stable_sort(f.arguments.begin(), f.arguments.end(),
                   [&](Argument const& a, Argument const& b) { return rank(a.role) < rank(b.role); });
}

namespace {

void follow_derivative(Function const& f, std::vector<Node> const& nodes, std::vector<bool>& out) {
  for (size_t i = nodes.size(); i-- > 0;) {
    Node const& node = nodes[i];
    if (node.op == OpCode::stop_gradient) continue;
    if (std::none_of(node.results.begin(), node.results.end(), [&](ValueId v) { return out[v]; })) continue;
    for (size_t k = 0; k < node.operands.size(); ++k)
      if (ValueId v = node.operands[k]; is_float(f.type(v).dtype) && carries_derivative(node, k)) out[v] = true;
  }
}

} // namespace

std::vector<bool> reached_by_derivative(Function const& f, ValueId y) {
  std::vector<bool> out(f.values.size(), false);
  out[y] = true;
  follow_derivative(f, f.body.nodes, out);
  return out;
}

std::vector<bool> reached_by_derivative(Graph const& graph, ValueId y) {
  auto out = reached_by_derivative(graph.function, y);
  for (size_t i = graph.around.size(); i-- > 0;) follow_derivative(graph.function, *graph.around[i], out);
  return out;
}

} // namespace nnc::front
