// Training on a data set: epochs, slices, milestones, checkpoints.
//
// The compiled code runs a slice of steps at a time. A slice ends where somebody wants to look: after some tens of
// milliseconds, at the end of an epoch, before a last, smaller batch, at a checkpoint or a line of the log. The bits of
// the weights do not depend on where slices end: a step sees its number, its rows and the weights, nothing else.
//
// A checkpoint that is due is written before any callback hears of the slice: whoever listens may block or throw.
#include "runtime/bad_step.h"
#include "runtime/data_set.h"
#include "runtime/failure.h"
#include "runtime/feed.h"
#include "runtime/files.h"
#include "runtime/finite.h"
#include "runtime/identity.h"
#include "runtime/pursuits.h"
#include "runtime/rates.h"
#include "runtime/statistics.h"
#include "runtime/team_size.h"
#include "runtime/walk.h"

#include <fmt/core.h>

#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstdlib>
#include <optional>

namespace nnc {
namespace {

using Clock = std::chrono::steady_clock;

// At the ends of epochs checkpoints are at least so far apart, and writing them takes at most a tenth of the time.
constexpr f64 seconds_between_saves = 4;
constexpr f64 largest_share_of_saving = 0.1;
constexpr f64 seconds_between_batches = 0.02; // of which on_slice hears

f64 seconds_since(Clock::time_point start) { return std::chrono::duration<f64>(Clock::now() - start).count(); }

class Trainer {
public:
  Trainer(SessionState& state, std::shared_ptr<DataContents const> data, TrainOptions const& options)
      : state_(state), data_(std::move(data)), options_(options), training_(*state.program().module().training),
        feed_(feed_of(state, *data_, options)) {
    auto const& program = state.program();
    if (options.validation) validation_ = section_of(program, Inside::of(*options.validation), Part::all, true);
    else if (training_.validation > 0) validation_ = section_of(program, *data_, Part::validation, true);
    pursuits_.emplace(program, options, validation_.has_value());
    if (!validation_) expect_no_measured_rate();
  }

  Trained run();
  // A cancelled session ends this training, too.
  void heeds(SessionState const& other) { other_ = &other; }

private:
  void expect_no_measured_rate() const;
  void begin();
  Facts facts() const; // of the plan and the data; the program has its own
  std::optional<Checkpoint> checkpoint_to_resume() const;
  template <class Action>
  bool unless_cancelled(Action&&);
  void compare(Checkpoint const&) const;
  void learn_statistics();
  void check(Checkpoint const&, Facts const& now) const;
  TrainingPlace place_of(Checkpoint const&) const;
  i64 planned_steps() const;
  i64 planned_epochs() const;
  void take(Checkpoint const&);
  TrainingPlace place_in_data() const;
  bool look_the_same() const;
  void expect_work(TrainingPlace) const;
  void go_on_from(TrainingPlace);
  void set_goal(TrainingPlace);
  void prepare(TrainingPlace);
  void train();
  bool goes_on() const;
  void slice();
  i64 slice_steps() const;
  void finish_epoch();
  void next_epoch();
  void after_slice(Function const&, Outcome const&, f64 seconds);
  void explain(StateCopy const& before, Function const&, Work const&, Outcome const&);
  std::vector<std::string> columns() const; // behind the inputs of the program
  void log();
  bool go_on(f64 examples_per_second);
  void end_of_epoch();
  void judge(Reports const&, i64 epoch);
  void save_best();
  void catch_up();
  Milestone milestone(Tally const&, Clock::time_point since) const;
  bool is_finite();
  std::string since_when() const;
  void save_what_is_due();
  void save();
  void write();
  void keep_tally();
  void note(std::string const& line) const {
    if (options_.on_note) call_host(options_.on_note, line);
  }
  TrainingPlace const& place() const { return state_.place; }
  bool at_end_of_epoch() const { return place().offset == 0; }
  i64 last_epoch() const { return place().epoch + !at_end_of_epoch(); } // of the last step
  bool is_done() const { return goal_.reached(place()); }
  bool failed() const { return options_.stop_on_bad && (trained_.bad_step || !trained_.not_finite.empty()); }

