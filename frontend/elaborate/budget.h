// Lists and strings that are made and walked through while compiling: what takes too long is a mistake.
#pragma once

#include "frontend/elaborate/context.h"
#include "frontend/elaborate/elaborator.h"

namespace nnc::front {

inline constexpr size_t price_of_item = 10; // of a list that is made

class Budget {
public:
  explicit Budget(Elaborator& e) : now_(e.now), errors_(e.errors) {}
  void spend(size_t work, Location); // elements that are looked at, characters that are made
  bool is_spent() const;             // the nodes of all graphs too

private:
  Context& now_;
  Errors& errors_;
  i64 work_ = 0;
};

} // namespace nnc::front
