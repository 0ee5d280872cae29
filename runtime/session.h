// What stands behind a Session of the public API: the tensors that it keeps, the arena and the team, and how a function
// of the program is called on them.
#pragma once

#include "runtime/checkpoint.h"
#include "runtime/program.h"
#include "runtime/team.h"
#include "runtime/tensor.h"

#include <atomic>
#include <map>
#include <optional>

namespace nnc {

// What is kept from batch to batch of one pass over the data: of the training, or of an evaluation. The first call of a
// pass opens it, by @begin_pass; tensors with `batch` in their shape have room of their own for each size of batch, so
// that addresses stay.
struct DataPass {
  std::map<i64, std::vector<NamedTensor>> tensors; // by the size of the batch; 0 where nothing depends on it
  std::optional<i64> open;                         // which of them
  void close() { open.reset(); }
  void take(DataPass const&); // what another one has open; addresses stay
};

// What one call of a compiled function works on.
struct Work {
  std::vector<void const*> columns; // one per input of the program; null where the function needs none
  i32 const* rows = nullptr;        // batch * steps row numbers
  i64 batch = 0;
  i64 examples = 0; // rows of the columns
  i64 first_step = 1, steps = 1;
  bool stop_on_bad = false;
  int threads = 0;            // members of the team that work; 0: as many as there are for the function
  std::vector<void*> outputs; // of @run, one per output; null: of no use to the caller
  std::vector<f64> sums = {}; // of the reports so far, to which the steps add in their order; empty: zeros
  DataPass* pass = nullptr;   // that @begin_pass begins; the other functions know theirs
};

// What the compiled code said of a call.
struct Outcome {
  std::vector<f64> sums; // of value * batch per loss and metric
  std::vector<f64> last; // their values in the last step
  std::vector<NamedTensor> tables;
  i64 steps = 0, examples = 0, first_bad_step = 0, clamped = 0, zero_divided = 0;
};

// A tensor that lives from call to call.
struct Kept {
  Role role = Role::param;
  NamedTensor named;
};

// Memory for intermediate values; grows, never shrinks.
class Arena {
public:
  ~Arena();
  Arena() = default;
  Arena(Arena const&) = delete;
  Arena& operator=(Arena const&) = delete;
  void* at_least(size_t bytes);
  void* data() const { return data_; }

private:
  void* data_ = nullptr;
  size_t size_ = 0;
};

// The place of a training: it has made `step` updates and finished `epoch` epochs, and `offset` steps of the next one.
struct TrainingPlace {
  i64 step = 0, epoch = 0, offset = 0;
};

struct SessionState;

// A training that can be made again: it began with the weights of the seed.
struct Repeatable {
  std::shared_ptr<DataContents const> data;
  TrainOptions options; // without files and callbacks
  std::map<std::string, f64> numbers;
  u64 seed = 0;
};

// Throws Error: "the program has no input 'imge'", and which of the `known` ones was probably meant.
[[noreturn]] void refuse_name(char const* what, std::string const& name, std::vector<std::string> const& known);

// A call of compiled code with all that it needs, which can be made again: its addresses stay where they are.
class NativeCall {
public:
  // Makes the code, and room in the arena. Throws Error for what is missing.
  NativeCall(SessionState&, Function const&, Work const&);
  NativeCall(NativeCall const&) = delete;
  NativeCall& operator=(NativeCall const&) = delete;
  // Takes scalars, seed and arena as they are now; allocates nothing.
  void run(SessionState&, i64 first_step, i64 steps, i32 const* rows);
  nnc_report const& report() const { return report_; }
  std::vector<f64>& sums() { return sums_; } // to which a call adds
  std::vector<f64> const& last() const { return last_; }
  std::vector<NamedTensor> const& tables() const { return tables_; } // metrics of several numbers, behind the last step

private:
  std::vector<void*> arguments_, results_;
  std::vector<f64 const*> numbers_; // where the scalars stand
  std::vector<f64> scalars_, sums_, last_;
  std::vector<NamedTensor> tables_;
  nnc_report report_{};
  nnc_context context_{};
  nnc_entry entry_ = nullptr;
  DataPass* pass_ = nullptr; // that a call belongs to, if the function has to do with one
};

struct SessionState {
  SessionState(std::shared_ptr<CompiledProgram const> program, SessionOptions const& options);
  // With the weights of another session, see Session::sharing_weights.
  SessionState(SessionState const& owner, SessionOptions const& options);

  CompiledProgram const& program() const { return *program_; }
  std::shared_ptr<CompiledProgram const> const& shared_program() const { return program_; }
  Outcome call(Function const&, Work const&);
  // Session::cancel, see there. From any thread, or a signal handler.
  void cancel() { cancelled_.store(true, std::memory_order_relaxed); }
  std::atomic<bool> const* cancel_flag() const { return &cancelled_; }
  bool is_cancelled() const { return cancelled_.load(std::memory_order_relaxed); }
  void expect_not_cancelled() const; // throws Error

