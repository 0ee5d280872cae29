// Makes nodes: appends to the body of one function (or to a list of nodes), with types checked by the operator table.
#pragma once

#include "ir/op.h"

#include <initializer_list>

namespace nnc {

class Builder {
public:
  // Appends to `into`; values are made in `function`.
  Builder(Function& function, std::vector<Node>& into) : function_(function), into_(&into) {}
  explicit Builder(Function& function) : Builder(function, function.body.nodes) {}

  Location at; // given to everything that is made from now on

  // A node with one result. `stated` for operators whose type is stated. Throws Error when the types do not fit.
  ValueId make(OpCode, std::vector<ValueId> operands, Attributes = {}, std::optional<Type> stated = {},
               std::string name = {});
  // A node with as many results as its operator has.
  std::vector<ValueId> make_all(OpCode, std::vector<ValueId> operands, Attributes = {}, Type const* stated = nullptr);
  // A node with any number of results of known types (grad, call, kernel).
  std::vector<ValueId> make_many(OpCode, std::vector<ValueId> operands, Attributes, std::vector<Type> results,
                                 std::vector<std::string> names = {});
  // The results of the first of two scopes where the condition holds, else those of the second.
  std::vector<ValueId> cond(ValueId condition, std::vector<Region> sides);
  // The results of a scan (ir/scan.h): the last carries, and what was stacked.
  struct Rounds {
    i64 count = 0;
    bool reverse = false, recompute = false;
  };
  std::vector<ValueId> scan(std::vector<ValueId> sequences_and_carries, size_t carries, Rounds, Region body);
  ValueId argument(std::string name, Type, Role);
  void result(std::string name, ValueId, Role);
  ValueId value(Type, std::string name = {}); // a fresh value that no node defines yet

  ValueId constant(DType, f64); // literals are shared: the same dtype and bits give the same value
  ValueId integer(DType, i64);

  Type const& type(ValueId v) const { return function_.values[v].type; }
  Function& function() { return function_; }

  // Short forms. `like` gives a constant the dtype of a value.
  ValueId like(ValueId v, f64 c);
  ValueId convert(ValueId, DType);                          // nothing happens when it has the dtype already
  ValueId broadcast(ValueId, Shape, std::vector<i64> axes); // axes: where the operand's axes go in the result
  ValueId broadcast_scalar(ValueId, Shape);
  ValueId reshape(ValueId, Shape);
  ValueId transpose(ValueId, std::vector<i64> permutation);
  ValueId reduce(OpCode, ValueId, std::vector<i64> axes); // the axes disappear

private:
  std::vector<Type> types_of(OpCode, std::vector<ValueId> const& operands, Attributes const&, Type const* stated);
  Function& function_;
  std::vector<Node>* into_;
};

// A value with its builder, so that formulas read like formulas. Numbers take the dtype of the value that they meet.
struct V {
  Builder* b = nullptr;
  ValueId id = no_value;
  Type const& type() const { return b->type(id); }
};
V operator+(V, V);
V operator-(V, V);
V operator*(V, V);
V operator/(V, V);
V operator-(V);
V operator+(V, f64);
V operator-(V, f64);
V operator*(V, f64);
V operator/(V, f64);
V operator+(f64, V);
V operator-(f64, V);
V operator*(f64, V);
V operator/(f64, V);
V apply(OpCode, std::initializer_list<V>);

} // namespace nnc
