// Values of --set: read as expressions, each for the place that has its name. A number has the name of its path; the
// end of it will do where one number alone ends so: `lr` for `adam.lr`.
#pragma once

#include "frontend/elaborate/context.h"
#include "frontend/elaborate/elaborator.h"

namespace nnc::front {

class SettingValues {
public:
  explicit SettingValues(Elaborator& e) : e_(e), now_(e.now), errors_(e.errors) {}
  struct Given {
    Any value;
    Location at;
  };
  bool all_are_values();
  std::optional<Given> find(std::string const& name);      // of a const, an argument, a setting, an extent
  std::optional<Given> find_path(std::string const& path); // of a number, "adam.lr"
  // A word stands for the function of this name where one is expected.
  Any as_function(Given const&, Any const& expected);
  void check_used();

private:
  Location place_of(std::string const& text, std::string const& name);
  Any value_of(syntax::Expr const&);
  bool is_a_name_of_its_own(std::string const& name) const;
  Any parsed(std::string const& text, std::string const& name);
  Any number_of(syntax::Expr const&);
  [[noreturn]] void refuse(Location);

  Elaborator& e_;
  Context& now_;
  Errors& errors_;
  std::map<std::string, std::set<std::string>> used_; // by names that found their place: the paths that they stand for
};

} // namespace nnc::front
