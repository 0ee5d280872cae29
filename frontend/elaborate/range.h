// `require` of numbers that only tune: they may change when nothing is compiled any more, so what must hold of them
// goes into the function @require.
#pragma once

#include "frontend/elaborate/context.h"
#include "frontend/elaborate/elaborator.h"

namespace nnc::front {

class Ranges {
public:
  explicit Ranges(Elaborator& e) : e_(e), now_(e.now), errors_(e.errors) {}
  void run(syntax::RequireStmt const&, Any const& condition, Location);
  void add(Any const& condition, std::vector<std::string> const& texts, std::vector<Any> const& numbers, Location);
  void give(Module&); // @require, if there is a range

private:
  Elaborator& e_;
  Context& now_;
  Errors& errors_;
  std::unique_ptr<Graph> require_;
  std::set<std::string> ranges_; // those that it holds
};

} // namespace nnc::front
