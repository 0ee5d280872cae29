// Training on a data set: epochs, slices, milestones, checkpoints.
//
// The compiled code runs a slice of steps at a time. A slice ends where somebody wants to look: after some tens of
// milliseconds, at the end of an epoch, before a last, smaller batch, at a checkpoint or a line of the log. The bits of
// the weights do not depend on where slices end: a step sees its number, its rows and the weights, nothing else.
//
// A checkpoint that is due is written before any callback hears of the slice: whoever listens may block or throw.
#include "runtime/data_set.h"
#include "runtime/failure.h"
#include "runtime/files.h"
#include "runtime/identity.h"
#include "runtime/random.h"
#include "runtime/team_size.h"
#include "runtime/walk.h"

#include <fmt/core.h>

#include <algorithm>
#include <chrono>
#include <limits>
#include <optional>

namespace nnc {
namespace {

using Clock = std::chrono::steady_clock;

// At the ends of epochs checkpoints are at least so far apart, and writing them takes at most a tenth of the time.
constexpr f64 seconds_between_saves = 4;
constexpr f64 largest_share_of_saving = 0.1;

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
  // Does one of the steps behind `done` have that place in its epoch?
  bool comes_to(i64 offset, i64 done) const {
    i64 const next = done + (offset + per_epoch - done % per_epoch) % per_epoch;
    return offset < per_epoch && next < steps;
  }
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
  Trainer(SessionState& state, Data const& data, TrainOptions const& options)
      : state_(state), options_(options), set_(Inside::of(data).set), training_(*state.program().module().training),
        function_(state.program().function("train_step")),
        section_(section_of(state.program(), set_, Part::train, true)),
        plan_(plan_for(training_, section_.examples, set_.name, options)) {
    if (training_.validation > 0) validation_ = section_of(state.program(), set_, Part::validation, true);
  }

  Trained run();

private:
  void begin();
  Facts facts() const; // of the plan and the data; the program has its own
  void resume(Facts const& now);
  void take(Checkpoint const&);
  void prepare() const;
  bool reads_steps() const;
  void train();
  bool goes_on() const;
  void slice();
  i64 slice_steps(i64 offset) const;
  void enter_epoch(i64 epoch);
  void after_slice(Outcome const&, f64 seconds);
  void log();
  bool go_on(f64 examples_per_second);
  void end_of_epoch();
  Milestone milestone(Tally const&, Clock::time_point since) const;
  bool is_finite();
  std::string since_when() const;
  void save_what_is_due();
  void save();
  void write();
  void keep_tally();
  void note(std::string const& line) const {
    if (options_.on_note) options_.on_note(line);
  }
  bool shuffles() const { return options_.shuffle && training_.order == "shuffle"; }
  bool at_end_of_epoch() const { return state_.step % plan_.per_epoch == 0; }
  bool failed() const { return options_.stop_on_bad && (trained_.bad_step || !trained_.not_finite.empty()); }

