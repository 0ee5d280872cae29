// The examples of a data set over which the loss is largest, each looked at by itself.
#pragma once

#include "nnc/nnc.hpp"
#include "tools/nnc/results/picture.h"

#include <functional>
#include <string>
#include <utility>
#include <vector>

namespace command {

struct Example {
  std::int64_t number = 0; // within its split
  double loss = 0;
  std::string label, guess;                               // of a class; empty: there is none
  std::vector<std::pair<std::string, Picture>> pictures;  // of columns, then of outputs
  std::vector<std::pair<std::string, std::string>> texts; // other columns that are short, and outputs
};

struct Worst {
  std::string split, loss;            // "test", the name of the loss
  std::int64_t looked_at = 0, of = 0; // examples
  std::vector<Example> examples;      // the worst first
  std::string why_not;                // there are none; empty: there are some
};

// Evaluates one example after the other, from the first on, as long as time is left and `go_on` says so. Of a loss that
// is a mean over the batch that is the loss of the example.
Worst worst_examples(nnc::Program const&, nnc::Session&, nnc::Data const&, std::size_t most, double seconds,
                     std::function<bool()> const& go_on);

} // namespace command
