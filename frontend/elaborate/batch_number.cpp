#include "frontend/elaborate/batch_number.h"
#include "frontend/elaborate/errors.h"
#include "frontend/elaborate/tensor.h"

#include "ir/ops/rules.h"

#include <algorithm>
#include <fmt/core.h>

namespace nnc::front {

namespace {

Bindings bound_to(i64 batch) {
  Bindings bindings;
  bindings[static_cast<size_t>(Symbol::batch)] = batch;
  return bindings;
}

} // namespace

bool surely_holds(Dim const& extent, Dim const& elements) { return rules::never_negative(extent - elements); }

i64 BatchNumber::of(Dim const& extent, Location at, std::string const& what) {
  if (auto const c = extent.constant()) return *c;
  NumberNeeded const now{errors_.user_place(at), what};
  if (std::find(needed_.begin(), needed_.end(), now) == needed_.end()) needed_.push_back(now);
  if (is_missing()) throw Failure{.diagnostic = {}, .silent = true};
  return extent.value(bound_to(*now_.settings.batch_number));
}

ValueId BatchNumber::fix(ValueId v, i64 axis, Location at, std::string const& what) {
  Dim const extent = now_.graph->type(v).shape[static_cast<size_t>(axis)];
  return extent.is_constant() ? v : with_extent(v, axis, of(extent, at, what), at);
}

ValueId BatchNumber::fix_all(ValueId v, Location at, std::string const& what) {
  for (int axis = 0; axis < now_.graph->type(v).rank(); ++axis) v = fix(v, axis, at, what);
  return v;
}

ValueId BatchNumber::open(ValueId v, i64 axis, Dim const& extent, Location at) {
  return extent.is_constant() ? v : with_extent(v, axis, extent, at);
}

std::string BatchNumber::in_batch(Dim const& extent) const {
  auto const& batch = now_.settings.batch_number;
  return !batch || extent.is_constant() ? std::string() : fmt::format(" in a batch of {}", *batch);
}

// Windows of one element stand wherever they are said to.
ValueId BatchNumber::with_extent(ValueId v, i64 axis, Dim const& extent, Location at) {
  Builder& make = tensors_.builder(at);
  Type const type = make.type(v);
  Shape shape = type.shape;
  shape[static_cast<size_t>(axis)] = extent;
  ValueId const fill = is_float(type.dtype) ? make.constant(type.dtype, 0) : make.integer(type.dtype, 0);
  ValueId const taps = make.make(
      OpCode::window, {v, fill},
      {{"axes", std::vector<i64>{axis}}, {"size", std::vector<i64>{1}}, {"extents", std::vector<Dim>{extent}}});
  return make.reshape(taps, shape);
}

} // namespace nnc::front
