// Types as patterns: a name binds an extent, one that is bound must agree, `..` takes any number of axes, `float` is
// any float type and the same one throughout a call.
#pragma once

#include "frontend/elaborate/context.h"
#include "frontend/elaborate/elaborator.h"

namespace nnc::front {

class Patterns {
public:
  explicit Patterns(Elaborator&);

  // Does the value fit? Binds the names of the pattern; a number where a tensor is asked for becomes one.
  bool match(syntax::TypePattern const&, Any&, Location);
  // A type of which everything must be known: of a param, a state, an input.
  Type resolve(syntax::TypePattern const&, std::string const& what);
  DType dtype_named_in(syntax::Name const&);
  std::optional<Any> bound_dim(std::string const& name, Location); // what the name of an extent stands for already
  std::string shown_pattern(syntax::TypePattern const&);           // with what its names stand for: "f32[.., 784]"

private:
  bool match_dim(syntax::DimPattern const&, Dim const&);
  bool match_dtype(std::string const&, DType);

  Context& now_;
  Errors& errors_;
  Constants& constants_;
  Tensors& tensors_;
  Lookup& lookup_;
  Expressions& expressions_;
};

} // namespace nnc::front
