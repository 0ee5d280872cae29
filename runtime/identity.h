// What makes a training the one that it is: facts that a checkpoint keeps, and that --resume compares.
//
//   model objective optimizer                 names
//   columns data examples validation          what it sees
//   batch order drop_last                     in which order
//   steps                                     how many are planned
//   numbers                                   JSON: the numbers that only tune, as they were
//   model_text optimizer_text library         digests of what is computed, see program_facts
//   optimizer_numbers
//   epoch                                     sums over an epoch that is not finished (Tally::text)
#pragma once

#include "ir/module.h"
#include "nnc/nnc.hpp"
#include "runtime/checkpoint.h"

namespace nnc {

// Names, and digests of what the elaborated module computes in training: of the loss function, of the updates without
// the constants in them, and of the updates with them. Names of values, places in the source and metrics do not count.
Facts program_facts(Module const& elaborated, std::vector<std::string> const& optimizers);

// {"adam.lr":0.001}, and back; what is no such text has no numbers.
std::string numbers_text(std::vector<Number> const&);
std::vector<Number> numbers_of(std::string const& text);

// Compares what a checkpoint says with how things are now.
class Comparison {
public:
  Comparison(std::string file, Facts const& then, Facts const& now) : file_(std::move(file)), then_(then), now_(now) {}
  // Throw Error, with both values, for the first fact that makes this another training.
  void check_names() const;
  void check_rest() const;
  // Throws Error when another number of steps is planned.
  void check_steps() const;
  // What has changed and may: one line each.
  std::vector<std::string> remarks() const;

private:
  std::string const* changed(std::string const& key) const;
  void refuse(std::string const& key, std::string const& help) const;
  void check(std::vector<char const*> const& keys) const;
  bool same_library() const { return !changed("library"); }
  void compare_numbers(std::vector<std::string>& lines) const;

  std::string file_;
  Facts const& then_;
  Facts const& now_;
};

} // namespace nnc
