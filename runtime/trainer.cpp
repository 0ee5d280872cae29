// Training on a data set: epochs, slices, milestones, checkpoints.
//
// The compiled code runs a slice of steps at a time. A slice ends where somebody wants to look: after some tens of
// milliseconds, at the end of an epoch, before a last, smaller batch, at a checkpoint or a line of the log. The bits of
// the weights do not depend on where slices end: a step sees its number, its rows and the weights, nothing else.
#include "runtime/data_set.h"
#include "runtime/failure.h"
#include "runtime/files.h"
#include "runtime/random.h"
#include "runtime/walk.h"

#include <fmt/core.h>

#include <algorithm>
#include <chrono>
#include <limits>
#include <optional>

namespace nnc {
namespace {

using Clock = std::chrono::steady_clock;

f64 seconds_since(Clock::time_point start) { return std::chrono::duration<f64>(Clock::now() - start).count(); }

// How many steps there are, and how they fall into epochs.
struct Plan {
  i64 examples = 0, batch = 0;
  i64 per_epoch = 0; // steps
  i64 whole = 0;     // of them with a whole batch
  i64 steps = 0;     // in total
  i64 epochs() const { return steps / per_epoch + (steps % per_epoch != 0); }
  i64 epoch_of(i64 done) const { return done / per_epoch + 1; } // of the step that comes after `done` steps, from 1
  i64 batch_at(i64 offset) const { return offset < whole ? batch : examples - whole * batch; }
};

Plan plan_for(Training const& training, i64 examples, std::string const& set_name, TrainOptions const& options) {
  Plan plan{.examples = examples, .batch = training.batch};
  if (plan.batch > examples)
    throw Error(
        fmt::format("a batch of {} is larger than {}, which has {} training examples", plan.batch, set_name, examples));
  plan.whole = examples / plan.batch;
  plan.per_epoch = plan.whole + (!training.drop_last && examples % plan.batch != 0);
  // As many as nobody will ever wait for are still a number.
  auto const steps_of = [&](i64 epochs) {
    return std::min(epochs, std::numeric_limits<i64>::max() / 2 / plan.per_epoch) * plan.per_epoch;
  };
  if (options.steps) plan.steps = *options.steps;
  else if (options.epochs) plan.steps = steps_of(*options.epochs);
  else if (training.steps > 0) plan.steps = training.steps;
  else plan.steps = steps_of(training.epochs);
  if (options.steps && options.epochs) plan.steps = std::min(plan.steps, steps_of(*options.epochs));
  if (plan.steps < 0) throw Error(fmt::format("{} steps: expected at least 0", plan.steps));
  return plan;
}

class Trainer {
public:
  Trainer(Session::State& state, Data const& data, TrainOptions const& options)
      : state_(state), options_(options), set_(data.contents().set), training_(*state.program().module().training),
        function_(state.program().function("train_step")),
        section_(section_of(state.program(), set_, Part::train, true)),
        plan_(plan_for(training_, section_.examples, set_.name, options)) {
    if (training_.validation > 0) validation_ = section_of(state.program(), set_, Part::validation, true);
  }

  Trained run();

private:
  void begin();
  void resume();
  void slice();
  i64 slice_steps(i64 offset) const;
  void enter_epoch(i64 epoch);
  void after_slice(Outcome const&, f64 seconds);
  bool go_on(f64 examples_per_second);
  void end_of_epoch();
  Milestone milestone(Tally const&, Clock::time_point since) const;
  void save();
  bool shuffles() const { return options_.shuffle && training_.order == "shuffle"; }

  Session::State& state_;
  TrainOptions const& options_;
  Dataset const& set_;
  Training const& training_;
  Function const& function_;
  Section section_;
  Plan plan_;
  std::optional<Section> validation_;

