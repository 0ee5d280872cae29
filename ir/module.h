// What a program is: a module of functions, each a list of typed nodes in SSA form.
//
//   Module    functions, the target, the train block, the bindings of symbols
//   Function  arguments with roles, values, nodes, named results
//   Node      one operation: operands and results are ValueIds of the function, attributes by name; a kernel has a
//             struct of facts instead
//   Value     what a node (or an argument, or a literal) is: its type, the user's name, the place in the source
//
// Every value is defined exactly once in its function: by an argument, by a node, or as a *literal* (a scalar constant
// that has no node; `Value::constant` is set). Elementwise operators take operands of one shape, or of rank 0, which
// broadcast; nothing else broadcasts without a `broadcast` node.
//
// A node may hold regions, lists of nodes of its own (ir/walk.h). The sides of a `cond` are two, the body of a `scan`
// is one (ir/scan.h). A `kernel` node is a group: its one region holds nodes; `operands` are exactly the values from
// outside that these nodes read (literals are not listed), `results` exactly the values inside that are read outside.
// No value is renamed when nodes move into a kernel.
#pragma once

#include "ir/box.h"
#include "ir/diagnostic.h"
#include "ir/kernel.h"
#include "ir/order.h"
#include "ir/types.h"

#include <algorithm>
#include <memory>
#include <string>
#include <unordered_map>
#include <utility>
#include <variant>
#include <vector>

