#include "frontend/elaborate/tunables.h"
#include "frontend/elaborate/constants.h"
#include "frontend/elaborate/errors.h"
#include "frontend/elaborate/expression.h"
#include "frontend/elaborate/lookup.h"
#include "frontend/elaborate/setting_values.h"

#include <algorithm>
#include <fmt/core.h>

namespace nnc::front {

Any Tunables::scalar(std::string const& name, f64 value) {
  if (auto const given = setting_values_.find_path(name))
    value = constants_.as_float(given->value, given->at, fmt::format("`{}`", name));
  if (!now_.train || now_.out.constants.contains(name)) return Any{value}; // without a training nothing is tuned
  settings_[name] = {name, value};
  TensorValue t{.graph = now_.graph,
                .id = now_.graph->argument(name, scalar_of(DType::f64), Role::scalar),
                .tunes = true,
                .known = value};
  return Any{t};
}

// An int where a parameter has a float for its default is one.
void Tunables::name_numbers(syntax::FunctionDecl const& f, std::vector<Actual>& given, size_t first,
                            std::string const& prefix) {
  for (size_t i = first; i < f.parameters.size() && !f.parameters[i].rest; ++i) {
    auto const& p = f.parameters[i];
    std::string const path = prefix + "." + p.name.text;
    auto found = std::ranges::find(given, p.name.text, &Actual::name);
    if (size_t const k = i - first; found == given.end() && k < given.size() && given[k].name.empty())
      found = given.begin() + static_cast<std::ptrdiff_t>(k);
    auto const* literal = p.initial ? std::get_if<syntax::NumberExpr>(&p.initial->as) : nullptr;
    std::optional<Any> value;
    Location at = p.name.at;
    if (auto const set = setting_values_.find_path(path)) value = set->value, at = set->at;
    else if (found != given.end()) value = found->value, at = found->at;
    else if (literal) value = expressions_.eval(*p.initial);
    if (!value) continue;
    bool const tunes = value->is<f64>() || (value->is<Dim>() && literal && !literal->is_integer);
    if (tunes) value = scalar(path, constants_.as_float(*value, at, fmt::format("`{}`", p.name.text)));
    if (found != given.end()) found->value = *value;
    else given.push_back({p.name.text, *value, at});
  }
}

Any Tunables::argument(syntax::Expr const& e, std::string const& path) {
  if (auto const set = setting_values_.find_path(path)) {
    auto const& v = set->value;
    if (!v.is<f64>() && !v.is<Dim>() && !v.is<bool>() && !v.is<None>())
      errors_.fail(set->at, fmt::format("`{}` is {}, expected a number", path, shown(v)));
    return v;
  }
  auto const* call = std::get_if<syntax::CallExpr>(&e.as);
  auto const* name = call ? std::get_if<syntax::NameExpr>(&call->callee->as) : nullptr;
  if (!name || call->tag) return expressions_.eval(e);
  Any const callee = lookup_.lookup_callable(name->name, call->callee->at);
  auto const* known = callee.get<FunctionValue>();
  bool const spreads = std::ranges::any_of(call->arguments, [](auto const& a) { return a.spread; });
  if (!known || known->builtin || spreads) return expressions_.eval(e);
  auto given = arguments(call->arguments, *known->function, 0, path);
  name_numbers(*known->function, given, 0, path);
  return calls_.call(callee, std::move(given), e.at);
}

std::vector<Actual> Tunables::arguments(syntax::Arguments const& written, syntax::FunctionDecl const& f, size_t first,
                                        std::string const& prefix) {
  if (std::ranges::any_of(written, [](auto const& a) { return a.spread; })) return expressions_.actuals(written);
  std::vector<Actual> out;
  for (auto const& a : written) {
    size_t const i = first + out.size();
    std::string const name = !a.name.empty() ? a.name : i < f.parameters.size() ? f.parameters[i].name.text : "";
    out.push_back({a.name, argument(*a.value, prefix + "." + name), a.at});
  }
  return out;
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
