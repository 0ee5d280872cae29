#include "codegen/lower/frame.h"

#include "ir/walk.h"

#include <algorithm>

namespace nnc {

Frame::Frame(Function const& f) {
  i64 scalar_count = 0;
  for (auto const& a : f.arguments) scalar_count += a.role == Role::scalar;
  locals = first_free;
  scalars = locals + f.locals;
  slots = scalars + scalar_count;
  arguments = slots + static_cast<i64>(f.slots.size());
  results = arguments + static_cast<i64>(f.arguments.size());
  rounds = results + static_cast<i64>(f.results.size());
  size = rounds;
  each_node(f.body.nodes, [&](Node const& n) {
    if (n.op != OpCode::scan || !n.attributes.has("places")) return;
    for (auto const& p : n.attributes.get<std::vector<Place>>("places"))
      if (p.kind == Place::Kind::round) size = std::max(size, rounds + p.index + 1);
    for (auto const& inner : n.regions.front().nodes)
      if (inner.kernel && inner.kernel->places)
        for (auto const& p : *inner.kernel->places)
          if (p.kind == Place::Kind::round) size = std::max(size, rounds + p.index + 1);
  });
}

} // namespace nnc