  Clock::time_point start_ = Clock::now(), epoch_start_, log_start_;
  std::vector<i32> rows_; // of the epoch that is running
  i64 rows_epoch_ = 0;
  Tally epoch_tally_, log_tally_;
  Pace pace_;
  i64 saved_step_ = -1;
  Trained trained_;
};

void Trainer::begin() {
  if (!options_.save.empty()) check_writable(options_.save);
  if (options_.resume) resume();
  state_.scalar("steps") = static_cast<f64>(plan_.steps);
  trained_.examples = section_.examples;
  epoch_start_ = log_start_ = Clock::now();
}

// The same batches as before can only come from as many examples, in batches of the same size.
void Trainer::resume() {
  if (options_.save.empty()) throw Error("to resume, name the file that was saved");
  auto const checkpoint = load_checkpoint(options_.save);
  if (!checkpoint.can_resume)
    throw Error(fmt::format("{} holds weights alone; a training can start from them, but not go on", options_.save));
  auto const check = [&](std::string const& key, i64 value) {
    auto const found = checkpoint.notes.find(key);
    if (found != checkpoint.notes.end() && found->second != std::to_string(value))
      throw Error(fmt::format("{} was written with {} = {}, now it is {}", options_.save, key, found->second, value));
  };
  check("batch", plan_.batch);
  check("examples", plan_.examples);
  if (state_.seed_was_asked && state_.seed != checkpoint.seed)
    throw Error(
        fmt::format("{} was written with seed = {}, now it is {}", options_.save, checkpoint.seed, state_.seed));
  state_.restore(Role::param, checkpoint.parameters, options_.save);
  state_.restore(Role::state, checkpoint.states, options_.save);
  state_.restore(Role::optimizer, checkpoint.optimizer, options_.save);
  state_.step = checkpoint.step;
  state_.epoch = checkpoint.epoch;
  state_.seed = checkpoint.seed;
  saved_step_ = checkpoint.step;
  auto const tally = checkpoint.notes.find("epoch");
  if (tally != checkpoint.notes.end()) epoch_tally_.read(tally->second, function_);
}

void Trainer::enter_epoch(i64 epoch) {
  if (rows_epoch_ == epoch) return;
  rows_ = shuffles() ? shuffled_rows(section_.examples, state_.seed, epoch) : rows_in_order(section_.examples);
  rows_epoch_ = epoch;
  state_.scalar("epoch") = static_cast<f64>(epoch);
}

i64 Trainer::slice_steps(i64 offset) const {
  i64 steps = std::min(pace_.steps(), plan_.steps - state_.step);
  auto const until_multiple = [&](i64 every) { return every - state_.step % every; };
  if (options_.save_every > 0) steps = std::min(steps, until_multiple(options_.save_every));
  if (options_.log_every > 0) steps = std::min(steps, until_multiple(options_.log_every));
  return offset < plan_.whole ? std::min(steps, plan_.whole - offset) : 1;
}

void Trainer::slice() {
  i64 const offset = state_.step % plan_.per_epoch;
  enter_epoch(plan_.epoch_of(state_.step));
  Work work;
  work.columns = pointers_of(section_);
  work.rows = rows_.data() + offset * plan_.batch;
  work.batch = plan_.batch_at(offset);
  work.examples = section_.column_length;
  work.first_step = state_.step + 1;
  work.steps = slice_steps(offset);
  work.stop_on_bad = options_.stop_on_bad;
  auto const start = Clock::now();
  auto const outcome = state_.call(function_, work);
  auto const seconds = seconds_since(start);
  pace_.took(outcome.steps, seconds);
  after_slice(outcome, seconds);
}

void Trainer::after_slice(Outcome const& outcome, f64 seconds) {
  state_.step += outcome.steps;
  epoch_tally_.add(outcome);
  log_tally_.add(outcome);
  if (!trained_.bad_step) trained_.bad_step = outcome.first_bad_step;
  trained_.clamped += outcome.clamped;
  trained_.zero_divided += outcome.zero_divided;
  if (options_.log_every > 0 && state_.step % options_.log_every == 0) {
    if (options_.on_log) options_.on_log(milestone(log_tally_, log_start_));
    log_tally_.clear();
    log_start_ = Clock::now();
  }
  if (options_.save_every > 0 && state_.step % options_.save_every == 0) save();
  if (!go_on(static_cast<f64>(outcome.examples) / std::max(seconds, 1e-9))) trained_.stopped = true;
  if (state_.step % plan_.per_epoch == 0) end_of_epoch();
}

bool Trainer::go_on(f64 examples_per_second) {
  if (!options_.on_slice) return true;
  Progress progress;
  progress.epoch = plan_.epoch_of(state_.step - 1);
  progress.epochs = plan_.epochs();
  progress.step = state_.step;
  progress.steps = plan_.steps;
  progress.done = epoch_tally_.examples();
  progress.examples = plan_.examples;
  progress.values = epoch_tally_.means(function_);
  progress.seconds = seconds_since(start_);
  progress.examples_per_second = examples_per_second;
  return options_.on_slice(progress);
}

Milestone Trainer::milestone(Tally const& tally, Clock::time_point since) const {
  Milestone milestone;
  milestone.epoch = plan_.epoch_of(state_.step - 1);
  milestone.step = state_.step;
  milestone.values = tally.means(function_);
  milestone.seconds = seconds_since(start_);
  milestone.examples_per_second = static_cast<f64>(tally.examples()) / std::max(seconds_since(since), 1e-9);
  return milestone;
}

// Also called for the last, unfinished epoch.
void Trainer::end_of_epoch() {
  state_.epoch = state_.step / plan_.per_epoch;
  auto reached = milestone(epoch_tally_, epoch_start_);
  if (validation_) {
    auto const reports = evaluate_section(state_, *validation_);
    reached.validation = reports.values;
    reached.validation_examples = reports.examples;
  }
  if (options_.on_epoch) options_.on_epoch(reached);
  if (options_.log_every == 0 && options_.on_log) options_.on_log(reached);
  save(); // with the tally, if the epoch is not over
  epoch_tally_.clear();
  epoch_start_ = Clock::now();
}

// Weights behind a loss that is not finite never replace a checkpoint.
void Trainer::save() {
  if (options_.save.empty() || trained_.bad_step || saved_step_ == state_.step) return;
  auto checkpoint = state_.checkpoint();
  checkpoint.notes["batch"] = std::to_string(plan_.batch);
  checkpoint.notes["examples"] = std::to_string(plan_.examples);
  if (state_.step % plan_.per_epoch != 0) checkpoint.notes["epoch"] = epoch_tally_.text();
  save_checkpoint(options_.save, checkpoint);
  saved_step_ = state_.step;
}

Trained Trainer::run() {
  begin();
  while (state_.step < plan_.steps && !trained_.stopped && !(trained_.bad_step && options_.stop_on_bad)) slice();
  if (!epoch_tally_.empty()) end_of_epoch();
  save();
  trained_.step = state_.step;
  trained_.epoch = state_.epoch;
  trained_.saved = saved_step_ == state_.step && !trained_.bad_step;
  trained_.seconds = seconds_since(start_);
  return trained_;
}

} // namespace

inline namespace v1 {

Trained Session::train(Data const& data, TrainOptions const& options) {
  return guarded(state_->program().sources(), [&] {
    if (!state_->program().module().training) throw Error("the program has no train block");
    return Trainer(*state_, data, options).run();
  });
}

} // namespace v1
} // namespace nnc