namespace nnc {

enum class OpCode : u16 {
#define NNC_OP(identifier, family) identifier,
#include "ir/ops.def"
#undef NNC_OP
};

using ValueId = u32;
inline constexpr ValueId no_value = ~ValueId{0};

// A scalar of any dtype: floats (exactly representable in their dtype) in f, integers and bools in i.
struct Scalar {
  f64 f = 0;
  i64 i = 0;
};
bool same_bits(Scalar, Scalar); // NaN equals NaN, 0 differs from -0

struct Value {
  Type type;
  std::string name; // the user's name or path; empty when there is none
  Location at;
  std::optional<Scalar> constant; // set: a literal of rank 0
};

using AttributeValue =
    std::variant<bool, i64, f64, std::string, std::vector<i64>, std::vector<Dim>, Order, std::vector<Place>>;

// Attributes by name, sorted by name. Which names an operator takes, of which kind and with which default is in its Op.
class Attributes {
public:
  Attributes() = default;
  Attributes(std::initializer_list<std::pair<std::string, AttributeValue>> entries);
  bool has(std::string_view name) const { return find(name) != nullptr; }
  AttributeValue const* find(std::string_view name) const;
  void set(std::string_view name, AttributeValue value);
  void erase(std::string_view name);
  // The value of a kind that is known to be right (the verifier has seen it); a CompilerBug otherwise.
  template <class T>
  T const& get(std::string_view name) const;
  template <class T>
  T get_or(std::string_view name, T fallback) const {
    auto* v = find(name);
    return v ? std::get<T>(*v) : fallback;
  }
  auto begin() const { return entries_.begin(); }
  auto end() const { return entries_.end(); }
  bool empty() const { return entries_.empty(); }
  bool operator==(Attributes const&) const = default;

private:
  [[noreturn]] static void missing(std::string_view name);
  std::vector<std::pair<std::string, AttributeValue>> entries_;
};

template <class T>
T const& Attributes::get(std::string_view name) const {
  auto* v = find(name);
  if (!v || !std::holds_alternative<T>(*v)) missing(name);
  return std::get<T>(*v);
}

struct Region;

struct Node {
  OpCode op{};
  std::vector<ValueId> operands;
  std::vector<ValueId> results;
  Attributes attributes;
  Box<Kernel> kernel = nullptr; // the facts of a `kernel`, which has no attributes beside; null for the others
  std::vector<Region> regions;  // as many as the operator says
  Location at;
  ValueId result() const { return results.front(); }
};

// The nodes of a function or of a node. They read what is in sight there, and the arguments. Those of a function, and
// its results, have roles and stand in Function; a kernel has neither.
struct Region {
  std::vector<ValueId> arguments = {};
  std::vector<Node> nodes = {};
  std::vector<ValueId> results = {};
};

// What an argument or a result is to the one who calls the function.
enum class Role : u8 {
  none,    // an ordinary value
  input,   // a batch of a data column, as the model declares it: [batch, ...]
  target,  //
  data,    // the whole data column that an input or target is gathered from: [examples, ...]; only after assemble_step
  rows,    // i32[batch]: which rows make this batch; only after assemble_step
  param,   // trained tensor, named by its path
  state,   // tensor kept from step to step, saved, not trained
  carried, // tensor kept from batch to batch of one pass over the data: @begin_pass makes it anew
  optimizer, // state of an optimizer, named "<optimizer state>/<path of the parameter>", e.g. "m/dense.weight"
  scalar,    // f64[]: a number that only tunes, named by its path ("adam.lr"), or "steps" or "epoch"
  step,      // i64[]: number of this update from 1 (in evaluation: of the batch within the pass)
  seed,      // i64[]
  gradient,  // result of the loss function: gradient of the parameter of this name
  loss,      // results
  metric,    //
  total,     // a metric of the pass so far: the last one counts, not the mean
  table,     // such a metric of several numbers, in memory of the host
  output,    //
};
// Kept from call to call: an argument, and a result that replaces it.
constexpr bool is_kept(Role r) {
  return r == Role::param || r == Role::state || r == Role::carried || r == Role::optimizer;
}
// Numbers that a step reports.
constexpr bool is_report(Role r) { return r == Role::loss || r == Role::metric || r == Role::total; }
std::string_view name(Role);
std::optional<Role> role_named(std::string_view);

struct Argument {
  ValueId value = no_value; // its Value has the name
  Role role = Role::none;
};

struct Result {
  std::string name; // "loss", "accuracy", "probs", or the path of the param or state that it replaces
  ValueId value = no_value;
  Role role = Role::none;
  std::vector<std::string> rows = {}; // of a table, what its rows are called; may be empty
};

struct Function;

// Finds a literal of a function by its dtype and bits, so that equal ones are one value. Keeps up with values that
// others add; who renumbers values starts a new one.
class Literals {
public:
  // The literal with these bits: a known one, or a new one that is said to stand at `at`.
  ValueId value(Function&, DType, Scalar, Location at);

private:
  static u64 hash(DType, Scalar);
  void read_on(Function const&);
  std::unordered_multimap<u64, ValueId> known_;
  size_t read_ = 0; // values below this one are in `known_` if they are literals
};

// The rows of a batch in a slot are padded to a multiple of this, so that tiles of rows need no tail.
inline constexpr i64 row_padding = 16;

class NodeLimit; // ir/node_limit.h

struct Function {
  std::string name; // without '@'
  Location at;      // of its head in a text
  std::vector<Value> values;
  std::vector<Argument> arguments;
  std::vector<Result> results;
  Region body;
  // It takes so many times `batch` rows, and computes `batch` of them at a time (passes/accumulate.h).
  i64 parts = 1;
  // Written by `plan_memory` (empty before):
  std::vector<Dim> slots; // bytes of each arena slot; `batch` here means the batch rounded up to row_padding
  i64 locals = 0;         // number of per-thread scalars
  i64 scratch = 0;        // bytes of the arena that each thread has for the buffers of a kernel (ir/scratch.h)
  // Written by `schedule`: how many threads are worth having; 0 when not scheduled.
  i64 threads = 0;
  Literals literals; // an index of `values`
  // While nodes are being made: how many there may be. Null: any number.
  std::shared_ptr<NodeLimit> limit = nullptr;

