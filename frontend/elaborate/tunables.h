// Numbers that only tune: scalars of the step, whose values may change when nothing is compiled any more. Where one
// reaches a place that needs a constant, the settings that it was computed from become constants of this compilation,
// and the program is elaborated once more with them.
#pragma once

#include "frontend/elaborate/context.h"
#include "frontend/elaborate/elaborator.h"

namespace nnc::front {

class Tunables {
public:
  explicit Tunables(Elaborator& e)
      : now_(e.now), errors_(e.errors), constants_(e.constants), setting_values_(e.setting_values) {}

  Any scalar(std::string const& name, f64 value); // or what --set says
  std::optional<f64> force(Any const&, Location,
                           std::string const& what); // the constant behind one, which `what` needs
  std::map<std::string, ScalarSetting> const& settings() const { return settings_; } // by name

private:
  void make_constant(Graph const&, std::set<ValueId> needed, NumberNeeded const&);

  Context& now_;
  Errors& errors_;
  Constants& constants_;
  SettingValues& setting_values_;
  std::map<std::string, ScalarSetting> settings_;
};

} // namespace nnc::front
