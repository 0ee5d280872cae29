#include "frontend/elaborate/tunables.h"
#include "frontend/elaborate/constants.h"
#include "frontend/elaborate/setting_values.h"

#include <fmt/core.h>

namespace nnc::front {

Tunables::Tunables(Elaborator& e) : now_(e.now), constants_(e.constants), setting_values_(e.setting_values) {
  forced_.insert(now_.out.constants.begin(), now_.out.constants.end());
}

Any Tunables::scalar(std::string const& name, f64 value) {
  for (auto const& [set, text] : now_.settings.set)
    if (set == name)
      value = constants_.as_float(setting_values_.value_of(text, name), setting_values_.place_of(text, name),
                                  fmt::format("`{}`", name));
  if (!now_.train || forced_.contains(name)) return Any{value}; // without a training nothing is tuned
  settings_[name] = {name, value};
  TensorValue t{.graph = now_.graph,
                .id = now_.graph->argument(name, scalar_of(DType::f64), Role::scalar),
                .tunes = true,
                .known = value};
  return Any{t};
}

std::optional<f64> Tunables::force(Any const& v) {
  auto* t = v.tensor();
  if (!t || !t->tunes || !t->known) return {};
  make_constant(*t->graph, {t->id});
  return t->known;
}

void Tunables::make_constant(Graph const& graph, std::set<ValueId> needed) {
  auto const& f = graph.function;
  for (size_t i = f.body.nodes.size(); i-- > 0;)
    if (needed.contains(f.body.nodes[i].results.front()))
      needed.insert(f.body.nodes[i].operands.begin(), f.body.nodes[i].operands.end());
  for (auto const& a : f.arguments)
    if (a.role == Role::scalar && needed.contains(a.value)) forced_.insert(f.values[a.value].name);
  std::set<ValueId> outside;
  for (auto const& [captured, here] : graph.inside)
    if (needed.contains(here)) outside.insert(captured);
  if (!outside.empty()) make_constant(*graph.outer, outside);
}

} // namespace nnc::front
