// Numbers that only tune: scalars of the step, whose values may change when nothing is compiled any more. Where one
// reaches a place that needs a constant, the settings that it was computed from become constants of this compilation,
// and the program is elaborated once more with them.
#pragma once

#include "frontend/elaborate/call.h"
#include "frontend/elaborate/context.h"
#include "frontend/elaborate/elaborator.h"

namespace nnc::front {

class Tunables {
public:
  explicit Tunables(Elaborator& e)
      : now_(e.now), errors_(e.errors), constants_(e.constants), lookup_(e.lookup), expressions_(e.expressions),
        calls_(e.calls), setting_values_(e.setting_values) {}

  Any scalar(std::string const& name, f64 value); // or what --set says
  // The arguments of an optimizer, or of the like, from parameter `first` on. Numbers are called after the parameters
  // that they are given to, those in a call within one after both: "adam.lr.warmup"; --set may say something else.
  std::vector<Actual> arguments(syntax::Arguments const&, syntax::FunctionDecl const&, size_t first,
                                std::string const& prefix);
  // Makes numbers that only tune of the floats among them, and of floats that are defaults.
  void name_numbers(syntax::FunctionDecl const&, std::vector<Actual>&, size_t first, std::string const& prefix);
  std::optional<f64> force(Any const&, Location,
                           std::string const& what); // the constant behind one, which `what` needs
  std::map<std::string, ScalarSetting> const& settings() const { return settings_; } // by name

private:
  Any argument(syntax::Expr const&, std::string const& path);
  void make_constant(Graph const&, std::set<ValueId> needed, NumberNeeded const&);

  Context& now_;
  Errors& errors_;
  Constants& constants_;
  Lookup& lookup_;
  Expressions& expressions_;
  Calls& calls_;
  SettingValues& setting_values_;
  std::map<std::string, ScalarSetting> settings_;
};

} // namespace nnc::front
