#include "runtime/rates.h"

#include "ir/evaluate.h"
#include "ir/walk.h"
#include "passes/dce.h"

#include <algorithm>
#include <set>

namespace nnc {
namespace {

constexpr std::string_view suffix = ".lr";

// Of an argument that is one number; nothing: who evaluates rates does not have it.
std::optional<Tensor> argument_of(SessionState& state, Value const& value, Role role, std::string const& parameter) {
  auto tensor = Tensor::zeros(value.type.dtype, {});
  if (value.type.rank() != 0) return std::nullopt;
  if (role == Role::step) tensor.i[0] = state.place.step;
  else if (role == Role::seed) tensor.i[0] = static_cast<i64>(state.seed);
  else if (role == Role::scalar) tensor.f[0] = state.scalar(value.name);
  else {
    auto const* kept = state.tensor(value.name + "/" + parameter);
    if (role != Role::optimizer || !kept || kept->dtype() != DType::f64 || value.type.dtype != DType::f64)
      return std::nullopt;
    tensor.f[0] = kept->as<f64>()[0];
  }
  return tensor;
}

} // namespace

Rates::Rates(CompiledProgram const& program) : module_(program.elaborated()) {
  std::set<std::string> known;
  for (auto const& update : module_.functions) {
    if (!update.name.starts_with("update")) continue;
    for (ValueId v = 0; v < update.values.size(); ++v) {
      auto const& value = update.values[v];
      if (!value.name.ends_with(suffix) || value.type.rank() != 0 || !is_float(value.type.dtype)) continue;
      if (!known.insert(value.name).second) continue;
      Rate rate{value.name, update.name.substr(update.name.find('.') + 1), update};
      rate.function.results = {{.name = "lr", .value = v, .role = Role::output}};
      drop_unused(rate.function);
      std::vector<bool> read(rate.function.values.size());
      read[rate.function.results[0].value] = true;
      each_node(rate.function.body.nodes,
                [&](Node const& node) { each_read(node, [&](ValueId u) { read[u] = true; }); });
      std::erase_if(rate.function.arguments, [&](Argument const& a) { return !read[a.value]; });
      rates_.push_back(std::move(rate));
    }
  }
}

std::vector<Number> Rates::after_step(SessionState& state) const {
  std::vector<Number> numbers;
  for (auto const& rate : rates_) {
    if (state.place.step == 0) break;
    std::vector<Tensor> inputs;
    for (auto const& argument : rate.function.arguments)
      if (auto tensor = argument_of(state, rate.function.values[argument.value], argument.role, rate.parameter))
        inputs.push_back(std::move(*tensor));
    if (inputs.size() != rate.function.arguments.size()) continue;
    numbers.push_back({rate.name, evaluate(module_, rate.function, inputs).front().f[0]});
  }
  return numbers;
}

} // namespace nnc
