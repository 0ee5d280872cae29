// Learning rates, for whoever reads the log: what each optimizer of the train block took as `lr`.
#pragma once

#include "runtime/session.h"

namespace nnc {

// The part of an update that gives an `lr`, evaluated here by the evaluator of the IR; compiled code reports none.
class Rates {
public:
  explicit Rates(CompiledProgram const&);
  // By the names of settings, "adam.lr", as they were in the last step; nothing before the first. A rate that depends
  // on more than step, epoch, numbers and its schedule's own states is left out.
  std::vector<Number> after_step(SessionState&) const;

private:
  struct Rate {
    std::string name, parameter; // of the optimizer, and one that it changes
    Function function;           // what is left of @update.PARAMETER
  };
  Module const& module_;
  std::vector<Rate> rates_;
};

} // namespace nnc
