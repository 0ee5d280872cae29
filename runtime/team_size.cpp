#include "runtime/team_size.h"

#include <algorithm>

namespace nnc {
namespace {

// The system hands out a core for some milliseconds at a time, and a measurement must see several such turns.
constexpr f64 window = 0.02;
constexpr f64 first_trial = 0.25, longest_rest = 8; // seconds between trials: each that fails makes the next rest
constexpr f64 longer = 4;                           // so many times as long
constexpr f64 clearly = 1.05;                       // so much faster must another size be
constexpr f64 slowed_down = 0.75;                   // of its own best speed: something has changed

} // namespace

// All powers of two, all but one, all.
TeamSize::TeamSize(int most) : until_trial_(first_trial) {
  for (int n = 1; n < most; n *= 2) sizes_.push_back({n});
  if (most > 2 && sizes_.back().members < most - 1) sizes_.push_back({most - 1});
  sizes_.push_back({most});
  current_ = sizes_.size() - 1;
  candidate_ = current_;
}

void TeamSize::took(f64 work, f64 seconds) {
  if (sizes_.size() == 1) return;
  work_ += work;
  seconds_ += seconds;
  since_trial_ += seconds;
  if (seconds_ < window) return;
  judge(work_ / seconds_);
  work_ = seconds_ = 0;
  if (!trying_ && since_trial_ >= until_trial_) begin_trial();
}

void TeamSize::judge(f64 speed) {
  auto& size = sizes_[trying_ ? candidate_ : current_];
  size.best = std::max(size.best, speed);
  if (!trying_) {
    speed_ = speed_ == 0 ? speed : 0.7 * speed_ + 0.3 * speed;
    if (speed_ < slowed_down * size.best) {
      until_trial_ = std::min(until_trial_, first_trial);
      size.best *= 0.97; // the new speed becomes the usual one in a while
    }
    return;
  }
  trying_ = false;
  since_trial_ = 0;
  if (speed > clearly * speed_) {
    current_ = candidate_;
    speed_ = speed;
    until_trial_ = first_trial;
  } else {
    until_trial_ = std::min(longer * until_trial_, longest_rest);
  }
}

// One member first: it is the size that nothing can slow down but a lack of cores.
void TeamSize::begin_trial() {
  do candidate_ = (candidate_ + 1) % sizes_.size();
  while (candidate_ == current_);
  trying_ = true;
}

} // namespace nnc
