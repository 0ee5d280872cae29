// The operations that the standard library stands on. Each is declared in the language itself (frontend/builtins/*.nn;
// a function of one operator in the table of operators), so that arguments, defaults and messages work as for any
// function, and computed by a function here.
#pragma once

#include "frontend/elaborate/constants.h"
#include "frontend/elaborate/context.h"
#include "frontend/elaborate/elaborator.h"
#include "frontend/elaborate/errors.h"
#include "frontend/elaborate/tensor.h"
#include "ir/op.h"

namespace nnc::front {

// The arguments of a builtin's call, in the order of its declaration.
struct BuiltinCall {
  Elaborator& e;
  Location at;
  std::string const& name;
  OpCode op; // of a function that the operator table declares
  std::vector<Any> values;
  std::vector<Location> places;
  Any const& operator[](size_t i) const { return values[i]; }
};

Any run_cond(BuiltinCall&);

struct Builtin {
  std::string_view name;
  Any (*run)(BuiltinCall&);
  OpCode op = {}; // of those that the operator table declares
};

// By family; together they are all builtins.
std::vector<Builtin> const& elementwise_builtins();
std::vector<Builtin> const& shape_builtins();
std::vector<Builtin> const& reduce_builtins();
std::vector<Builtin> const& list_builtins();
std::vector<Builtin> const& window_builtins();
std::vector<Builtin> const& line_builtins();
std::vector<Builtin> const& data_builtins();

// The function value of a builtin, if there is one of this name.
FunctionValue const* builtin_named(std::string const& name);
std::vector<std::string> builtin_names();

} // namespace nnc::front
