// The border of the frontend: a .nn text becomes a module of the IR, or diagnostics. Nothing here throws for a user's
// mistake, reads a file or knows a data set; what comes from outside is in Settings.
#pragma once

#include "ir/module.h"

#include <functional>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace nnc {

// A column of the data set that the program will meet: its name, and the type of one example.
struct ColumnType {
  std::string name;
  Type example;
};

struct Settings {
  std::string train_name; // NAME of FILE:NAME: the tag or the model of a train block; empty: the only one
  std::vector<std::pair<std::string, std::string>>
      set;                         // --set NAME=VALUE: model arguments, named dimensions, scalars, settings of `train`
  std::optional<i64> batch;        // --batch
  std::vector<ColumnType> columns; // empty: no data set is known, inputs are taken as declared
  std::map<std::string, i64> properties; // of the data set: "classes", "vocab"
  bool are_examples = false; // the rows of the data set are examples already: nothing is cut into windows
  // The text of an imported file, by its path below the folder of the main file; nothing when there is no such file.
  std::function<std::optional<std::string>(std::string const& path)> read_import;
  i64 max_nodes = 1'000'000;
  bool batch_anywhere = false; // in results too, which only the evaluator can give
  // Elaborate for batches of so many examples, if the program needs the number; nothing: for those of the training.
  std::optional<i64> batch_number;
};

// How an input or target of the model is supplied.
struct BoundInput {
  std::string name;
  Type type; // with `batch`
  bool is_target = false;
  std::string column; // empty when no data set is known
};

// An operation or a word of the language that needs a number where a symbol, or a number that only tunes, would do
// elsewhere.
struct NumberNeeded {
  Location at;
  std::string what; // "the length of a scan", "the condition of `if`"
  bool operator==(NumberNeeded const&) const = default;
};

struct FixedNumber {
  f64 value = 0;
  NumberNeeded by; // the first that did
};

// A call in the training step of a model, for people: those in the model's body, and below them those that declare
// parameters or states, in the order in which they begin.
struct CalledFunction {
  std::string path;     // "block.dense_2"
  std::string function; // "dense"
  int depth = 0;        // 0: the body of the model calls it
  bool shared = false;  // a call in front has the same tag, and its parameters
  std::vector<Type> results;
  size_t first_node = 0, end_node = 0; // of the nodes of the training step, while it is made
  f64 flops = 0;                       // forward, of a batch as it is trained
  Location at;
};

struct Elaborated {
  // Complete and verified unless there are errors. `batch` is bound where `batch_needed` is not empty.
  Module module;
  std::vector<Diagnostic> diagnostics;
  std::vector<BoundInput> inputs;
  std::vector<NumberNeeded> batch_needed;       // what the size of the batch must be known for
  std::map<std::string, FixedNumber> constants; // numbers that could have tuned, but reached an `if` or the like
  std::vector<std::string> optimizers;          // of the `minimize` clauses, in their order: "adam"
  std::vector<CalledFunction> calls;
  f64 flops = 0;       // of the model's body, forward
  Location at;         // of the model that was chosen
  std::string summary; // "train mlp" or "model mlp": what was chosen in the file
};

Elaborated elaborate(std::shared_ptr<Sources> sources, u32 file, Settings const& = {});

// What a file holds, without elaborating it: enough to bind columns and to choose a train block.
struct Inventory {
  struct Input {
    std::string name;
    bool is_target = false;
    std::string dtype;             // as written: "u8", "float"
    std::vector<std::string> dims; // as written: "batch", "28", ".."
    Location at;
  };
  struct Model {
    std::string name;
    std::string doc;
    std::vector<std::string> parameters; // names; those without a default come from the data set or --set
    std::vector<Input> inputs;
    std::vector<std::string> outputs;
    Location at;
  };
  struct Train {
    std::string model;
    std::string tag; // may be empty
    Location at;
  };
  std::vector<Model> models;
  std::vector<Train> trains;
  std::vector<Diagnostic> diagnostics; // of the syntax
};

Inventory take_inventory(Sources const& sources, u32 file);

} // namespace nnc