  Type const& type(ValueId v) const { return values[v].type; }
  Argument const* argument(std::string_view name) const;
  Result const* result(std::string_view name) const;
  // Per result the argument (its index) whose value it replaces when the function is done: a parameter or a state of
  // that name.
  std::vector<std::optional<size_t>> replaced_arguments() const;
};

// The numbers of the machine that is compiled for. Printed with the module, so that a dump reads the same anywhere.
struct Target {
  std::string triple = "x86_64-unknown-linux-gnu";
  std::string cpu = "x86-64-v3";
  std::string features; // "+avx2,+fma,..." beyond what the cpu implies; may be empty
  i64 vector_bytes = 32;
  i64 registers = 16; // vector registers
  i64 l1 = 32 * 1024; // data cache per core, bytes
  i64 l2 = 1024 * 1024;
  bool operator==(Target const&) const = default;
  // Of a vector register, that kernels use for elements of a dtype; narrow ones are computed in 4 bytes.
  i64 lanes(DType d = DType::f32) const {
    i64 const size = std::max<i64>(bytes(d), 4);
    return std::clamp<i64>(vector_bytes / size, 16 / size, 16);
  }
};

// The train block as data.
struct Minimize {
  std::string objective;               // name of the result of @loss that is minimized
  std::vector<std::string> parameters; // paths of what it updates, resolved; parameter P uses the function @update.P
  bool operator==(Minimize const&) const = default;
};
// So many batches in turn with the phases around it. Phase 0 has the functions @loss, @update.P and @train_step, phase
// 1 has @loss2, @update2.P and @train_step2.
struct Phase {
  i64 steps = 1;
  std::vector<Minimize> minimize;
  bool operator==(Phase const&) const = default;
};
std::string of_phase(std::string_view function, size_t phase);
std::string optimizer_state(std::string_view state, std::string_view parameter, size_t phase); // "m/dense.weight"
struct ScalarSetting {
  std::string name; // "adam.lr"
  f64 value = 0;    // as written in the source, or from --set
  bool operator==(ScalarSetting const&) const = default;
};
// What a training should reach: the least or the largest value of a loss or metric over the validation split.
struct Aim {
  std::string report;
  bool largest = false;
  bool operator==(Aim const&) const = default;
};
std::string shown(Aim const&);               // "max accuracy"
std::optional<Aim> aim_of(std::string_view); // of such a text
// "3 of min loss": so many epochs without a better one end the training.
struct Patience {
  i64 epochs = 0;
  Aim aim;
  bool operator==(Patience const&) const = default;
};
std::string shown(Patience const&);
std::optional<Patience> patience_of(std::string_view);
inline constexpr std::string_view validation_prefix = "validation."; // of scalars: the last value over the split

struct Training {
  std::string model;
  std::vector<Phase> phases;
  std::vector<std::string> fresh;     // paths that weights from a file do not replace
  std::vector<std::string> averaged;  // parameters P of which the state "average/P" is used outside of the training
  std::vector<ScalarSetting> scalars; // of the model, the optimizers and the train block
  i64 batch = 32;     // rows that are computed at once
  i64 accumulate = 1; // so many batches are one step (passes/accumulate.h)
  i64 epochs = 1;
  i64 steps = 0; // 0: given by the epochs
  i64 seed = 0;
  i64 validation = 0; // rows kept from the end of the training set
  i64 window = 0;     // so many rows of the data in a row are an example; 0: one row is
  std::string order = "shuffle";
  bool drop_last = false;
  std::optional<Aim> save_best;
  std::optional<Patience> patience;
  i64 rows() const { return batch * accumulate; } // of a step
  bool operator==(Training const&) const = default;
};
std::string average_of(std::string_view parameter); // "average/dense.weight"

// States that the runtime sets from the training data: "data/image.mean" is the mean of the input `image`.
enum class Statistic : u8 { mean, std, least, largest, missing };
struct StatisticName {
  std::string input;
  Statistic kind = Statistic::mean;
};
std::string_view name(Statistic);
f64 value_without_data(Statistic);
std::string state_of(StatisticName const&);
std::optional<StatisticName> statistic_of(std::string_view state); // nothing for any other state

struct Module {
  std::shared_ptr<Sources> sources = std::make_shared<Sources>();
  Bindings bindings; // a bound `batch` = specialised for that batch
  std::optional<Target> target;
  std::vector<Function> functions;
  std::optional<Training> training;

  Function* function(std::string_view name);
  Function const* function(std::string_view name) const;
};

// The functions of a module, by name:
//   from the frontend     @loss        inputs, targets, params, states, scalars, step, seed -> losses, metrics,
//                                      gradients, states (training)
//                         @evaluate    the same arguments -> losses, metrics
//                         @run         inputs, params, states -> outputs
//                         @initialize  seed -> params, states, optimizer states
//                         @update.P    p, g, optimizer states, scalars, step -> p, optimizer states; the average of p
//                         @begin_pass  seed -> carried states
//                         @gradient.F  what a `with_gradient` node names: derivatives of its results, what else it
//                                      reads -> derivatives of its variables
//                         @require     scalars -> bools, what must hold of them: each is named by its message, up to
//                                      the first number in it; the numbers follow, each named by the text behind it
//   after assemble_step   @train_step  replaces @loss and all @update.P; inputs and targets of every function are
//                                      gathers of rows

} // namespace nnc
