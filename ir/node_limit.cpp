#include "ir/node_limit.h"

#include <fmt/core.h>

namespace nnc {

void NodeLimit::take(Location at) {
  if (++count_ > most_) refuse(blamed_ ? blamed_ : at);
}

void NodeLimit::check(Module const& m) {
  set(0);
  for (auto const& f : m.functions)
    for (auto const& n : f.body.nodes) {
      take(n.at);
      for (auto const& r : n.regions)
        for (auto const& inner : r.nodes) take(inner.at);
    }
}

void NodeLimit::refuse(Location at) const {
  throw Error(Diagnostic{.at = at,
                         .message = fmt::format("the program grows to more than {} nodes", most_),
                         .help = "--max-nodes allows more"});
}

} // namespace nnc