  HostTensor* tensor(std::string_view name);
  HostTensor& parameter(std::string const& name); // or a state; throws Error when there is none
  std::vector<NamedTensor> tensors(Role) const; // in the order of the program; they share their bytes
  std::vector<NamedTensor> among(Role, std::vector<NamedTensor> const& given) const; // those that have this role here
  Checkpoint checkpoint() const;
  // Puts everything back that a checkpoint holds; throws Error, and changes nothing, where it is of another program.
  void restore(Checkpoint const&, std::string const& from);
  void take(Checkpoint const&, std::string const& from); // its tensors, place and seed
  // "'dense.weight'", or "the optimizer's 'm/dense.weight'": the first tensor that holds an infinity or a NaN; empty
  // when none does.
  std::string not_finite() const;
  // Throw Error unless all tensors of a role are among these, each with its exact type; and no others.
  void expect_all(Role, std::vector<NamedTensor> const&, std::string const& from) const;
  void expect_same(Role, std::vector<NamedTensor> const&, std::string const& from) const;
  // Replaces the contents of the tensors of a role by those of the same names; each must be there with its exact type.
  void replace(Role, std::vector<NamedTensor> const&, std::string const& from);
  // Weights and states of a file, which may hold no more than them; changes nothing where it throws.
  void load(Checkpoint const&, std::string const& from);
  // The average of a parameter that got another value begins there.
  void begin_average(std::string const& parameter);
  // Throws Error while a training runs (a callback called), and for a session that shares another's weights.
  void expect_own_weights(char const* call) const;
  // Throws Error where a step by hand would see a schedule of no steps.
  void expect_planned_steps() const;
  bool is_training() const { return training_; }
  // While one of these lives, a call of the public API runs that can be cancelled; it begins uncancelled.
  class Running {
  public:
    explicit Running(SessionState& state) : state_(state) {
      if (state_.calls_++ == 0) state_.cancelled_ = false;
    }
    ~Running() { --state_.calls_; }
    Running(Running const&) = delete;
    Running& operator=(Running const&) = delete;

  private:
    SessionState& state_;
  };
  // While one of these lives, a training runs.
  class Training {
  public:
    explicit Training(SessionState& state) : state_(state) { state_.training_ = true; }
    ~Training() { state_.training_ = false; }
    Training(Training const&) = delete;
    Training& operator=(Training const&) = delete;

  private:
    SessionState& state_;
  };

  bool carries_batch() const; // does the shape of what a pass keeps depend on it?

  f64& scalar(std::string const& name);
  void set_scalar(std::string const& name, f64 value); // throws Error where `require` forbids the value
  bool is_scalar(std::string const& name) const { return scalars_.contains(name); }
  std::vector<Number> numbers() const; // the scalars that only tune, with the values that they have now

  u64 seed = 0;
  bool seed_was_asked = false; // by the caller, not by the train block
  TrainingPlace place;
  DataPass training_pass, evaluation_pass;
  Function const& train_step() const { return program_->train_step(place.step); } // the next one
  // Of the last training on data, unless steps were made by hand since: what a checkpoint says of it, and which data;
  // nothing: those of a checkpoint.
  Facts training_facts;
  Encodings encodings;     // of the data that the weights were trained on
  Encodings run_encodings; // of the data of the last run, where the training says nothing
  Encoding const* encoding_of(std::string const& column) const; // null: neither says something
  std::optional<std::weak_ptr<DataContents const>> trained_on;
  bool may_train = true; // by SessionOptions::uses
  bool knows_data = false; // are the statistics of the data those of a training?
  bool is_fresh = false;                // weights and states are those of the seed, nobody has touched them
  i64 bad_at = 0; // something was not finite behind the last training: at this step at the latest; 0: all was
  std::optional<Repeatable> repeatable; // then: that training, if it is
  std::optional<BadStep> bad;           // and its step, once it is explained
  i64 clamped = 0; // indices in the last run
  int threads_for(Function const&) const;
  Team& team() { return *team_; }

private:
  friend NativeCall;
  SessionState(std::shared_ptr<CompiledProgram const> program, SessionOptions const& options,
               SessionState const* owner);
  void gather_team(int members);
  void check_inputs() const;
  void check_roles(Function const&) const;
  void keep(Function const&);
  Location place_of(std::string const& name, Location other) const;
  void collect_scalars();
  void check_memory(size_t more) const; // beside what is kept already
  void check_steps_and_epochs(std::string const& name, f64 value) const;
  DataPass* pass_of(Function const&, Work const&); // null: nothing is carried
  void open(DataPass&, i64 batch);
  DataPass pass_in(Checkpoint const&, std::string const& from) const;
  HostTensor& carried(Function const&, std::string const& name, Work const&);
  void* argument_pointer(Function const&, Argument const&, Work const&);
  void* result_pointer(Function const&, Result const&, Work const&, size_t& output);

  std::shared_ptr<CompiledProgram const> program_;
  std::vector<Kept> kept_;
  std::map<std::string, f64, std::less<>> scalars_;
  Arena arena_;
  std::atomic<bool> cancelled_{false};
  int calls_ = 0; // public calls of this session that run: one, and those of its callbacks
  bool training_ = false;
  bool shares_weights_ = false;
  int asked_threads_ = 0;
  i64 max_memory_ = 0; // 0: no limit
  std::unique_ptr<Team> team_;
};

} // namespace nnc
