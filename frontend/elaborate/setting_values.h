// Values of --set: read as expressions, each for the place that has its name.
#pragma once

#include "frontend/elaborate/context.h"
#include "frontend/elaborate/elaborator.h"

namespace nnc::front {

class SettingValues {
public:
  explicit SettingValues(Elaborator& e) : e_(e), now_(e.now), errors_(e.errors) {}
  bool all_are_values();
  Any value_of(std::string const& text, std::string const& name); // its name has found its place
  Location place_of(std::string const& text, std::string const& name);
  void check_used();

private:
  Any value_of(syntax::Expr const&);
  Any parsed(std::string const& text, std::string const& name);
  Any number_of(syntax::Expr const&);
  [[noreturn]] void refuse(Location);

  Elaborator& e_;
  Context& now_;
  Errors& errors_;
  std::set<std::string> set_used_; // names that found their place
};

} // namespace nnc::front
