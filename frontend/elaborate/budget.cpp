#include "frontend/elaborate/budget.h"
#include "frontend/elaborate/errors.h"

#include "ir/node_limit.h"

namespace nnc::front {

namespace {

constexpr i64 most_work = 50'000'000; // elements of lists that are looked at, characters of strings that are made

} // namespace

void Budget::spend(size_t work, Location at) {
  if (is_spent()) throw Failure{.diagnostic = {}, .silent = true};
  work_ += static_cast<i64>(work);
  if (is_spent()) errors_.fail(at, "too much is computed while compiling: lists or strings are too long, or too many");
}

bool Budget::is_spent() const { return work_ > most_work || now_.limit->is_exceeded(); }

} // namespace nnc::front
