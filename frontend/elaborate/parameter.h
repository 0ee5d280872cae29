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
  bool per_epoch = false; // a state that every pass over the data begins anew
  bool is_total = false;  // of the library's `total`
  Location at;
  ValueId initial = no_value;       // in the graph @initialize, or @begin_pass
  std::optional<Type> average = {}; // of the state that stands for it outside of the training
  Role role() const { return !is_state ? Role::param : per_epoch ? Role::carried : Role::state; }
};

// What the optimizer that is being run has of its parameter.
struct Update {
  std::string path; // of the parameter
  size_t phase = 0; // of the training
  Any initial_p;    // its initial value, in @initialize
  std::vector<std::pair<std::string, ValueId>> states = {};
  bool writes_p = false;
};

class Parameters {
public:
  explicit Parameters(Elaborator& e);
  void run_param(syntax::ParamStmt const&, Location);
  void run_write(syntax::WriteStmt const&, Location);

  // The state that holds what the training data say of an input; declares it where it is asked for first.
  Any statistic(Statistic, Any const& input, Location);

  Kept const& kept(std::string const& path) const { return kept_.at(path); }
  std::vector<std::string> const& paths() const { return kept_order_; } // in the order of their declarations
  // What stands for it in a function of the model: its own argument, or that of its average.
  ValueId argument(Graph&, Kept const&);
  // The training keeps an average of this parameter; gives the type of that.
  Type keep_average(std::string const& path);
  Update& start_update(std::string const& path, size_t phase);
  void finish(Module&); // @initialize and @begin_pass

private:
  char const* help_for_region() const;
  void declare_param(syntax::ParamStmt const&, Location);
  void refuse_taken(std::string const& path, std::string const& owner);
  void refuse_batch(Type const&, std::string const& kind, std::string const& path, Location);
  Any initial_value(syntax::ParamStmt const&, std::optional<Type> const&, std::string const& path, Graph&, Location);
  Kept& keep(syntax::ParamStmt const&, std::optional<Type> const&, std::string const& path, Location);
  Any evaluate_initial(syntax::Expr const&, std::optional<Type> const&);
  Any optimizer_state(syntax::ParamStmt const&, Location);
  void check_path(std::string const& path, Location);

  Elaborator& e_;
  Context& now_;
  Errors& errors_;
  Graph initialize_, begin_pass_;
  Update update_;
  std::map<std::string, Kept> kept_;
  std::vector<std::string> kept_order_;
  std::set<std::string> blamed_; // calls of the library whose parameters have been complained about
};

} // namespace nnc::front
