#include "runtime/limits.h"

#include "ir/index_map.h"
#include "ir/op.h"

#include <fmt/core.h>

#include <algorithm>

namespace nnc {
namespace {

// The node that makes each value; null for arguments and literals.
std::vector<Node const*> makers_of(Function const& function) {
  std::vector<Node const*> makers(function.values.size(), nullptr);
  for (auto const& node : function.body.nodes)
    for (auto const result : node.results) makers[result] = &node;
  return makers;
}

// Goes back through what only moves or converts elements, all of them: what a slice leaves out may be anything.
ValueId source_of(Function const& function, ValueId value, std::vector<Node const*> const& makers) {
  while (auto const* node = makers[value]) {
    if (node->op != OpCode::convert && !info(node->op).has(moves_data)) break;
    auto const map = index_map(function, *node, 0);
    auto const& shape = function.type(node->operands[0]).shape;
    if (!map || !reads_every_element(*map, shape, function.type(value).shape)) break;
    value = node->operands[0];
  }
  return value;
}

void tighten(std::vector<IndexLimit>& limits, IndexLimit const& limit) {
  auto const found =
      std::find_if(limits.begin(), limits.end(), [&](IndexLimit const& l) { return l.input == limit.input; });
  if (found == limits.end()) limits.push_back(limit);
  else if (limit.count < found->count) *found = limit;
}

void limits_of(Function const& function, std::vector<IndexLimit>& limits) {
  auto const makers = makers_of(function);
  for (auto const& node : function.body.nodes) {
    if (node.op != OpCode::gather) continue;
    auto const extent =
        function.type(node.operands[0]).shape[static_cast<size_t>(node.attributes.get<i64>("axis"))].constant();
    auto const source = source_of(function, node.operands[1], makers);
    for (auto const& argument : function.arguments)
      if (argument.value == source && extent && (argument.role == Role::input || argument.role == Role::target))
        tighten(limits, {function.values[source].name, *extent - node.attributes.get_or("size", i64{1}) + 1, node.at});
  }
}

template <class T>
void check(IndexLimit const& limit, HostTensor const& column, i64 first, i64 examples, std::string const& name,
           std::string const& where) {
  if (column.shape()[0] == 0) return;
  auto const elements = column.as<T>();
  auto const width = column.elements() / column.shape()[0];
  for (i64 i = first * width; i < (first + examples) * width; ++i) {
    auto const value = static_cast<i64>(elements[static_cast<size_t>(i)]);
    if (value >= 0 && value < limit.count) continue;
    Diagnostic problem;
    problem.message = fmt::format("{}example {} of column '{}' has {}, expected 0 to {}", where, i / width, name, value,
                                  limit.count - 1);
    problem.code = Code::data;
    if (limit.at)
      problem.notes.push_back({limit.at, fmt::format("'{}' is an index here, of {} values", limit.input, limit.count)});
    throw Error(problem);
  }
}

} // namespace

std::vector<IndexLimit> index_limits(Module const& elaborated) {
  std::vector<IndexLimit> limits;
  for (auto const& function : elaborated.functions) limits_of(function, limits);
  return limits;
}

void check_indices(IndexLimit const& limit, HostTensor const& column, i64 first, i64 examples,
                   std::string const& column_name, std::string const& where) {
  switch (column.dtype()) {
  case DType::i64: return check<i64>(limit, column, first, examples, column_name, where);
  case DType::i32: return check<i32>(limit, column, first, examples, column_name, where);
  case DType::i8: return check<i8>(limit, column, first, examples, column_name, where);
  case DType::u8: return check<u8>(limit, column, first, examples, column_name, where);
  default: return;
  }
}

} // namespace nnc