  SessionState& state_;
  SessionState const* other_ = nullptr;
  std::shared_ptr<DataContents const> data_;
  TrainOptions const& options_;
  Training const& training_;
  std::unique_ptr<Feed> feed_;
  Goal goal_;
  std::optional<Section> validation_;

  Clock::time_point start_ = Clock::now(), epoch_begin_;
  Clock::time_point epoch_start_, log_start_; // without the time that saving took
  Rates const rates_{state_.program()};
  Clock::time_point heard_ = start_ - std::chrono::hours(1); // when on_slice was last called
  Tally epoch_tally_, log_tally_;
  Reports measured_; // over the validation split, the last time
  Pace pace_;
  std::optional<Pursuits> pursuits_; // made when it is known whether there is a validation split
  TeamSize team_{state_.threads_for(state_.train_step())};
  Clock::time_point last_save_ = start_;
  f64 save_seconds_ = 0; // that the last one took
  i64 saved_step_ = -1;
  i64 checked_step_ = -1, finite_step_ = -1; // where weights and states were looked at, and were last found finite
  Trained trained_;
};

// A schedule such as `plateau` would wait for a value that never comes.
void Trainer::expect_no_measured_rate() const {
  for (auto const& number : state_.numbers())
    if (number.name.starts_with(validation_prefix) && std::isinf(number.value))
      throw Error(
          Diagnostic{.message = fmt::format("an optimizer looks at '{}' over a validation split, and there is none",
                                            number.name.substr(validation_prefix.size())),
                     .help = "`validation = 5000` holds so many rows back, TrainOptions::validation takes a data set",
                     .code = Code::argument});
}

// What can be refused is refused before the session changes.
void Trainer::begin() {
  for (auto const& file : {options_.save, options_.save_best})
    if (!file.empty()) check_writable(file);
  auto const checkpoint = checkpoint_to_resume();
  auto const from = checkpoint ? place_of(*checkpoint) : place_in_data();
  set_goal(from);
  checkpoint ? compare(*checkpoint) : expect_work(from);
  auto const steps = planned_steps();
  prepare(from);
  if (checkpoint) take(*checkpoint);
  go_on_from(from);
  // As a checkpoint would tell, which does not know the data themselves.
  auto const judged = state_.training_facts.find("judged");
  if (judged != state_.training_facts.end() && look_the_same()) pursuits_->read(judged->second);
  state_.training_facts = facts();
  state_.encodings = data_->set.encodings;
  learn_statistics();
  state_.trained_on = data_;
  if (pursuits_->any()) state_.training_facts["judged"] = pursuits_->text();
  state_.scalar("steps") = static_cast<f64>(steps);
  trained_.first_step = place().step;
  trained_.examples = feed_->examples();
  epoch_begin_ = epoch_start_ = log_start_ = Clock::now();
  if (state_.not_finite().empty()) finite_step_ = place().step;
}

// Those of a file, of a host, or of an earlier training, stay.
void Trainer::learn_statistics() {
  if (state_.knows_data) return;
  auto const states = state_.tensors(Role::state);
  auto const wanted =
      std::ranges::find_if(states, [](auto const& kept) { return statistic_of(kept.name).has_value(); });
  if (wanted != states.end()) {
    if (data_->stream)
      throw Error(Diagnostic{.message = fmt::format("{} is a stream, whose '{}' nobody knows", data_->set.name, wanted->name),
                             .help = "Session::set_parameter says it",
                             .code = Code::data});
    set_statistics(state_, section_of(state_.program(), *data_, Part::train, true), data_->set);
  }
  state_.knows_data = true;
}

void Trainer::expect_work(TrainingPlace place) const {
  if (!goal_.reached(place) || place.step == 0) return;
  throw Error(Diagnostic{.at = {},
                         .message = fmt::format("nothing is left to do: the session has made {} steps and {} epochs",
                                                place.step, place.epoch),
                         .help = "TrainOptions::more_epochs and more_steps go on from there"});
}

void Trainer::go_on_from(TrainingPlace place) {
  state_.place = place;
  if (place.offset == 0) state_.training_pass.close();
  auto const tally = state_.training_facts.find("epoch");
  if (place.offset > 0 && tally != state_.training_facts.end()) epoch_tally_.read(tally->second);
}

// Do the data have the name, the columns and the numbers of examples of those of the last training?
bool Trainer::look_the_same() const {
  return std::ranges::all_of(facts(), [&](auto const& fact) {
    auto const& [key, value] = fact;
    auto const then = state_.training_facts.find(key);
    bool const is_plan = key == "steps" || key == "numbers";
    return is_plan || (then != state_.training_facts.end() && then->second == value);
  });
}

// Within an epoch a training goes on where the data are the same ones, or after a checkpoint, which knows no more, look
// the same; else a new epoch begins.
TrainingPlace Trainer::place_in_data() const {
  auto place = state_.place;
  if (place.offset == 0) return place;
  bool same = state_.trained_on && state_.trained_on->lock() == data_;
  if (!state_.trained_on) same = look_the_same();
  if (auto const per_epoch = feed_->steps_of_epoch(); per_epoch && place.offset >= *per_epoch) same = false;
  if (!same) place.offset = 0;
  return place;
}

void Trainer::set_goal(TrainingPlace place) { goal_ = goal_of(training_, options_, place, feed_->steps_of_epoch()); }

// For schedules, and for people.
i64 Trainer::planned_steps() const {
  if (goal_.steps) return *goal_.steps;
  if (state_.program().reads_steps())
    throw Error(Diagnostic{.at = {},
                           .message = "a schedule reads `steps`, and nobody says how many examples an epoch has",
                           .help = "StreamOptions::examples, or TrainOptions::steps"});
  return 0;
}

// A program that is made for each size of batch may be wrong for one of them, which is found out before anything is
// trained.
void Trainer::prepare(TrainingPlace place) {
  (void)unless_cancelled([&] {
    feed_->begin(place, goal_);
    if (validation_ && state_.program().is_for_one_batch() && !goal_.reached(place))
      prepare_evaluation_of(state_, *validation_);
  });
}

Facts Trainer::facts() const {
  auto facts = feed_->facts();
  facts["batch"] = std::to_string(training_.rows());
  facts["drop_last"] = training_.drop_last ? "true" : "false";
  if (goal_.steps) facts["steps"] = std::to_string(*goal_.steps);
  facts["numbers"] = numbers_text(state_.numbers());
  return facts;
}

// Nothing: it was not asked for, or there is no file.
std::optional<Checkpoint> Trainer::checkpoint_to_resume() const {
  if (!options_.resume) return std::nullopt;
  if (options_.save.empty()) throw Error("to resume, name the file that was saved");
  std::error_code error;
  if (!std::filesystem::exists(options_.save, error) && !error) {
    note(fmt::format("{} does not exist yet: the training begins", options_.save));
    return std::nullopt;
  }
  auto checkpoint = coded(Code::data, [&] { return load_checkpoint(options_.save); });
  if (!checkpoint.can_resume)
    throw Error(Code::data,
                fmt::format("{} holds weights alone; a training can start from them, but not go on", options_.save));
  return checkpoint;
}

void Trainer::compare(Checkpoint const& checkpoint) const {
  auto all = state_.program().facts();
  auto const now = facts();
  all.insert(now.begin(), now.end());
  coded(Code::data, [&] { check(checkpoint, all); });
  if (state_.seed != checkpoint.seed)
    note(fmt::format("it goes on with the seed {} of {}", checkpoint.seed, options_.save));
  if (auto const place = place_of(checkpoint); goal_.reached(place))
    note(fmt::format("nothing is left to do: {} is at step {} of {}", options_.save, place.step,
                     goal_.steps.value_or(place.step)));
}

void Trainer::check(Checkpoint const& checkpoint, Facts const& now) const {
  Comparison const comparison(options_.save, checkpoint.notes, now);
  comparison.check_names();
  state_.expect_same(Role::param, checkpoint.parameters, options_.save);
  state_.expect_same(Role::state, checkpoint.states, options_.save);
  state_.expect_same(Role::optimizer, checkpoint.optimizer, options_.save);
  comparison.check_rest();
  expect_same_names(state_.program(), checkpoint.encodings, data_->set);
  if (state_.program().reads_steps() && !options_.replan) comparison.check_steps();
  if (state_.seed_was_asked && state_.seed != checkpoint.seed)
    throw Error(
        fmt::format("{} was written with seed = {}, now it is {}", options_.save, checkpoint.seed, state_.seed));
  for (auto const& line : comparison.remarks()) note(line);
}

void Trainer::take(Checkpoint const& checkpoint) {
  state_.take(checkpoint, options_.save);
  saved_step_ = checkpoint.step;
  if (auto const numbers = checkpoint.notes.find("numbers"); numbers != checkpoint.notes.end())
    for (auto const& number : numbers_of(numbers->second)) // which nobody but the training gives
      if (number.name.starts_with(validation_prefix) && state_.is_scalar(number.name))
        state_.scalar(number.name) = number.value;
}

// A file of an earlier release was written by a training on one data set alone.
TrainingPlace Trainer::place_of(Checkpoint const& checkpoint) const {
  TrainingPlace place{checkpoint.step, checkpoint.epoch, checkpoint.offset.value_or(0)};
  if (!checkpoint.offset)
    if (auto const per_epoch = feed_->steps_of_epoch()) place.offset = checkpoint.step % *per_epoch;
  if (auto const per_epoch = feed_->steps_of_epoch(); per_epoch && place.offset >= *per_epoch)
    throw Error(Code::data, fmt::format("{} was written behind step {} of an epoch, which has {}", options_.save,
                                        place.offset, *per_epoch));
  return place;
}

i64 Trainer::slice_steps() const {
  i64 steps = pace_.steps();
  if (goal_.steps) steps = std::min(steps, *goal_.steps - place().step);
  auto const until_multiple = [&](i64 every) { return every - place().step % every; };
  if (auto const left = state_.program().left_of_phase(place().step)) steps = std::min(steps, *left);
  if (options_.save_every > 0) steps = std::min(steps, until_multiple(options_.save_every));
  if (options_.log_every > 0) steps = std::min(steps, until_multiple(options_.log_every));
  return steps;
}

void Trainer::slice() {
  auto work = feed_->slice(place(), slice_steps());
  if (state_.is_cancelled()) {
    trained_.stopped = true;
    return;
  }
  if (work.steps == 0) return finish_epoch();
  state_.scalar("epoch") = static_cast<f64>(place().epoch + 1);
  work.first_step = place().step + 1;
  work.stop_on_bad = options_.stop_on_bad;
  work.threads = team_.members();
  auto const& function = state_.train_step();
  auto const start = Clock::now();
  Outcome outcome;
  std::optional<StateCopy> before;
  if (options_.explain_bad && !state_.bad) before.emplace(state_);
  if (!unless_cancelled([&] { outcome = state_.call(function, work); })) return;
  auto const seconds = seconds_since(start);
  if (before && (outcome.first_bad_step || !state_.not_finite().empty())) explain(*before, function, work, outcome);
  if (!team_.trying()) pace_.took(outcome.steps, seconds);
  team_.took(static_cast<f64>(outcome.examples), seconds);
  after_slice(function, outcome, seconds);
}

// The slice is made again, a step at a time, up to the first behind which something is not finite. Then all is as it
// was behind the slice.
void Trainer::explain(StateCopy const& before, Function const& function, Work const& slice, Outcome const& outcome) {
  StateCopy const behind(state_);
  before.put_back(state_);
  auto const heed = [this] {
    state_.expect_not_cancelled();
    if (other_) other_->expect_not_cancelled();
  };
  (void)unless_cancelled([&] {
    for (i64 i = 0; i < outcome.steps && !state_.bad; ++i) {
      StateCopy const now(state_);
      Work step = slice;
      step.first_step += i;
      step.rows += i * slice.batch;
      step.steps = 1;
      bool const bad_loss = state_.call(function, step).first_bad_step > 0;
      auto const bad = bad_loss ? "" : state_.not_finite();
      if (!bad_loss && bad.empty()) continue;
      std::vector<std::string> all;
      for (auto const role : {Role::param, Role::state, Role::optimizer})
        for (auto const& kept : state_.tensors(role))
          if (!nnc::is_finite(kept.tensor)) all.push_back(kept.name);
      now.put_back(state_);
      state_.bad = nnc::explain(state_, {.function = function,
                                         .work = step,
                                         .epoch = place().epoch + 1,
                                         .columns = columns(),
                                         .is_stream = feed_->is_stream(),
                                         .is_first = step.first_step == trained_.first_step + 1,
                                         .bad = bad,
                                         .all = all,
                                         .between = heed});
    }
  });
  behind.put_back(state_);
}

std::vector<std::string> Trainer::columns() const {
  auto const& program = state_.program();
  auto const bound = data_->stream ? bind_columns(program, data_->set.train, data_->set.name, true)
                                   : section_of(program, *data_, Part::train, true).columns;
  std::vector<std::string> names;
  for (auto const* column : bound) names.push_back(column ? column->name : "");
  return names;
}

void Trainer::after_slice(Function const& function, Outcome const& outcome, f64 seconds) {
  state_.is_fresh = false;
  state_.place.step += outcome.steps;
  state_.place.offset += outcome.steps;
  epoch_tally_.add(function, outcome);
  log_tally_.add(function, outcome);
  if (!trained_.bad_step) trained_.bad_step = outcome.first_bad_step;
  trained_.clamped += outcome.clamped;
  trained_.zero_divided += outcome.zero_divided;
  if (state_.bad && !outcome.first_bad_step) is_finite();
  if (feed_->at_end(place())) next_epoch();
  save_what_is_due();
  if (options_.log_every > 0 && place().step % options_.log_every == 0) log();
  if (!go_on(static_cast<f64>(outcome.examples) / std::max(seconds, 1e-9))) {
    trained_.stopped = true;
    save();
  }
  if (at_end_of_epoch()) end_of_epoch();
}

void Trainer::next_epoch() {
  ++state_.place.epoch;
  state_.place.offset = 0;
  state_.training_pass.close();
}

// False: cancelled, while code was made or examples were evaluated; then the training stops here.
template <class Action>
bool Trainer::unless_cancelled(Action&& action) {
  try {
    action();
    return true;
  } catch (Error const& error) {
    if (!is_cancelled(error)) throw;
    trained_.stopped = true;
    return false;
  }
}

// A stream may say only behind its last whole batch that the epoch has ended.
void Trainer::finish_epoch() {
  if (at_end_of_epoch()) return;
  next_epoch();
  save_what_is_due();
  end_of_epoch();
}

void Trainer::log() {
  keep_tally();
  auto reached = milestone(log_tally_, log_start_);
  reached.validation = measured_.values;
  reached.validation_examples = measured_.examples;
  if (options_.on_log) call_host(options_.on_log, reached);
  log_tally_.clear();
  log_start_ = Clock::now();
}

// Batches of a stream are slices, however short they are: whoever listens hears of them from time to time.
bool Trainer::go_on(f64 examples_per_second) {
  if (state_.is_cancelled() || (other_ && other_->is_cancelled())) return false;
  if (!options_.on_slice) return true;
  if (feed_->is_stream() && !is_done() && seconds_since(heard_) < seconds_between_batches) return true;
  heard_ = Clock::now();
  Progress progress;
  progress.epoch = last_epoch();
  progress.epochs = planned_epochs();
  progress.step = place().step;
  progress.steps = goal_.steps.value_or(0);
  progress.done = epoch_tally_.examples();
  progress.examples = feed_->examples();
  progress.values = epoch_tally_.values();
  progress.seconds = seconds_since(start_);
  progress.examples_per_second = examples_per_second;
  keep_tally();
  return call_host(options_.on_slice, progress);
}

Milestone Trainer::milestone(Tally const& tally, Clock::time_point since) const {
  Milestone milestone;
  milestone.rates = rates_.after_step(state_);
  milestone.seconds_of_epoch = seconds_since(epoch_begin_);
  milestone.epoch = last_epoch();
  milestone.step = place().step;
  milestone.values = tally.values();
  milestone.tables = tally.tables();
  name_rows(milestone.tables, data_->set.class_names);
  milestone.seconds = seconds_since(start_);
  milestone.examples_per_second = static_cast<f64>(tally.examples()) / std::max(seconds_since(since), 1e-9);
  return milestone;
}

// Also called for the last, unfinished epoch.
void Trainer::end_of_epoch() {
  auto reached = milestone(epoch_tally_, epoch_start_);
  if (validation_)
    (void)unless_cancelled([&] {
      measured_ = evaluate_section(state_, *validation_);
      reached.validation = measured_.values;
      reached.validation_tables = measured_.tables;
      reached.validation_examples = measured_.examples;
      judge(measured_, reached.epoch);
    });
  keep_tally();
  epoch_tally_.clear();
  epoch_begin_ = epoch_start_ = Clock::now();
  if (options_.on_epoch) call_host(options_.on_epoch, reached);
  if (options_.log_every == 0 && options_.on_log) call_host(options_.on_log, reached);
}

// What the epoch means for the aims, and for schedules that look at the validation split.
void Trainer::judge(Reports const& reports, i64 epoch) {
  for (auto const& number : reports.values)
    if (auto const name = std::string(validation_prefix) + number.name; state_.is_scalar(name))
      state_.scalar(name) = number.value;
  bool const best = pursuits_->judge(reports.values, epoch);
  state_.training_facts["judged"] = pursuits_->text();
  if (best) save_best();
}

void Trainer::save_best() {
  if (options_.save_best.empty() || failed() || !is_finite()) return;
  try {
    keep_tally();
    save_checkpoint(options_.save_best, state_.checkpoint());
    trained_.best_error.clear();
  } catch (Error const& error) {
    note(error.what());
    trained_.best_error = error.what();
  }
}

// A checkpoint at the end of an epoch is written before the epoch is judged.
void Trainer::catch_up() {
  bool const looks = pursuits_->any() || std::ranges::any_of(state_.numbers(), [](Number const& n) {
                       return n.name.starts_with(validation_prefix);
                     });
  if (!looks || !validation_ || !at_end_of_epoch() || place().epoch <= pursuits_->judged_epoch()) return;
  (void)unless_cancelled([&] { judge(evaluate_section(state_, *validation_), place().epoch); });
}

// Are all weights and states? Looked at once after a step.
bool Trainer::is_finite() {
  if (checked_step_ == place().step) return trained_.not_finite.empty();
  checked_step_ = place().step;
  auto const bad = state_.not_finite();
  if (bad.empty()) {
    finite_step_ = place().step;
    trained_.not_finite.clear();
    return true;
  }
  if (!trained_.not_finite.empty()) return false;
  trained_.not_finite = fmt::format("{} is not finite {}", bad, since_when());
  if (!options_.stop_on_bad) note(trained_.not_finite);
  return false;
}

std::string Trainer::since_when() const {
  if (state_.bad) return fmt::format("since step {}", state_.bad->step);
  if (finite_step_ < 0) return fmt::format("after step {}", place().step);
  if (finite_step_ + 1 >= place().step) return fmt::format("since step {}", place().step);
  return fmt::format("since one of the steps {} to {}", finite_step_ + 1, place().step);
}

void Trainer::save_what_is_due() {
  bool const asked = options_.save_every > 0 && place().step % options_.save_every == 0;
  if (at_end_of_epoch()) is_finite();
  auto const pause = std::max(seconds_between_saves, save_seconds_ / largest_share_of_saving);
  if (asked || is_done() || (at_end_of_epoch() && seconds_since(last_save_) >= pause)) save();
}

// A training that ended as an error replaces nothing. Under stop_on_bad = false the weights alone decide.
void Trainer::save() {
  if (options_.save.empty() || saved_step_ == place().step || failed() || !is_finite()) return;
  auto const start = Clock::now();
  try {
    write();
    saved_step_ = place().step;
    ++trained_.saves;
    trained_.save_error.clear();
  } catch (Error const& error) { // a full disk may have room again before the training ends
    if (trained_.save_error.empty() && !is_done())
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

// In the middle of an epoch a checkpoint, also one that a callback makes, keeps what the reports were so far.
void Trainer::keep_tally() {
  if (at_end_of_epoch()) state_.training_facts.erase("epoch");
  else if (!epoch_tally_.empty()) state_.training_facts["epoch"] = epoch_tally_.text();
}

// Epochs in total; 0 where that is not known.
i64 Trainer::planned_epochs() const {
  if (goal_.epochs) return *goal_.epochs;
  auto const per_epoch = feed_->steps_of_epoch();
  if (!per_epoch || !goal_.steps) return 0;
  i64 const left = std::max<i64>(0, *goal_.steps - place().step) + place().offset;
  return place().epoch + left / *per_epoch + (left % *per_epoch != 0);
}

bool Trainer::goes_on() const {
  return !is_done() && !trained_.stopped && !failed() && !pursuits_->is_out_of_patience();
}

Trained Trainer::run() {
  begin();
  if (!is_done() || saved_step_ < 0) train();
  trained_.step = place().step;
  trained_.epoch = place().epoch;
  trained_.saved = !options_.save.empty() && saved_step_ == place().step;
  trained_.seconds = seconds_since(start_);
  pursuits_->tell(trained_);
  return trained_;
}

void Trainer::train() {
  try {
    catch_up();
    while (goes_on()) slice();
    keep_tally();
    if (!failed()) is_finite();
    // A training that was cancelled before its first step replaces nothing.
    if (place().step > trained_.first_step || !trained_.stopped) save();
    if (!epoch_tally_.empty()) end_of_epoch();
  } catch (...) { // of a callback, most likely
    keep_tally();
    if (place().step > trained_.first_step) save();
    throw;
  }
}

// Nothing: it does not begin with the weights of the seed, or its batches come once.
std::optional<Repeatable> repeatable(SessionState const& state, std::shared_ptr<DataContents const> const& data,
                                     TrainOptions const& options) {
  bool const resumes = options.resume && std::filesystem::exists(options.save);
  if (!state.is_fresh || resumes || data->stream) return std::nullopt;
  Repeatable training{.data = data, .options = {}, .numbers = {}, .seed = state.seed};
  auto& how = training.options;
  how.epochs = options.epochs, how.steps = options.steps;
  how.more_epochs = options.more_epochs, how.more_steps = options.more_steps;
  how.shuffle = options.shuffle;
  how.validation = options.validation;
  how.best = options.best, how.patience = options.patience;
  how.stop_on_bad = options.stop_on_bad;
  how.explain_bad = true;
  for (auto const& number : state.numbers()) training.numbers[number.name] = number.value;
  return training;
}

// In a session of its own.
BadStep explained_anew(SessionState& state) {
  auto const refuse = [](char const* why) {
    throw Error(Diagnostic{.message = fmt::format("the failing step cannot be made again: {}", why),
                           .help = "a training with TrainOptions::explain_bad keeps what is needed"});
  };
  if (state.bad_at == 0) throw Error("no loss, weight or state of the last training stopped being finite");
  if (!state.repeatable)
    refuse("the training did not begin with the weights of the seed, or its data are a stream");
  auto const& options = state.repeatable->options;
  SessionState again(state.shared_program(), {.threads = state.team().members(), .seed = state.repeatable->seed});
  for (auto const& [name, value] : state.repeatable->numbers) again.scalar(name) = value;
  SessionState::Running const running(again);
  SessionState::Training const training(again);
  Trainer trainer(again, state.repeatable->data, options);
  trainer.heeds(state);
  (void)trainer.run();
  state.expect_not_cancelled();
  if (!again.bad || again.bad->step > state.bad_at)
    refuse("made again from the seed the training does not fail there, so its weights or numbers were changed");
  return *again.bad;
}

} // namespace

Trained Session::train(Data const& data, TrainOptions const& options) {
  return guarded(state_->program(), [&] {
    state_->expect_own_weights("train");
    state_->program().expect_training();
    SessionState::Running const running(*state_);
    SessionState::Training const training(*state_);
    auto contents = Inside::shared(data);
    state_->bad.reset();
    state_->bad_at = 0;
    state_->repeatable.reset();
    auto began = repeatable(*state_, contents, options);
    auto const trained = Trainer(*state_, std::move(contents), options).run();
    if (trained.bad_step || !trained.not_finite.empty()) {
      state_->bad_at = trained.bad_step ? trained.bad_step : trained.step;
      state_->repeatable = std::move(began);
    }
    return trained;
  });
}

BadStep Session::explain_bad() {
  return guarded(state_->program(), [&] {
    SessionState::Running const running(*state_);
    state_->expect_own_weights("explain_bad");
    if (!state_->bad) state_->bad = explained_anew(*state_);
    return *state_->bad;
  });
}

} // namespace nnc
