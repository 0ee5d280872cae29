// The elaborator: runs the compile-time part of a program and leaves the run-time part as graphs. It consists of parts;
// this page names them all, and each has a header that can be read alone. Evaluation goes in circles (an expression
// calls a function, whose statements hold expressions), so no part can own those that it needs: it takes references out
// of this struct, and its source includes their headers. elaborate.cpp makes the parts and says the order of work.
//
// Below evaluation, from values that are there:
//
//   context       context.h         what is elaborated; the call that runs, the graph that grows
//   errors        errors.h          how a mistake becomes a diagnostic with its chain of calls
//   budget        budget.h          what may be computed while compiling
//   suggestions   suggestions.h     names that nobody declares, and what was meant
//   constants     constants.h       what a place that needs a constant takes
//   tunables      tunables.h        numbers that only tune
//   tensors       tensor.h          numbers to tensors, broadcasting
//   batch_number  batch_number.h    operations that need a number where an extent is symbolic
//   operators     operators.h       arithmetic, comparison, logic (product.cpp: `@`)
//
// Evaluation:
//
//   lookup        lookup.h          names
//   expressions   expression.h      every kind of expression (index.h: x[...])
//   patterns      pattern.h         types as patterns
//   calls         call.h            arguments, frames, paths (argument_help.h: what would fit where one does not)
//   statements    statement.h       blocks and statements
//   scans         scan.h            loops and branches at run time
//   builtins_*    builtin.h         the operations that the library stands on
//
// Around it, each a client of all that:
//
//   model_builder     model.h           input, target, output, loss, metric; the three functions of a model
//   train_builder     train.h           a train block: its phases, minimize (train_settings.cpp, clip.cpp, update.cpp:
//                                       @update.PATH; path_patterns.h: "body.*")
//   parameters        parameter.h       param, state, <-; the initial values
//   own_derivatives   gradient.h        a function's own derivative
//   setting_values    setting_values.h  values of --set
//   ranges            range.h           `require` of numbers that only tune
//   warnings          warnings.h        what a program means, but hardly what its author wants (declares.cpp: tags that
//                                       name nothing)
//   texts_not_run.h                     unknown names in texts that nothing runs
#pragma once

namespace nnc::front {

struct Context;
class Errors;
class Budget;
class Suggestions;
class Constants;
class Tunables;
class Tensors;
class BatchNumber;
class Operators;
class Lookup;
class Expressions;
class Patterns;
class Calls;
class Statements;
class Scans;
class ModelBuilder;
class TrainBuilder;
class Parameters;
class OwnDerivatives;
class SettingValues;
class Ranges;
class Warnings;

struct Elaborator {
  Context& now;
  Errors& errors;
  Budget& budget;
  Suggestions& suggestions;
  Constants& constants;
  Tunables& tunables;
  Tensors& tensors;
  BatchNumber& batch_number;
  Operators& operators;
  Lookup& lookup;
  Expressions& expressions;
  Patterns& patterns;
  Calls& calls;
  Statements& statements;
  Scans& scans;
  ModelBuilder& model_builder;
  TrainBuilder& train_builder;
  Parameters& parameters;
  OwnDerivatives& own_derivatives;
  SettingValues& setting_values;
  Ranges& ranges;
  Warnings& warnings;
};

} // namespace nnc::front
