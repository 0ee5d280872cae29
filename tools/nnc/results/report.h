// The page of a training: numbers, curves, tables, the worst examples, the model, memory, compilation, settings.
#pragma once

#include "tools/nnc/results/course.h"
#include "tools/nnc/results/worst.h"

#include <string>
#include <utility>
#include <vector>

namespace command {

struct Account {
  std::string title;
  Course course;
  Worst worst;
  nnc::Trained trained;
  std::string digest;
  std::vector<std::pair<std::string, std::string>> circumstances; // data, seed, machine, ...
  struct Stage {
    std::string name;
    double milliseconds = 0;
    std::size_t nodes = 0;
  };
  std::vector<Stage> stages;   // of the compilation
  std::string file, text;      // of the program; no text: it is not shown
  std::string summary, memory; // as the command says them
  nnc::Overview overview;
  std::vector<nnc::Number> scalars; // as they were at the end
};

std::string report_page(Account const&);

} // namespace command
