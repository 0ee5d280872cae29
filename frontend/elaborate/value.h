// What an expression of the language can be while compiling, and how such a value is shown in messages.
#pragma once

#include "frontend/syntax.h"
#include "ir/module.h"

#include <map>
#include <memory>
#include <string>
#include <variant>

namespace nnc::front {

struct Graph;     // one IR function under construction: graph.h
struct FileScope; // one .nn file and its imports: scope.h
struct Builtin;   // an operation that the elaborator itself provides: builtin.h
struct Any;

struct None {};
struct Poison {}; // the value of something whose error has been reported: whoever meets it stays silent

// A node of a graph. `tunes`: a number that only tunes (or a truth about such numbers): a scalar, computed in f64 once
// per step. `known`: its value in this compilation, where there is one; using it makes it a constant.
struct TensorValue {
  Graph* graph = nullptr;
  ValueId id = no_value;
  bool tunes = false;
  std::optional<f64> known = {};
};

using Names = std::map<std::string, Any>;

struct FunctionValue {
  syntax::FunctionDecl const* function = nullptr; // its parameters; for a builtin too
  FileScope* file = nullptr;
  std::shared_ptr<Names const> captured; // what the names outside were where a local function was written
  int depth = 1;                         // of what it captured, and 1
  Builtin const* builtin = nullptr;
};

struct List : std::vector<Any> {
  using std::vector<Any>::vector;
  int depth = 1; // kept by list_of
};

// Lists in lists, and functions that hold functions, are no deeper than this, so that nothing that walks over them or
// drops them overflows the stack.
inline constexpr int deepest_value = 500;
int depth_of(Any const&);

// An int is a Dim, so that `batch` and `2 * batch` are ints like any other.
struct Any {
  std::variant<None, Poison, Dim, f64, bool, std::string, DType, std::shared_ptr<List const>, FunctionValue,
               TensorValue>
      as;
  Location at = {}; // where the name that holds it was bound

  template <class T>
  T const* get() const {
    return std::get_if<T>(&as);
  }
  template <class T>
  bool is() const {
    return std::holds_alternative<T>(as);
  }
  TensorValue const* tensor() const { return get<TensorValue>(); }
  List const* list() const {
    auto* l = get<std::shared_ptr<List const>>();
    return l ? l->get() : nullptr;
  }
};

// Of a tensor.
Type const& type_of(Any const&);
// Known while compiling, or one that only tunes.
bool is_number(Any const&);

Any list_of(List); // throws Error beyond the deepest
Any list_of(Shape const&);

// "the int 3", "the string \"same\"", "f32[batch, 10]", "the function relu": for "got ..." in messages.
std::string shown(Any const&);
std::string shown(Type const&); // as the user writes it: "f32[batch, 784]"
std::string shown(Dim const&);
std::string shown(f64);

} // namespace nnc::front
