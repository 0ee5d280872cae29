// Makes a failing module small: fewer results, and nodes that become arguments, as long as it still fails.
#pragma once

#include "ir/module.h"
#include "ir/verify.h"

#include <algorithm>
#include <functional>
#include <set>

namespace nnc::props {

// Without the nodes and arguments that no result needs.
inline Module without_dead(Module m) {
  Function& f = m.functions.front();
  std::set<ValueId> wanted;
  for (auto const& r : f.results) wanted.insert(r.value);
  std::vector<Node> kept;
  for (size_t i = f.body.nodes.size(); i-- > 0;) {
    Node& n = f.body.nodes[i];
    if (std::none_of(n.results.begin(), n.results.end(), [&](ValueId v) { return wanted.count(v); })) continue;
    wanted.insert(n.operands.begin(), n.operands.end());
    kept.push_back(std::move(n));
  }
  std::reverse(kept.begin(), kept.end());
  f.body.nodes = std::move(kept);
  std::erase_if(f.arguments, [&](Argument const& a) { return !wanted.count(a.value); });
  return m;
}

// An operand of the node that gives the only result becomes the result.
template <class Try>
bool one_step_back(Module const& m, Try try_it) {
  Function const& f = m.functions.front();
  for (auto const& n : f.body.nodes) {
    if (std::find(n.results.begin(), n.results.end(), f.results[0].value) == n.results.end()) continue;
    for (auto v : n.operands) {
      if (f.values[v].constant) continue;
      Module c = m;
      c.functions.front().results[0].value = v;
      if (try_it(std::move(c))) return true;
    }
    return false;
  }
  return false;
}

inline Module shrink(Module m, std::function<bool(Module const&)> const& fails) {
  auto try_it = [&](Module candidate) {
    candidate = without_dead(std::move(candidate));
    if (!verify(candidate).empty() || !fails(candidate)) return false;
    m = std::move(candidate);
    return true;
  };
  bool smaller = true;
  while (smaller) {
    smaller = false;
    for (size_t i = 0; i < m.functions.front().results.size() && m.functions.front().results.size() > 1; ++i) {
      Module c = m; // without this result
      auto& results = c.functions.front().results;
      results.erase(results.begin() + static_cast<std::ptrdiff_t>(i));
      if (try_it(std::move(c))) smaller = true, --i;
    }
    for (size_t i = m.functions.front().body.nodes.size(); i-- > 0;) {
      if (i >= m.functions.front().body.nodes.size()) continue;
      Module c = m; // this node's value becomes an argument
      Function& f = c.functions.front();
      ValueId v = f.body.nodes[i].result();
      f.body.nodes.erase(f.body.nodes.begin() + static_cast<std::ptrdiff_t>(i));
      f.values[v].name = "s" + std::to_string(v);
      f.arguments.push_back({v, Role::none});
      if (try_it(std::move(c))) smaller = true;
    }
    if (m.functions.front().results.size() == 1 && one_step_back(m, try_it)) smaller = true;
  }
  return m;
}

} // namespace nnc::props
