#include "runtime/meaning.h"

#include "ir/op.h"

#include <algorithm>
#include <set>

namespace nnc {
namespace {

class Meanings {
public:
  Meanings(Function const& run, Encodings const& encodings, std::map<std::string, std::string> const& column_of_input)
      : run_(run), encodings_(encodings), column_of_input_(column_of_input) {
    note_makers(run.body.nodes);
    for (auto const& argument : run.arguments) arguments_[argument.value] = run.values[argument.value].name;
  }

  std::string column(ValueId value) {
    auto const& type = run_.type(value);
    if (is_float(type.dtype))
      return type.shape.empty() ? "" : column_with(type.shape.back().constant());
    std::set<std::string> found;
    seen_.clear();
    bool const all = follow(value, found);
    return all && found.size() == 1 ? *found.begin() : "";
  }

private:
  void note_makers(std::vector<Node> const& nodes) {
    for (auto const& node : nodes) {
      for (size_t i = 0; i < node.results.size(); ++i) makers_[node.results[i]] = {&node, i};
      for (auto const& region : node.regions) note_makers(region.nodes);
      if (node.op == OpCode::scan)
        for (size_t i = 0; i < node.regions[0].arguments.size(); ++i) rounds_[node.regions[0].arguments[i]] = {&node, i};
    }
  }

  // The only column with so many names: the same ones under several names of columns count once.
  std::string column_with(std::optional<i64> extent) const {
    Encoding const* one = nullptr;
    std::string name;
    for (auto const& [column, encoding] : encodings_) {
      if (encoding.names.empty() || extent != std::ssize(encoding.names)) continue;
      if (one && one->names != encoding.names) return "";
      if (!one) name = column;
      one = &encoding;
    }
    return name;
  }

  // The columns that the integers of a value may come from; false: they may be anything else as well.
  bool follow(ValueId value, std::set<std::string>& found) {
    if (!seen_.insert(value).second) return true; // a round of a loop
    if (auto const argument = arguments_.find(value); argument != arguments_.end()) {
      auto const column = column_of_input_.find(argument->second);
      bool const is_named = column != column_of_input_.end() && encodings_.contains(column->second) &&
                            !encodings_.at(column->second).names.empty();
      if (is_named) found.insert(column->second);
      return is_named;
    }
    if (auto const round = rounds_.find(value); round != rounds_.end()) return follow_argument(round->second, found);
    auto const maker = makers_.find(value);
    if (maker == makers_.end()) return true; // a literal: a filling, or the start of a loop
    auto const& node = *maker->second.node;
    if (node.op == OpCode::argmax) {
      auto const& x = run_.type(node.operands[0]);
      auto const axis = static_cast<size_t>(node.attributes.get<i64>("axis"));
      auto const column = column_with(x.shape[axis].constant());
      if (!column.empty()) found.insert(column);
      return !column.empty();
    }
    if (node.op == OpCode::scan) return follow_result(maker->second, found);
    if (node.op == OpCode::cond)
      return std::ranges::all_of(
          node.regions, [&](Region const& side) { return follow(side.results[maker->second.place], found); });
    if (node.op == OpCode::gather) return follow(node.operands[0], found);
    bool const moves = node.op == OpCode::convert || info(node.op).has(moves_data);
    if (!moves) return false;
    return std::ranges::all_of(node.operands, [&](ValueId operand) {
      // A condition is no element of the result.
      return run_.type(operand).dtype != run_.type(value).dtype || follow(operand, found);
    });
  }

  // Which result of a node, or which argument of the region of a scan.
  struct Place {
    Node const* node = nullptr;
    size_t place = 0;
  };

  // The operands of a scan begin with what the arguments of its region are: sequences, then carries.
  static size_t sequences_of(Node const& scan) {
    return scan.regions[0].arguments.size() - static_cast<size_t>(scan.attributes.get_or("carries", i64{0}));
  }
  bool follow_argument(Place at, std::set<std::string>& found) {
    auto const& [scan, i] = at;
    auto const sequences = sequences_of(*scan);
    if (!follow(scan->operands[i], found)) return false;
    return i < sequences || follow(scan->regions[0].results[i - sequences], found);
  }
  bool follow_result(Place at, std::set<std::string>& found) {
    auto const& [scan, i] = at;
    auto const carries = static_cast<size_t>(scan->attributes.get_or("carries", i64{0}));
    if (i < carries && !follow(scan->operands[sequences_of(*scan) + i], found)) return false; // of no rounds
    return follow(scan->regions[0].results[i], found);
  }

  Function const& run_;
  Encodings const& encodings_;
  std::map<std::string, std::string> const& column_of_input_;
  std::map<ValueId, Place> makers_, rounds_;
  std::map<ValueId, std::string> arguments_;
  std::set<ValueId> seen_;
};

} // namespace

std::vector<std::string> columns_of_outputs(Function const& run, Encodings const& encodings,
                                            std::map<std::string, std::string> const& column_of_input) {
  std::vector<std::string> columns;
  std::optional<Meanings> meanings;
  if (!encodings.empty()) meanings.emplace(run, encodings, column_of_input);
  for (auto const& result : run.results)
    if (result.role == Role::output) columns.push_back(meanings ? meanings->column(result.value) : "");
  return columns;
}

} // namespace nnc
