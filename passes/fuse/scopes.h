// Nodes with regions before and while kernels are made of what is around them and in them.
#pragma once

#include "passes/fuse/graph.h"

namespace nnc::fusion {

// What a scope walks over, starts from and gives gets a place of its own: a copy where it is an argument, a literal, or
// is given twice. True when something was copied.
bool separate_scopes(Function&);

// A region as a function of its own, which has the values meanwhile: arguments are what it takes and reads, the carries
// states. `known`: the numbers that every thread has.
class RegionAsFunction {
public:
  RegionAsFunction(Function& f, Node& node, Region& region, std::vector<bool> const& known);
  ~RegionAsFunction();
  RegionAsFunction(RegionAsFunction const&) = delete;
  RegionAsFunction& operator=(RegionAsFunction const&) = delete;
  Function inner;

private:
  void carries();
  Function& outer_;
  Node& node_;
  Region& region_;
  std::vector<std::string> names_; // of the carries
};

} // namespace nnc::fusion
