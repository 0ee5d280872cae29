// The train block: its settings and phases, the gradients of its `minimize` clauses, and the updates of its parameters.
#pragma once

#include "frontend/elaborate/call.h"
#include "frontend/elaborate/context.h"
#include "frontend/elaborate/elaborator.h"

namespace nnc::front {

std::vector<std::string> setting_names(); // that a train block takes
bool is_setting(std::string const& name);
std::string plain_text(syntax::String const&); // of a string without expressions

class TrainBuilder {
public:
  explicit TrainBuilder(Elaborator& e) : e_(e), now_(e.now), errors_(e.errors) {}
  void choose(); // the train block and the model that are built
  // Settings that say what the data are, known in front of the model: 0 and empty where there is none.
  i64 window();
  std::string sample_column();
  void run_training_settings();
  void plan_phases();
  size_t phases() const { return plan_.size(); }
  void run_phase(Graph& loss, size_t phase);
  void run_updates();
  bool is_frozen(std::string const& path, size_t phase) const { return plan_[phase].frozen.contains(path); }
  void give_updates(Module&);

private:
  struct Clause { // of `minimize`
    syntax::MinimizeStep const* step = nullptr;
    std::string optimizer; // what its numbers are called after: "adam"
    std::vector<std::string> parameters;
    std::vector<ValueId> gradients;
  };
  struct PlannedPhase {
    Turn turn;
    std::vector<syntax::StepStmt const*> minimize, freeze;
    std::set<std::string> frozen; // paths; known once the model was run
    std::vector<Clause> clauses;  // likewise
  };
  struct Counters { // over the clauses of a train block
    std::map<std::string, int> names;
    int unnamed = 0;
  };
  void plan(syntax::StepStmt const&, PlannedPhase&, bool in_phase);
  i64 steps_of(syntax::PhaseStep const&);
  void choose_paths();
  std::string objective_name(ValueId, Location);
  using Taken = std::map<std::string, Location>; // parameters, and the clauses that change them
  Clause derive(Graph&, syntax::MinimizeStep const&, Location, Taken&);
  [[noreturn]] void refuse_idle(std::string const& loss, std::vector<std::string> const& wanted, Location,
                                Taken const&);
  std::string clause_name(syntax::MinimizeStep const&);
  std::string name_of_numbers(std::string const& name);

  // train_settings.cpp
  Any setting_value(syntax::SettingStep const&);
  Location place_of_setting(std::string const& name);
  void check_aims();
  void check_order();
  void check_setting(std::string const& name, Location);
  void setting(std::string const& name, Any const&, Location);

  // clip.cpp
  void clip(std::vector<Clause>&);
  void clip_norm(std::vector<ValueId*> const& gradients, Any const& limit, Location);

  // update.cpp
  void run_updates(Clause const&);
  Any updates_so_far(std::string const& path, Location);
  void run_average(Graph&, std::string const& path);
  void run_update(std::string const& path, syntax::MinimizeStep const&, std::string const& clause);
  void check_numbers(syntax::FunctionDecl const& optimizer, syntax::CallExpr const&, Location);

  Elaborator& e_;
  Context& now_;
  Errors& errors_;
  std::optional<f64> clip_norm_, clip_value_;
  std::vector<PlannedPhase> plan_;
  bool plan_is_wrong_ = false;
  std::vector<syntax::StepStmt const*> fresh_;
  syntax::StepStmt const* average_ = nullptr;
  std::set<std::string> averaged_; // parameters that have an average, if they are updated
  std::string average_name_;       // what its numbers are called after
  Counters counters_;
  size_t phase_ = 0;
  std::vector<std::unique_ptr<Graph>> updates_;
};

} // namespace nnc::front
