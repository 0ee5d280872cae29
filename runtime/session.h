// What stands behind a Session of the public API: the tensors that it keeps, the arena and the team, and how a function
// of the program is called on them.
#pragma once

#include "runtime/checkpoint.h"
#include "runtime/program.h"
#include "runtime/team.h"
#include "runtime/tensor.h"

#include <map>

namespace nnc {

// What one call of a compiled function works on.
struct Work {
  std::vector<void const*> columns; // one per input of the program; null where the function needs none
  i32 const* rows = nullptr;        // batch * steps row numbers
  i64 batch = 0;
  i64 examples = 0; // rows of the columns
  i64 first_step = 1, steps = 1;
  bool stop_on_bad = false;
  int threads = 0;            // members of the team that work; 0: as many as there are for the function
  std::vector<void*> outputs; // of @run, one per output
};

// What the compiled code said of a call.
struct Outcome {
  std::vector<f64> sums; // of value * batch per loss and metric
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

private:
  void* data_ = nullptr;
  size_t size_ = 0;
};

struct SessionState {
  SessionState(std::shared_ptr<CompiledProgram const> program, SessionOptions const& options);

  CompiledProgram const& program() const { return *program_; }
  Outcome call(Function const&, Work const&);

  HostTensor* tensor(std::string_view name);
  std::vector<NamedTensor> tensors(Role) const; // in the order of the program; they share their bytes
  std::vector<NamedTensor> among(Role, std::vector<NamedTensor> const& given) const; // those that have this role here
  Checkpoint checkpoint() const;
  // "'dense.weight'", or "the optimizer's 'm/dense.weight'": the first tensor that holds an infinity or a NaN; empty
  // when none does.
  std::string not_finite() const;
  // Throws Error unless these are the tensors of a role, each there with its exact type, and no others.
  void expect_same(Role, std::vector<NamedTensor> const&, std::string const& from) const;
  // Replaces the contents of the tensors of a role by those of the same names; each must be there with its exact type.
  void restore(Role, std::vector<NamedTensor> const&, std::string const& from);

  f64& scalar(std::string const& name);
  void set_scalar(std::string const& name, f64 value); // throws Error where `require` forbids the value
  bool is_scalar(std::string const& name) const { return scalars_.contains(name); }
  std::vector<Number> numbers() const; // the scalars that only tune, with the values that they have now

  u64 seed = 0;
  bool seed_was_asked = false; // by the caller, not by the train block
  i64 step = 0;                // updates made
  i64 epoch = 0;               // epochs finished
  Facts training_facts;        // of the last training on a data set, unless steps were made by hand since
  i64 clamped = 0;             // indices in the last run
  int threads_for(Function const&) const;
  Team& team() { return *team_; }

private:
  void expect_all(Role, std::vector<NamedTensor> const&, std::string const& from) const;
  void gather_team(int members);
  void check_inputs() const;
  void check_roles(Function const&) const;
  void keep(Function const&);
  Location place_of(std::string const& name, Location other) const;
  void collect_scalars();
  void check_memory(size_t more) const; // beside what is kept already
  void* argument_pointer(Function const&, Argument const&, Work const&);
  void* result_pointer(Result const&, Work const&, size_t& output);

  std::shared_ptr<CompiledProgram const> program_;
  std::vector<Kept> kept_;
  std::map<std::string, f64, std::less<>> scalars_;
  Arena arena_;
  int asked_threads_ = 0;
  i64 max_memory_ = 0; // 0: no limit
  std::unique_ptr<Team> team_;
};

} // namespace nnc
