// Keeps what a result is computed from.
//
//     %a = exp %x : f32[8]
//     %b = log %x : f32[8]
//     return %b
//  becomes
//     %b = log %x : f32[8]
//     return %b
#include "passes/dce.h"

#include "passes/rewrite.h"

#include <algorithm>

namespace nnc {

bool drop_unused(Function& f) {
  std::vector<bool> needed(f.values.size());
  for (auto const& r : f.results) needed[r.value] = true;
  auto& nodes = f.body.nodes;
  std::vector<bool> alive(nodes.size());
  for (size_t i = nodes.size(); i-- > 0;) {
    auto const& results = nodes[i].results;
    // What has its place stays: others may count on the barrier before it.
    alive[i] = nodes[i].attributes.has("places") ||
               std::any_of(results.begin(), results.end(), [&](ValueId v) { return needed[v]; });
    if (alive[i]) each_read(nodes[i], [&](ValueId v) { needed[v] = true; });
  }
  std::vector<Node> kept;
  for (size_t i = 0; i < nodes.size(); ++i)
    if (alive[i]) kept.push_back(std::move(nodes[i]));
  bool changed = kept.size() != nodes.size();
  nodes = std::move(kept);
  return compact(f) || changed;
}

PassResult dce(Module m, PassContext&) {
  bool changed = false;
  for (auto& f : m.functions) changed |= drop_unused(f);
  return {std::move(m), changed};
}

} // namespace nnc
