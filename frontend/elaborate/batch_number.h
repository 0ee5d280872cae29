// Operations that need a number where an extent is symbolic: the length of a scan, windows that move by more than 1.
//
// `batch` stays symbolic in types: it matches itself alone, and nothing of the language is decided by it. Only what
// such an operation makes is made of the number, for which the program is elaborated anew:
//
//     y = scan e in x carry h { .. }      x: f32[batch,4], read as f32[32,4]; f32[32,4] is emitted, y: f32[batch,4]
//     z = x[::2]                          x: f32[batch,4], read as f32[32,4]; z: f32[16,4]
//
// While no number is given, what needs one is noted, and the statement gives no value.
#pragma once

#include "frontend/elaborate/context.h"
#include "frontend/elaborate/elaborator.h"

namespace nnc::front {

class BatchNumber {
public:
  explicit BatchNumber(Elaborator& e) : now_(e.now), errors_(e.errors), tensors_(e.tensors) {}

  // The extent as a number, which `what` needs: "the length of a scan".
  i64 of(Dim const& extent, Location at, std::string const& what);
  // The same elements with a number for the extent of an axis; and with an extent that this number stands for.
  ValueId fix(ValueId, i64 axis, Location at, std::string const& what);
  ValueId fix_all(ValueId, Location at, std::string const& what);
  ValueId open(ValueId, i64 axis, Dim const& extent, Location at);

  // What was noted. Without a number there is no sound program where there is any.
  std::vector<NumberNeeded> const& needed() const { return needed_; }
  bool is_missing() const { return !now_.settings.batch_number && !needed_.empty(); }
  // " in a batch of 32": what a message says behind a number that such an extent has given.
  std::string in_batch(Dim const& extent) const;

private:
  ValueId with_extent(ValueId, i64 axis, Dim const& extent, Location at);

  Context& now_;
  Errors& errors_;
  Tensors& tensors_;
  std::vector<NumberNeeded> needed_;
};

// Has an extent that many elements, or more, for every size of batch?
bool surely_holds(Dim const& extent, Dim const& elements);

} // namespace nnc::front