  SessionState& state_;
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
  TeamSize team_{state_.threads_for(function_)};
  Clock::time_point last_save_ = start_;
  f64 save_seconds_ = 0; // that the last one took
  i64 saved_step_ = -1;
  i64 checked_step_ = -1, finite_step_ = -1; // where weights and states were looked at, and were last found finite
  Trained trained_;
};

void Trainer::begin() {
  if (!options_.save.empty()) check_writable(options_.save);
  auto const now = facts();
  if (options_.resume) resume(now);
  prepare();
  state_.training_facts = now;
  state_.scalar("steps") = static_cast<f64>(plan_.steps);
  trained_.first_step = state_.step;
  trained_.examples = section_.examples;
  epoch_start_ = log_start_ = Clock::now();
  if (state_.not_finite().empty()) finite_step_ = state_.step;
}

// A program that is made for each size of batch may be wrong for one of them, which is found out before anything is
// trained.
void Trainer::prepare() const {
  auto const& program = state_.program();
  if (!program.is_for_one_batch()) return;
  for (i64 const offset : {i64{0}, plan_.whole})
    if (plan_.comes_to(offset, state_.step)) program.variant(plan_.batch_at(offset)).prepare({"train_step"});
  if (validation_ && state_.step < plan_.steps) prepare_evaluation_of(state_, *validation_);
}

// "x: u8[batch,28,28] from image, label: i32[batch]"
std::string columns_text(CompiledProgram const& program, Section const& section) {
  std::string text;
  for (size_t i = 0; i < section.columns.size(); ++i) {
    auto const& input = program.inputs()[i];
    auto const* column = section.columns[i];
    if (!column) continue;
    text += fmt::format("{}{}: {}", text.empty() ? "" : ", ", input.name, input.type.text());
    if (column->name != input.name) text += fmt::format(" from {}", column->name);
  }
  return text;
}

Facts Trainer::facts() const {
  Facts facts;
  facts["columns"] = columns_text(state_.program(), section_);
  facts["data"] = set_.name;
  facts["examples"] = std::to_string(plan_.examples);
  facts["validation"] = std::to_string(held_back(state_.program(), set_));
  facts["batch"] = std::to_string(plan_.batch);
  facts["order"] = shuffles() ? "shuffle" : "file";
  facts["drop_last"] = training_.drop_last ? "true" : "false";
  facts["steps"] = std::to_string(plan_.steps);
  facts["numbers"] = numbers_text(state_.numbers());
  return facts;
}

bool Trainer::reads_steps() const {
  auto const* steps = function_.argument("steps");
  return steps && steps->role == Role::scalar;
}

void Trainer::resume(Facts const& now) {
  if (options_.save.empty()) throw Error("to resume, name the file that was saved");
  std::error_code error;
  if (!std::filesystem::exists(options_.save, error) && !error)
    return note(fmt::format("{} does not exist yet: the training begins", options_.save));
  auto const checkpoint = load_checkpoint(options_.save);
  if (!checkpoint.can_resume)
    throw Error(fmt::format("{} holds weights alone; a training can start from them, but not go on", options_.save));
  auto all = state_.program().facts();
  all.insert(now.begin(), now.end());
  Comparison const comparison(options_.save, checkpoint.notes, all);
  comparison.check_names();
  state_.expect_same(Role::param, checkpoint.parameters, options_.save);
  state_.expect_same(Role::state, checkpoint.states, options_.save);
  state_.expect_same(Role::optimizer, checkpoint.optimizer, options_.save);
  comparison.check_rest();
  if (reads_steps() && !options_.replan) comparison.check_steps();
  if (state_.seed_was_asked && state_.seed != checkpoint.seed)
    throw Error(
        fmt::format("{} was written with seed = {}, now it is {}", options_.save, checkpoint.seed, state_.seed));
  for (auto const& line : comparison.remarks()) note(line);
  if (state_.seed != checkpoint.seed)
    note(fmt::format("it goes on with the seed {} of {}", checkpoint.seed, options_.save));
  take(checkpoint);
}

void Trainer::take(Checkpoint const& checkpoint) {
  state_.restore(Role::param, checkpoint.parameters, options_.save);
  state_.restore(Role::state, checkpoint.states, options_.save);
  state_.restore(Role::optimizer, checkpoint.optimizer, options_.save);
  state_.step = checkpoint.step;
  state_.epoch = checkpoint.epoch;
  state_.seed = checkpoint.seed;
  saved_step_ = checkpoint.step;
  auto const tally = checkpoint.notes.find("epoch");
  if (tally != checkpoint.notes.end()) epoch_tally_.read(tally->second, function_);
  if (state_.step >= plan_.steps)
    note(fmt::format("nothing is left to do: {} is at step {} of {}", options_.save, state_.step, plan_.steps));
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
  work.threads = team_.members();
  auto const start = Clock::now();
  auto const outcome = state_.call(function_, work);
  auto const seconds = seconds_since(start);
  if (!team_.trying()) pace_.took(outcome.steps, seconds);
  team_.took(static_cast<f64>(outcome.examples), seconds);
  after_slice(outcome, seconds);
}

void Trainer::after_slice(Outcome const& outcome, f64 seconds) {
  state_.step += outcome.steps;
  epoch_tally_.add(outcome);
  log_tally_.add(outcome);
  if (!trained_.bad_step) trained_.bad_step = outcome.first_bad_step;
  trained_.clamped += outcome.clamped;
  trained_.zero_divided += outcome.zero_divided;
  if (at_end_of_epoch()) state_.epoch = state_.step / plan_.per_epoch;
  save_what_is_due();
  if (options_.log_every > 0 && state_.step % options_.log_every == 0) log();
  if (!go_on(static_cast<f64>(outcome.examples) / std::max(seconds, 1e-9))) {
    trained_.stopped = true;
    save();
  }
  if (at_end_of_epoch()) end_of_epoch();
}

void Trainer::log() {
  if (options_.on_log) options_.on_log(milestone(log_tally_, log_start_));
  log_tally_.clear();
  log_start_ = Clock::now();
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
  auto reached = milestone(epoch_tally_, epoch_start_);
  if (validation_) {
    auto const reports = evaluate_section(state_, *validation_);
    reached.validation = reports.values;
    reached.validation_examples = reports.examples;
  }
  epoch_tally_.clear();
  epoch_start_ = Clock::now();
  if (options_.on_epoch) options_.on_epoch(reached);
  if (options_.log_every == 0 && options_.on_log) options_.on_log(reached);
}

// Are all weights and states? Looked at once after a step.
bool Trainer::is_finite() {
  if (checked_step_ == state_.step) return trained_.not_finite.empty();
  checked_step_ = state_.step;
  auto const bad = state_.not_finite();
  if (bad.empty()) {
    finite_step_ = state_.step;
    trained_.not_finite.clear();
    return true;
  }
  if (!trained_.not_finite.empty()) return false;
  trained_.not_finite = fmt::format("{} is not finite {}", bad, since_when());
  if (!options_.stop_on_bad) note(trained_.not_finite);
  return false;
}

std::string Trainer::since_when() const {
  if (finite_step_ < 0) return fmt::format("after step {}", state_.step);
  if (finite_step_ + 1 >= state_.step) return fmt::format("since step {}", state_.step);
  return fmt::format("since one of the steps {} to {}", finite_step_ + 1, state_.step);
}

void Trainer::save_what_is_due() {
  bool const asked = options_.save_every > 0 && state_.step % options_.save_every == 0;
  if (at_end_of_epoch()) is_finite();
  auto const pause = std::max(seconds_between_saves, save_seconds_ / largest_share_of_saving);
  if (asked || state_.step >= plan_.steps || (at_end_of_epoch() && seconds_since(last_save_) >= pause)) save();
}

// A training that ended as an error replaces nothing. Under stop_on_bad = false the weights alone decide.
void Trainer::save() {
  if (options_.save.empty() || saved_step_ == state_.step || failed() || !is_finite()) return;
  auto const start = Clock::now();
  try {
    write();
    saved_step_ = state_.step;
    ++trained_.saves;
    trained_.save_error.clear();
  } catch (Error const& error) { // a full disk may have room again before the training ends
    if (trained_.save_error.empty() && state_.step < plan_.steps)
      note(fmt::format("{}; the training goes on and tries it again", error.what()));
    trained_.save_error = error.what();
  }
  last_save_ = Clock::now();
  auto const took = last_save_ - start;
  save_seconds_ = std::chrono::duration<f64>(took).count();
  epoch_start_ += took; // speeds are those of the training
  log_start_ += took;
}

void Trainer::write() {
  keep_tally();
  save_checkpoint(options_.save, state_.checkpoint());
}

// In the middle of an epoch a checkpoint keeps what the reports were so far.
void Trainer::keep_tally() {
  if (at_end_of_epoch()) state_.training_facts.erase("epoch");
  else if (!epoch_tally_.empty()) state_.training_facts["epoch"] = epoch_tally_.text();
}

bool Trainer::goes_on() const { return state_.step < plan_.steps && !trained_.stopped && !failed(); }

Trained Trainer::run() {
  begin();
  if (state_.step < plan_.steps || saved_step_ < 0) train();
  trained_.step = state_.step;
  trained_.epoch = state_.epoch;
  trained_.saved = !options_.save.empty() && saved_step_ == state_.step;
  trained_.seconds = seconds_since(start_);
  return trained_;
}

void Trainer::train() {
  try {
    while (goes_on()) slice();
    keep_tally();
    if (!failed()) is_finite();
    save();
    if (!epoch_tally_.empty()) end_of_epoch();
  } catch (...) { // of a callback, most likely
    if (state_.step > trained_.first_step) save();
    throw;
  }
}

} // namespace

Trained Session::train(Data const& data, TrainOptions const& options) {
  return guarded(state_->program(), [&] {
    if (!state_->program().module().training)
      throw Error(Diagnostic{.at = state_->program().at(),
                             .message = "the program has no train block",
                             .help = "`train name { minimize loss with adam() }` says how to train"});
    return Trainer(*state_, data, options).run();
  });
}

} // namespace nnc
