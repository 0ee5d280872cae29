#include "ir/node_limit.h"

#include "ir/walk.h"

#include <fmt/core.h>

namespace nnc {

void NodeLimit::take(Location at) {
  if (++count_ > most_) refuse(blamed_ ? blamed_ : at);
}

void NodeLimit::check(Module const& m) {
  set(0);
  for (auto const& f : m.functions) each_node(f.body.nodes, [&](Node const& n) { take(n.at); });
}

void NodeLimit::refuse(Location at) const {
  throw Error(Diagnostic{.at = at,
                         .message = fmt::format("the program grows to more than {} nodes", most_),
                         .help = "Options::max_nodes allows more"});
}

} // namespace nnc
