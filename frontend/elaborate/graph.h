// One IR function while it is being built: its builder, its arguments by name, the present values of its states.
#pragma once

#include "ir/builder.h"

#include <map>
#include <string>

namespace nnc::front {

// The rounds of a scan, for random draws in it.
struct ScanRound {
  i64 length = 0;
  ValueId element = no_value; // the number of the round; made when it is asked for
  ScanRound* around = nullptr;
};

struct Graph {
  enum class Kind : u8 { training, evaluation, run, initialize, update, require };
  Graph(Kind k, std::string name, std::shared_ptr<NodeLimit> limit) : kind(k), builder(function) {
    function.name = std::move(name);
    function.limit = std::move(limit);
  }
  Graph(Graph const&) = delete;
  Graph& operator=(Graph const&) = delete;

  Kind kind;
  Function function;
  Builder builder;
  std::map<std::string, ValueId> arguments;     // by name
  std::map<std::string, ValueId> extents;       // run-time values of symbolic extents, by their text
  std::map<std::string, ValueId> state_values;  // by path: what the state holds now
  std::map<std::string, Location> declared;     // paths of params and states met in this graph
  std::vector<std::vector<Node> const*> around; // while a region is being built: the lists that it stands in
  ScanRound* round = nullptr;                   // of the scan whose body is being built
  // The derivative of a function's own is a graph inside of the one that calls the function: what it reads of that one
  // becomes an argument, in this order.
  Graph* outer = nullptr;
  std::vector<ValueId> captured;     // values of `outer`
  std::map<ValueId, ValueId> inside; // what they are called here

  Type const& type(ValueId v) const { return function.values[v].type; }
  // The argument of this name, made when it is asked for the first time.
  ValueId argument(std::string const& name, Type const& type, Role role) {
    if (outer) return capture(outer->argument(name, type, role));
    bool const is_count = role == Role::step || role == Role::seed; // a model may have an input `step`
    auto [it, fresh] = arguments.try_emplace(is_count ? "(" + name + ")" : name, no_value);
    if (fresh) it->second = builder.argument(name, type, role);
    return it->second;
  }
  bool is_inside(Graph const* other) const { return outer && (outer == other || outer->is_inside(other)); }
  // A value of this graph, or of one that it is inside of, as a value of this graph.
  ValueId value_of(Graph const* from, ValueId v) { return from == this ? v : capture(outer->value_of(from, v)); }

private:
  ValueId capture(ValueId v);

public:
};

// Drops the nodes that no result needs, and the arguments of the given roles that nothing reads any more.
void prune(Function&);
// Arguments in the order of the roles: inputs, targets, params, states, optimizer states, scalars, step, seed.
void sort_arguments(Function&);
// Which values a derivative of `y` flows back to: in the function, or from the region that is being built outwards.
std::vector<bool> reached_by_derivative(Function const&, ValueId y);
std::vector<bool> reached_by_derivative(Graph const&, ValueId y);

} // namespace nnc::front
