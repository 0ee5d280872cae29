#include "frontend/elaborate/tunables.h"
#include "frontend/elaborate/constants.h"
#include "frontend/elaborate/errors.h"
#include "frontend/elaborate/setting_values.h"

#include <fmt/core.h>

namespace nnc::front {

Any Tunables::scalar(std::string const& name, f64 value) {
  for (auto const& [set, text] : now_.settings.set)
    if (set == name)
      value = constants_.as_float(setting_values_.value_of(text, name), setting_values_.place_of(text, name),
                                  fmt::format("`{}`", name));
  if (!now_.train || now_.out.constants.contains(name)) return Any{value}; // without a training nothing is tuned
  settings_[name] = {name, value};
  TensorValue t{.graph = now_.graph,
                .id = now_.graph->argument(name, scalar_of(DType::f64), Role::scalar),
                .tunes = true,
                .known = value};
  return Any{t};
}

std::optional<f64> Tunables::force(Any const& v, Location at, std::string const& what) {
  auto* t = v.tensor();
  if (!t || !t->tunes || !t->known) return {};
  make_constant(*t->graph, {t->id}, {errors_.user_place(at), what});
  return t->known;
}

// The settings that these values were computed from.
void Tunables::make_constant(Graph const& graph, std::set<ValueId> needed, NumberNeeded const& by) {
  auto const& f = graph.function;
  for (size_t i = f.body.nodes.size(); i-- > 0;)
    if (needed.contains(f.body.nodes[i].results.front()))
      needed.insert(f.body.nodes[i].operands.begin(), f.body.nodes[i].operands.end());
  for (auto const& a : f.arguments)
    if (a.role == Role::scalar && needed.contains(a.value)) {
      auto const& name = f.values[a.value].name;
      now_.out.constants.try_emplace(name, FixedNumber{settings_.at(name).value, by});
    }
  std::set<ValueId> outside;
  for (auto const& [captured, here] : graph.inside)
    if (needed.contains(here)) outside.insert(captured);
  if (!outside.empty()) make_constant(*graph.outer, outside, by);
}

} // namespace nnc::front
