// How many members of a team work, found by timing: on a machine where other processes take cores away, fewer members
// are faster, since all wait for the slowest. The bits of a result do not depend on the answer.
#pragma once

#include "ir/basic.h"

#include <cstddef>
#include <vector>

namespace nnc {

class TeamSize {
public:
  explicit TeamSize(int most); // sizes from 1 to `most`; begins with `most`
  int members() const { return sizes_[trying_ ? candidate_ : current_].members; }
  bool trying() const { return trying_; } // this slice only measures another size: it may be a short one
  // What these members did in these seconds; `work` in any unit that stays the same.
  void took(f64 work, f64 seconds);

private:
  struct Size {
    int members = 1;
    f64 best = 0; // work per second in its best measurement
  };
  void judge(f64 speed);
  void begin_trial();

  std::vector<Size> sizes_; // smallest first
  std::size_t current_ = 0, candidate_ = 0;
  bool trying_ = false;
  f64 work_ = 0, seconds_ = 0; // of the measurement that is under way
  f64 speed_ = 0;              // of the current size, lately
  f64 since_trial_ = 0, until_trial_ = 0;
};

} // namespace nnc
