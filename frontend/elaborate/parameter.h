// param, state and `<-`: what is kept from step to step, over all graphs, and how it begins.
#pragma once

#include "frontend/elaborate/context.h"
#include "frontend/elaborate/elaborator.h"

namespace nnc::front {

// What a parameter or state is, over all graphs.
struct Kept {
  std::string path;
  Type type;
  bool is_state = false;
  Location at;
  ValueId initial = no_value; // in the graph @initialize
};

// What the optimizer that is being run has of its parameter.
struct Update {
  std::string path; // of the parameter
  Any initial_p;    // its initial value, in @initialize
  std::vector<std::pair<std::string, ValueId>> states = {};
  bool writes_p = false;
};

class Parameters {
public:
  explicit Parameters(Elaborator& e);
  void run_param(syntax::ParamStmt const&, Location);
  void run_write(syntax::WriteStmt const&, Location);

  Kept const& kept(std::string const& path) const { return kept_.at(path); }
  std::vector<std::string> const& paths() const { return kept_order_; } // in the order of their declarations
  Graph& initialize() { return initialize_; }
  Update& start_update(std::string const& path);

private:
  char const* help_for_region() const;
  void declare_param(syntax::ParamStmt const&, Location);
  void refuse_batch(Type const&, std::string const& kind, std::string const& path, Location);
  Any initial_value(syntax::ParamStmt const&, std::optional<Type> const&, std::string const& path, Location);
  Any evaluate_initial(syntax::Expr const&, std::optional<Type> const&);
  Any optimizer_state(syntax::ParamStmt const&, Location);
  void check_path(std::string const& path, Location);

  Elaborator& e_;
  Context& now_;
  Errors& errors_;
  Graph initialize_;
  Update update_;
  std::map<std::string, Kept> kept_;
  std::vector<std::string> kept_order_;
  std::set<std::string> blamed_; // calls of the library whose parameters have been complained about
};

} // namespace nnc::front
