#include "ir/memory.h"

#include "ir/index_map.h"

#include <algorithm>
#include <numeric>
#include <unordered_set>

namespace nnc {

std::vector<ValueId> roots_of(Function const& f) {
  std::vector<ValueId> root(f.values.size());
  std::iota(root.begin(), root.end(), ValueId{0});
  for (auto const& n : f.body.nodes)
    if (is_alias(f, n)) root[n.result()] = root[n.operands[0]];
  return root;
}

std::vector<bool> numbers_of_threads(Function const& f) {
  std::vector<bool> out(f.values.size());
  for (auto const& a : f.arguments)
    out[a.value] = a.role == Role::scalar || a.role == Role::step || a.role == Role::seed;
  for (auto const& n : f.body.nodes) {
    if (is_alias(f, n)) out[n.result()] = out[n.operands[0]];
    for (auto v : n.results)
      if (is_kernel(n, KernelKind::scalars)) out[v] = true;
  }
  return out;
}

std::vector<std::optional<Place>> places_of_results(Function const& f) {
  std::vector<std::optional<Place>> out;
  for (auto const& replaced : f.replaced_arguments()) {
    size_t const i = out.size();
    bool const reported = f.results[i].role == Role::loss || f.results[i].role == Role::metric;
    if (reported) out.emplace_back();
    else if (replaced) out.push_back(Place{Place::Kind::argument, static_cast<i64>(*replaced)});
    else out.push_back(Place{Place::Kind::result, static_cast<i64>(i)});
  }
  return out;
}

bool reads_at_same_index(Function const& f, Node const& kernel, std::vector<ValueId> const& operands,
                         Shape const& shape) {
  std::unordered_set<ValueId> old(operands.begin(), operands.end()); // and what is computed from them there
  bool const rows = is_kernel(kernel, KernelKind::rows);
  for (auto const& n : kernel.regions.front().nodes)
    for (size_t i = 0; i < n.operands.size(); ++i) {
      if (!old.contains(n.operands[i])) continue;
      auto const map = index_map(f, n, i);
      bool const here = map && is_identity(*map, space_of(f, n).size()) && f.type(n.operands[i]).shape == shape &&
                        f.type(n.result()).shape == shape;
      if (rows || !here) return false;
      old.insert(n.result());
    }
  return true;
}

bool Hazards::crosses(Place const& p, bool many, bool writes) const {
  auto it = since_.find({p.kind, p.index});
  if (it == since_.end() || !(many || it->second.by_many)) return false;
  return it->second.written || (writes && it->second.read);
}

bool Hazards::must_meet(Touches const& t) const {
  auto any = [&](std::vector<Place> const& places, bool writes) {
    return std::any_of(places.begin(), places.end(), [&](Place const& p) { return crosses(p, t.by_many, writes); });
  };
  return any(t.reads, false) || any(t.writes, true);
}

void Hazards::ran(Touches const& t) {
  auto touched = [&](Place const& p) -> Touched& {
    auto& at = since_[{p.kind, p.index}];
    at.by_many |= t.by_many;
    return at;
  };
  for (auto const& p : t.reads) touched(p).read = true;
  for (auto const& p : t.writes) touched(p).written = true;
}

} // namespace nnc
