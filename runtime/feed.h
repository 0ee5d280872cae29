// Where the slices of a training come from: the rows of a data set, or the batches of a stream.
#pragma once

#include "runtime/session.h"

#include <memory>

namespace nnc {

// How far a training is to go. Where nobody says how many examples an epoch of a stream has, epochs alone are counted.
struct Goal {
  std::optional<i64> steps;  // updates in total
  std::optional<i64> epochs; // finished in total
  bool reached(TrainingPlace place) const {
    return (steps && place.step >= *steps) || (epochs && place.epoch >= *epochs);
  }
};

class Feed {
public:
  virtual ~Feed() = default;
  virtual i64 examples() const = 0; // of an epoch; 0: nobody says
  virtual std::optional<i64> steps_of_epoch() const = 0;
  virtual Facts facts() const = 0; // what a checkpoint keeps of the data
  // Before the first slice. Makes the code for every size of batch that comes up to the goal: what is wrong with one of
  // them throws.
  virtual void begin(TrainingPlace, Goal const&) = 0;
  // At most `steps` steps from this place on, within its epoch; no steps: it has ended, or the session was cancelled.
  // Valid until the next call.
  virtual Work slice(TrainingPlace, i64 steps) = 0;
  // Behind a slice: has the epoch ended?
  virtual bool at_end(TrainingPlace) = 0;
  // Is every slice one batch, however short it takes?
  virtual bool is_stream() const { return false; }
};

// Throws Error for data that do not fit the program, and for a batch that is larger than they are.
std::unique_ptr<Feed> feed_of(SessionState&, DataContents const&, TrainOptions const&);

// What the options ask for, from this place on; else what the train block says.
Goal goal_of(Training const&, TrainOptions const&, TrainingPlace, std::optional<i64> steps_of_epoch);

} // namespace nnc
