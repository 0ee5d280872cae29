// `scan` and `cond`: what runs at run time, once for each element of a sequence, or in one of two ways. Their bodies
// are elaborated once, into the nodes of a region: while they are, the graph grows there.
#pragma once

#include "frontend/elaborate/context.h"
#include "frontend/elaborate/elaborator.h"

namespace nnc::front {

class Scans {
public:
  explicit Scans(Elaborator& e) : e_(e), now_(e.now), errors_(e.errors) {}
  Any run(syntax::ScanExpr const&, Location);
  void run_emit(syntax::EmitStmt const&, Location);
  void refuse_rebinding(std::string const& name, Location); // in a scan, of what is not carried

private:
  Elaborator& e_;
  Context& now_;
  Errors& errors_;
};

// What is made meanwhile goes into a region. Numbers of the graph that are made in it end with it.
class RegionGuard {
public:
  RegionGuard(Context&, char const* what);
  ~RegionGuard();
  RegionGuard(RegionGuard const&) = delete;
  RegionGuard& operator=(RegionGuard const&) = delete;
  std::vector<Node> take();

private:
  Context& now_;
  Graph& graph_;
  std::vector<Node> nodes_;
  std::map<std::string, ValueId> extents_;
  char const* around_;
};

} // namespace nnc::front
