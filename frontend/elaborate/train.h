// The train block: its settings, the gradients of its `minimize` clauses, and the updates of its parameters.
#pragma once

#include "frontend/elaborate/context.h"
#include "frontend/elaborate/elaborator.h"

namespace nnc::front {

std::vector<std::string> setting_names(); // that a train block takes

class TrainBuilder {
public:
  explicit TrainBuilder(Elaborator& e) : e_(e), now_(e.now), errors_(e.errors) {}
  void choose(); // the train block and the model that are built
  void run_training_settings();
  void run_minimize(Graph& loss);
  void give_updates(Module&);

private:
  struct Clause { // of `minimize`
    syntax::MinimizeStep const* step = nullptr;
    std::string optimizer; // what its numbers are called after: "adam"
    std::vector<std::string> parameters;
    std::vector<ValueId> gradients;
  };
  struct Counters {              // over the clauses of a train block
    std::set<std::string> taken; // parameters that belong to a clause
    std::map<std::string, int> names;
    int unnamed = 0;
  };
  void check_setting(std::string const& name, Location);
  void setting(std::string const& name, Any const&, Location);
  std::vector<std::string> select_parameters(syntax::MinimizeStep const&, std::set<std::string> const& taken);
  std::string objective_name(ValueId, Location, int& unnamed);
  Clause derive(Graph&, syntax::MinimizeStep const&, Location, Counters&);
  std::string clause_name(syntax::MinimizeStep const&, Counters&);
  void refuse_unbuilt(syntax::StepStmt const&);
  void clip(std::vector<Clause>&);
  void clip_norm(std::vector<ValueId*> const& gradients, Any const& limit, Location);

  // update.cpp
  void run_updates(Clause const&);
  void run_update(std::string const& path, syntax::MinimizeStep const&, std::string const& clause);
  void check_numbers(syntax::FunctionDecl const& optimizer, syntax::CallExpr const&, Location);

  Elaborator& e_;
  Context& now_;
  Errors& errors_;
  std::optional<f64> clip_norm_, clip_value_;
  std::vector<std::unique_ptr<Graph>> updates_;
};

} // namespace nnc::front
