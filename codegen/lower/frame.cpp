#include "codegen/lower/frame.h"

namespace nnc {

Frame::Frame(Function const& f) {
  i64 scalar_count = 0;
  for (auto const& a : f.arguments) scalar_count += a.role == Role::scalar;
  locals = first_free;
  scalars = locals + f.locals;
  slots = scalars + scalar_count;
  arguments = slots + static_cast<i64>(f.slots.size());
  results = arguments + static_cast<i64>(f.arguments.size());
  size = results + static_cast<i64>(f.results.size());
}

} // namespace nnc
