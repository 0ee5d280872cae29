// What a place that needs a constant takes. `what` names the place in the message.
#pragma once

#include "frontend/elaborate/elaborator.h"
#include "frontend/elaborate/value.h"

namespace nnc::front {

std::optional<std::string> help_for_int(f64); // where an int is needed

class Constants {
public:
  explicit Constants(Elaborator& e)
      : errors_(e.errors), budget_(e.budget), suggestions_(e.suggestions), tunables_(e.tunables) {}

  Dim as_int(Any const&, Location, std::string const& what); // `batch` may be among it
  i64 as_constant(Any const&, Location, std::string const& what);
  f64 as_float(Any const&, Location, std::string const& what);
  bool as_bool(Any const&, Location, std::string const& what);
  std::string as_string(Any const&, Location, std::string const& what);
  List as_list(Any const&, Location, std::string const& what);
  Shape as_shape(Any const&, Location, std::string const& what);
  i64 as_axis(Any const&, int rank, Location);
  std::vector<i64> as_axes(Any const&, int rank, Location); // none: all axes

private:
  Errors& errors_;
  Budget& budget_;
  Suggestions& suggestions_;
  Tunables& tunables_;
};

} // namespace nnc::front
