// The registry: the entries of ir/ops/*.cpp in the order of ir/ops.def.
#include "ir/op.h"

#include <array>
#include <fmt/core.h>

namespace nnc {
namespace {

constexpr std::array entries{
#define NNC_OP(identifier, family) &ops::identifier,
#include "ir/ops.def"
#undef NNC_OP
};

constexpr std::array codes{
#define NNC_OP(identifier, family) OpCode::identifier,
#include "ir/ops.def"
#undef NNC_OP
};

} // namespace

Op const& info(OpCode code) { return *entries[static_cast<size_t>(code)]; }

std::span<OpCode const> all_ops() { return codes; }

std::optional<OpCode> op_named(std::string_view name) {
  for (auto code : codes)
    if (info(code).name == name) return code;
  return {};
}

std::optional<OpCode> op_written(std::string_view sign) {
  for (auto code : codes)
    if (info(code).arity == 2 && info(code).written == sign) return code;
  return {};
}

bool carries_derivative(Node const& n, size_t operand) {
  if (n.op != OpCode::with_gradient) return !info(n.op).has(no_derivative);
  auto const variables = static_cast<size_t>(n.attributes.get<i64>("variables"));
  return operand >= n.results.size() && operand < n.results.size() + variables;
}

Attributes permuted_attributes(OpCode code, Attributes attributes, std::span<i64 const> to) {
  auto const moved = [&](i64 axis) { return to[static_cast<size_t>(axis)]; };
  auto const permuted = [&](auto const& values) {
    auto out = values;
    for (size_t i = 0; i < to.size(); ++i) out[static_cast<size_t>(to[i])] = values[i];
    return out;
  };
  for (auto const& spec : info(code).attributes) {
    auto const* value = attributes.find(spec.name);
    if (!value || spec.of_axes == OfAxes::nothing) continue;
    if (spec.of_axes == OfAxes::names) {
      auto axes = named_axes(code, attributes);
      for (auto& a : axes) a = moved(a);
      std::sort(axes.begin(), axes.end());
      if (spec.kind == AttributeKind::integer) attributes.set(spec.name, axes.front());
      else attributes.set(spec.name, std::move(axes));
    } else if (spec.kind == AttributeKind::dims) {
      attributes.set(spec.name, permuted(std::get<std::vector<Dim>>(*value)));
    } else {
      attributes.set(spec.name, permuted(std::get<std::vector<i64>>(*value)));
    }
  }
  return attributes;
}

std::vector<i64> named_axes(OpCode code, Attributes const& attributes) {
  for (auto const& spec : info(code).attributes)
    if (spec.of_axes == OfAxes::names)
      return spec.kind == AttributeKind::integer ? std::vector{attributes.get<i64>(spec.name)}
                                                 : attributes.get<std::vector<i64>>(spec.name);
  return {};
}

std::vector<Type> result_types(OpCode code, std::span<Type const> operands, Attributes const& attributes,
                               Type const* stated) {
  Op const& op = info(code);
  if (!op.type) throw CompilerBug(fmt::format("{} has no type rule", op.name));
  if (op.arity >= 0 && operands.size() != static_cast<size_t>(op.arity))
    throw Error(fmt::format("{} takes {} operands, found {}", op.name, op.arity, operands.size()));
  for (auto const& spec : op.attributes)
    if (!spec.optional && !attributes.has(spec.name))
      throw Error(fmt::format("{} needs the attribute '{}'", op.name, spec.name));
  if (op.has(stated_type) && !stated) throw Error(fmt::format("the result type of {} must be stated", op.name));
  auto types = op.type({operands, attributes, stated});
  for (auto const& t : types) need_countable(t);
  return types;
}

} // namespace nnc
