// Where numbers meet tensors: conversion, broadcasting.
#pragma once

#include "frontend/elaborate/context.h"
#include "frontend/elaborate/elaborator.h"

namespace nnc::front {

class Tensors {
public:
  explicit Tensors(Elaborator& e) : now_(e.now), errors_(e.errors), budget_(e.budget), suggestions_(e.suggestions) {}

  Builder& builder(Location); // of the graph that grows
  Any tensor(ValueId);
  ValueId value_here(Any const& tensor, Location); // of this graph, or of the one around it
  ValueId as_tensor(Any const&, DType, Location);  // takes numbers and tensors of exactly this dtype
  ValueId as_tensor(Any const&, Location);         // a number alone becomes f32 or i32
  Any convert(Any const&, DType, Location);
  Any number_of(Dim const&, Location); // a symbolic extent as a run-time number
  // What an operation gives is a value of its own, so that a derivative by it does not count what other names of its
  // operands are used for.
  Any own_value(Any const&, size_t nodes_before, Location);
  [[noreturn]] void refuse_value_of_step(Any const&, Location);

  // Of operands that meet: the dtype of the tensors among them, or else f32 or i32; the shape of all.
  DType common_dtype(std::vector<Any> const&, Location, std::string const& what);
  Shape common_shape(std::vector<ValueId> const&, Location, std::string const& what);
  ValueId stretch(ValueId, Shape const&, Location); // to a shape that is known to fit

private:
  ValueId batch_value(Dim const&, Location);
  void warn_of_batch_twice(Shape const&, std::vector<ValueId> const&, Location, std::string const& what);

  Context& now_;
  Errors& errors_;
  Budget& budget_;
  Suggestions& suggestions_;
};

} // namespace nnc::front
