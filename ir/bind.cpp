// Replaces a symbol by its value.
#include "ir/bind.h"

#include "ir/walk.h"

namespace nnc {
namespace {

void bind_attributes(Node& n, Bindings const& bindings) {
  Attributes bound = n.attributes;
  for (auto const& [name, value] : n.attributes)
    if (auto const* dims = std::get_if<std::vector<Dim>>(&value)) {
      auto numbers = *dims;
      for (auto& d : numbers) d = d.bind(bindings);
      bound.set(name, std::move(numbers));
    }
  n.attributes = std::move(bound);
}

} // namespace

Module bind(Module m, Symbol symbol, i64 value) {
  Bindings bindings;
  bindings[static_cast<size_t>(symbol)] = value;
  m.bindings[static_cast<size_t>(symbol)] = value;
  for (auto& f : m.functions) {
    for (auto& v : f.values)
      for (auto& d : v.type.shape) d = d.bind(bindings);
    for (auto& s : f.slots) s = s.bind(bindings);
    each_node(f.body.nodes, [&](Node& n) { bind_attributes(n, bindings); });
  }
  return m;
}

bool only_outermost(Function const& f, Symbol symbol) {
  for (auto const& v : f.values)
    for (size_t axis = 1; axis < v.type.shape.size(); ++axis)
      if (v.type.shape[axis].mentions(symbol)) return false;
  return true;
}

} // namespace nnc
