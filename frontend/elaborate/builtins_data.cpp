// What is known of the training data.
#include "frontend/elaborate/builtin.h"
#include "frontend/elaborate/parameter.h"

namespace nnc::front {

namespace {

template <Statistic kind>
Any statistic(BuiltinCall& c) {
  return c.e.parameters.statistic(kind, c[0], c.places[0]);
}

} // namespace

std::vector<Builtin> const& data_builtins() {
  static std::vector<Builtin> const all{
      {"data_mean", statistic<Statistic::mean>},       {"data_std", statistic<Statistic::std>},
      {"data_least", statistic<Statistic::least>},     {"data_largest", statistic<Statistic::largest>},
      {"data_missing", statistic<Statistic::missing>},
  };
  return all;
}

} // namespace nnc::front
