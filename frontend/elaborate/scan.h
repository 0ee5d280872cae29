// Scans and conds while they are elaborated.
#pragma once

#include "frontend/elaborate/elaborator.h"

namespace nnc::front {

// What is made meanwhile goes into a region. Numbers of the graph that are made in it end with it.
class RegionGuard {
public:
  RegionGuard(Elaborator&, char const* what);
  ~RegionGuard();
  RegionGuard(RegionGuard const&) = delete;
  RegionGuard& operator=(RegionGuard const&) = delete;
  std::vector<Node> take();

private:
  Elaborator& e_;
  Graph& graph_;
  std::vector<Node> nodes_;
  std::map<std::string, ValueId> extents_;
  char const* around_;
};

} // namespace nnc::front
