// A step behind which something is not finite, made again in the evaluator: what made it so, in words.
#pragma once

#include "runtime/session.h"

#include <functional>

namespace nnc {

// All that a step changes, as it was.
class StateCopy {
public:
  explicit StateCopy(SessionState const&);
  void put_back(SessionState&) const;

private:
  struct Carried {
    i64 batch = 0;
    std::vector<NamedTensor> tensors;
  };
  std::vector<std::pair<std::string, std::vector<u8>>> kept_;
  std::optional<Carried> carried_; // of the pass that is open
};

// One step of a training, not made yet.
struct StepToExplain {
  Function const& function; // of the program
  Work const& work;         // of this step
  i64 epoch = 1;
  std::vector<std::string> columns; // behind the inputs of the program
  bool is_stream = false;
  bool is_first = false; // of this training
  std::string bad; // the first weight or state that is not finite behind it, as messages call it; empty: a loss is not
  std::vector<std::string> all;  // of them, by their names
  std::function<void()> between; // is called again and again, and may throw
};

// The session is as it was before the step, and stays so.
BadStep explain(SessionState&, StepToExplain const&);

} // namespace nnc
