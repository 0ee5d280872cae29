// The body of a model: its inputs and what it gives, run once for each of its three functions.
#pragma once

#include "frontend/elaborate/call.h"
#include "frontend/elaborate/context.h"
#include "frontend/elaborate/elaborator.h"

namespace nnc::front {

struct Measured { // a loss, metric or output
  std::string name;
  ValueId value = no_value;
  Role role = Role::none;
  Location at;
  std::vector<std::string> rows = {}; // of a table
};

class ModelBuilder {
public:
  explicit ModelBuilder(Elaborator& e) : e_(e), now_(e.now), errors_(e.errors) {}
  void plan_columns();
  // The arguments of the model, as names of a train block.
  void bind_arguments(Frame&);
  // The same in front of the first run of the model, for what decides how the data look.
  void bind_arguments_early(Frame&);
  // Losses and metrics as numbers: their last values over the validation split, infinite before there is one.
  void bind_validation(Frame&);
  void run_model(Graph&);
  void finish(Graph&);
  std::vector<Measured>& measured() { return measured_; } // of the function that was run last

  // its statements
  void run_input(syntax::InputStmt const&, Location);
  void run_output(syntax::OutputStmt const&, Location);
  void run_measure(syntax::MeasureStmt const&, Location);

private:
  void bind_model_arguments(Frame&);
  std::map<std::string, Actual> arguments_of_training();
  Actual argument_value(syntax::Parameter const&, std::map<std::string, Actual> const& given);
  void add_measured(std::string name, Any const&, Role, Location);
  ColumnType const* column_for(std::string const& name);
  std::vector<bool> totals(Graph const&) const;
  bool is_table(syntax::MeasureStmt const&, std::string const& name, ValueId);
  std::vector<std::string> rows_of(syntax::MeasureStmt const&, Type const&);

  Elaborator& e_;
  Context& now_;
  Errors& errors_;
  std::vector<Measured> measured_;
  std::map<std::pair<bool, std::string>, Location> measured_at_; // outputs have names of their own
  std::vector<ColumnType> columns_;                              // of the data, as examples of this training
  std::map<std::string, std::string> column_of_;                 // by input
  std::map<std::string, Any> arguments_; // the numbers, lists and functions that the model was run with
};

} // namespace nnc::front
