// Calls: arguments by position and by name, defaults, frames, and the path that a call adds.
#pragma once

#include "frontend/elaborate/context.h"
#include "frontend/elaborate/elaborator.h"

namespace nnc::front {

struct Actual { // an evaluated argument of a call
  std::string name;
  Any value;
  Location at;
};

// The parameters of a call while they are being given values.
struct Slots {
  Slots(syntax::FunctionDecl const& f, Location at)
      : function(f), call_at(at), values(f.parameters.size()), places(f.parameters.size(), at) {}
  void set(size_t i, Any value, Location at) { values[i] = std::move(value), places[i] = at; }
  syntax::FunctionDecl const& function;
  Location call_at;
  std::vector<std::optional<Any>> values;
  std::vector<Location> places;
  List rest;
  std::string number;         // what does not fit, if it is one
  std::vector<Note> declared; // "declared here"
};

class Calls {
public:
  explicit Calls(Elaborator&);

  // `as` names a call in the tree of paths when it is not to be named after the function.
  Any call(Any const& callee, std::vector<Actual>, Location, std::string const& tag = {}, std::string const& as = {});
  // Into the frame of a call that has been entered.
  void bind_arguments(syntax::FunctionDecl const&, std::vector<Actual>, Location, std::string const& shown_name);
  void bind_argument(syntax::Parameter const&, Any, Location, std::string const& shown_name);

private:
  std::string doubt() const;
  Any call_function(FunctionValue const&, std::vector<Actual>, Location, std::string const& tag, std::string const& as);
  Any call_builtin(FunctionValue const&, std::vector<Actual>, Location);
  void place_positional(Slots&, std::vector<Actual>&, std::string const& shown_name);
  void place_named(Slots&, std::vector<Actual>&, std::string const& shown_name);
  [[noreturn]] void refuse_missing(Slots const&, std::vector<std::string> const& missing,
                                   std::string const& shown_name);
  void bind_parameter(syntax::Parameter const&, Any);
  Any run_body(syntax::FunctionDecl const&);

  Elaborator& e_; // for builtins
  Context& now_;
  Errors& errors_;
  Suggestions& suggestions_;
  Tensors& tensors_;
  Patterns& patterns_;
  Expressions& expressions_;
  Statements& statements_;
  OwnDerivatives& own_derivatives_;
  Warnings& warnings_;
  // For Elaborated::calls: a place for the call that begins, and what it came to.
  std::optional<size_t> begin_listing(Frame const&, bool shared);
  void end_listing(size_t place, Frame const&, Any const& result, size_t nodes_before);

  int listed_ = 0; // calls within calls that have a place
  int calls_ = 0;  // of calls within calls
};

} // namespace nnc::front
