#include "runtime/feed.h"

#include "runtime/data_set.h"
#include "runtime/failure.h"
#include "runtime/random.h"
#include "runtime/stream.h"
#include "runtime/walk.h"

#include <fmt/ranges.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <map>

namespace nnc {
namespace {

// As many steps as nobody will ever wait for are still a number.
i64 steps_of(i64 epochs, i64 per_epoch) {
  return std::min(epochs, std::numeric_limits<i64>::max() / 2 / per_epoch) * per_epoch;
}

std::optional<i64> least(std::optional<i64> a, std::optional<i64> b) { return a && b ? std::min(*a, *b) : a ? a : b; }

// "x: u8[batch,28,28] from image, label: i32[batch]"
std::string columns_text(CompiledProgram const& program, std::vector<NamedTensor const*> const& columns) {
  std::string text;
  for (size_t i = 0; i < columns.size(); ++i) {
    auto const& input = program.inputs()[i];
    auto const* column = columns[i];
    if (!column) continue;
    text += fmt::format("{}{}: {}", text.empty() ? "" : ", ", input.name, input.type.text());
    if (column->name != input.name) text += fmt::format(" from {}", column->name);
  }
  return text;
}

// The numbers of a column of one each, of its first rows.
std::vector<f64> numbers_in(HostTensor const& column, i64 rows) {
  auto const all = [&]<class T>(T) {
    auto const elements = column.as<T>().first(static_cast<size_t>(rows));
    return std::vector<f64>(elements.begin(), elements.end());
  };
  switch (column.dtype()) {
  case DType::f64: return all(f64{});
  case DType::f32: return all(f32{});
  case DType::i64: return all(i64{});
  case DType::i32: return all(i32{});
  case DType::i8: return all(i8{});
  case DType::u8:
  case DType::bool_: return all(u8{});
  default: return {};
  }
}

// "sample" or "balance" and the column; nothing where all rows of an epoch come once.
std::pair<std::string, std::string> drawn_by(Training const& training) {
  for (std::string const setting : {"sample", "balance"})
    if (training.order.starts_with(setting + " ")) return {setting, training.order.substr(setting.size() + 1)};
  return {};
}

// How the rows of an epoch are drawn with replacement, where the train block says so.
class Draws {
public:
  Draws(CompiledProgram const&, Dataset const&, Section const&, bool shuffles);
  bool any() const { return !weights_.empty() || !classes_.empty(); }
  std::vector<i32> rows(u64 seed, i64 epoch) const {
    return weights_.empty() ? balanced_rows(classes_, seed, epoch) : sampled_rows(weights_, seed, epoch);
  }

private:
  std::vector<f64> weights_;
  std::vector<std::vector<i32>> classes_; // rows, in the order of the labels
};

// The column of this name, or that of the input of this name.
NamedTensor const& column_for(std::string const& setting, std::string const& name, CompiledProgram const& program,
                              Dataset const& set, Section const& section) {
  auto const& columns = section.windows ? section.windows->columns : set.train.columns;
  auto const* column = named(columns, name);
  for (size_t i = 0; !column && i < section.columns.size(); ++i)
    if (program.inputs()[i].name == name) column = section.columns[i];
  std::vector<std::string> names;
  for (auto const& known : columns) names.push_back(known.name);
  if (!column) {
    Diagnostic problem{.message = fmt::format("{} = \"{}\", and {} has no such column", setting, name, set.name),
                       .help = fmt::format("it has {}", fmt::join(names, ", ")),
                       .code = Code::data};
    if (auto const near = nearest(name, names); !near.empty()) problem.help = fmt::format("did you mean '{}'?", near);
    throw Error(problem);
  }
  auto const dtype = column->tensor.dtype();
  if (column->tensor.shape().size() != 1 || dtype == DType::f16 || dtype == DType::bf16)
    throw Error(Code::data, fmt::format("{} = \"{}\": the column is {}, expected one number for each example", setting,
                                        name, column->tensor.type_text()));
  return *column;
}

Draws::Draws(CompiledProgram const& program, Dataset const& set, Section const& section, bool shuffles) {
  auto const [setting, name] = drawn_by(*program.module().training);
  if (name.empty()) return;
  bool const weighs = setting == "sample";
  if (!shuffles)
    throw Error(
        Code::argument,
        fmt::format("{} draws rows, and TrainOptions::shuffle = false takes them in the order of the file", setting));
  auto const& column = column_for(setting, name, program, set, section);
  auto numbers = numbers_in(column.tensor, section.examples);
  if (!weighs) {
    if (is_float(column.tensor.dtype()))
      throw Error(Code::data, fmt::format("balance = \"{}\": the column is {}, expected labels, which are integers",
                                          name, column.tensor.type_text()));
    std::map<f64, std::vector<i32>> members;
    for (size_t row = 0; row < numbers.size(); ++row) members[numbers[row]].push_back(static_cast<i32>(row));
    for (auto& [label, rows] : members) classes_.push_back(std::move(rows));
    return;
  }
  f64 sum = 0;
  for (size_t row = 0; row < numbers.size(); ++row) {
    if (!std::isfinite(numbers[row]) || numbers[row] < 0)
      throw Error(Code::data, fmt::format("sample = \"{}\": row {} of the column is {}, expected a number from 0 on",
                                          name, row, numbers[row]));
    sum += numbers[row];
  }
  if (!(sum > 0) || !std::isfinite(sum))
    throw Error(Code::data, fmt::format("sample = \"{}\": the {} training rows of the column sum to {}, expected a "
                                        "number above 0",
                                        name, numbers.size(), sum));
  weights_ = std::move(numbers);
}

class SetFeed final : public Feed {
public:
  SetFeed(SessionState& state, DataContents const& data, TrainOptions const& options)
      : state_(state), set_(data.set), section_(section_of(state.program(), data, Part::train, true)) {
    auto const& training = *state.program().module().training;
    batch_ = training.rows();
    shuffles_ = options.shuffle && training.order == "shuffle";
    streams_ = training.order == "stream";
    draws_.emplace(state.program(), set_, section_, options.shuffle);
    order_ = draws_->any() ? training.order : streams_ ? "stream" : shuffles_ ? "shuffle" : "file";
    if (batch_ > section_.examples)
      throw Error(Code::data, fmt::format("a batch of {} is larger than {}, which has {} training examples", batch_,
                                          set_.name, section_.examples));
    whole_ = section_.examples / batch_;
    drops_last_ = training.drop_last || streams_ || state.carries_batch();
    parts_ = training.accumulate;
    per_epoch_ = whole_ + (!drops_last_ && section_.examples % batch_ >= parts_);
  }

  i64 examples() const override { return section_.examples; }
  std::optional<i64> steps_of_epoch() const override { return per_epoch_; }
  Facts facts() const override {
    return {{"columns", columns_text(state_.program(), section_.columns)},
            {"data", set_.name},
            {"examples", std::to_string(section_.examples)},
            {"validation", std::to_string(held_back(state_.program(), set_))},
            {"order", order_}};
  }

  void begin(TrainingPlace place, Goal const& goal) override {
    auto const& program = state_.program();
    if (!program.is_for_one_batch()) return;
    auto const* flag = state_.cancel_flag();
    for (i64 const offset : {i64{0}, whole_}) { // of the first step of either size
      TrainingPlace next = place;
      next.step += (offset + per_epoch_ - place.offset) % per_epoch_;
      if (offset < per_epoch_ && !goal.reached(next))
        program.variant(batch_at(offset) / parts_, flag).prepare(program.train_steps(), flag);
    }
  }

  Work slice(TrainingPlace place, i64 steps) override {
    enter(place.epoch + 1);
    Work work;
    work.columns = pointers_of(section_.columns);
    work.rows = rows_.data() + place.offset * batch_;
    work.batch = batch_at(place.offset);
    work.examples = section_.column_length;
    work.steps = place.offset < whole_ ? std::min(steps, whole_ - place.offset) : 1; // the last, smaller batch is alone
    return work;
  }
  bool at_end(TrainingPlace place) override { return place.offset >= per_epoch_; }

private:
  // The parts of a step have equal numbers of rows: of a last, smaller one the rows that are left over stay out.
  i64 batch_at(i64 offset) const {
    return offset < whole_ ? batch_ : (section_.examples - whole_ * batch_) / parts_ * parts_;
  }
  void enter(i64 epoch) {
    if (rows_epoch_ == epoch) return;
    rows_ = draws_->any() ? draws_->rows(state_.seed, epoch)
            : shuffles_   ? shuffled_rows(section_.examples, state_.seed, epoch)
            : streams_    ? rows_of_stream(section_.examples, batch_)
                          : rows_in_order(section_.examples);
    rows_epoch_ = epoch;
  }

  SessionState& state_;
  Dataset const& set_;
  Section section_;
  i64 batch_ = 0, parts_ = 1;     // rows of a step, and in how many parts
  i64 whole_ = 0, per_epoch_ = 0; // steps of an epoch with a whole batch, and all
  std::optional<Draws> draws_;
  std::string order_;
  bool shuffles_ = false, streams_ = false, drops_last_ = false;
  std::vector<i32> rows_; // of the epoch that is running
  i64 rows_epoch_ = 0;
};

class StreamFeed final : public Feed {
public:
  StreamFeed(SessionState& state, DataContents const& data)
      : state_(state), data_(data), training_(*state.program().module().training),
        columns_(
            coded(Code::data, [&] { return bind_columns(state.program(), data.set.train, data.set.name, true); })) {
    if (auto const [setting, column] = drawn_by(training_); !column.empty())
      throw Error(Code::data, fmt::format("{} = \"{}\", but nothing can be drawn from the stream {}", setting, column,
                                          data.set.name));
    if (training_.window > 0)
      throw Error(Code::data, fmt::format("window = {}, but the batches of the stream {} are examples already",
                                          training_.window, data.set.name));
    if (training_.validation > 0)
      throw Error(Diagnostic{.at = {},
                             .message = fmt::format("validation = {}, but nothing can be held back of the stream {}",
                                                    training_.validation, data.set.name),
                             .help = "TrainOptions::validation takes a data set",
                             .code = Code::data});
  }

  i64 examples() const override { return data_.set.train.examples; }
  std::optional<i64> steps_of_epoch() const override {
    i64 const batch = training_.rows();
    if (examples() == 0) return std::nullopt;
    return std::max<i64>(1, examples() / batch + (!training_.drop_last && !state_.carries_batch() &&
                                                  examples() % batch >= training_.accumulate));
  }
  Facts facts() const override {
    Facts facts{{"columns", columns_text(state_.program(), columns_)}, {"data", data_.set.name}, {"order", "stream"}};
    if (examples() > 0) facts["examples"] = std::to_string(examples());
    return facts;
  }
  void begin(TrainingPlace place, Goal const& goal) override {
    goal_ = goal;
    auto const* flag = state_.cancel_flag();
    if (!goal.reached(place))
      state_.program().variant(training_.batch, flag).prepare(state_.program().train_steps(), flag);
  }

  Work slice(TrainingPlace place, i64) override {
    Work work;
    work.steps = 0;
    ended_ = false;
    if (!reader_ || epoch_ != place.epoch) open(place);
    auto const* batch = reader_->next();
    i64 const least = training_.drop_last || state_.carries_batch() ? training_.rows() : training_.accumulate;
    if (!batch || batch->rows < least) {
      if (batch && place.offset == 0)
        throw Error(Code::data, fmt::format("epoch {} of {} has no whole batch of {} examples", place.epoch + 1,
                                            data_.set.name, training_.rows()));
      ended_ = !state_.is_cancelled();
      if (ended_) check_length(place);
      return work;
    }
    if (auto const all = steps_of_epoch(); all && place.offset >= *all) refuse_length(place, "goes on");
    check_limits(state_.program(), batch->columns, 0, batch->rows,
                 fmt::format("batch {} of epoch {} of {}: ", place.offset, place.epoch + 1, data_.set.name));
    work.columns = pointers_of(batch->columns);
    work.rows = reader_->rows();
    work.examples = batch->rows;
    work.batch = batch->rows / training_.accumulate * training_.accumulate; // as in a set
    work.steps = 1;
    return work;
  }

  // The next batch is waited for, but where no step will take it.
  bool at_end(TrainingPlace place) override {
    if (ended_) return true;
    bool const last = goal_.steps && place.step >= *goal_.steps;
    bool const ends = last ? reader_->was_last() : reader_->at_end();
    if (ends) check_length(place);
    return ends || (last && steps_of_epoch() == place.offset);
  }
  bool is_stream() const override { return true; }

private:
  // Totals are planned, and checkpoints are read, by the number of examples that the stream was said to have.
  void check_length(TrainingPlace end) const {
    if (auto const all = steps_of_epoch(); all && end.offset < *all) refuse_length(end, "ends");
  }
  [[noreturn]] void refuse_length(TrainingPlace at, char const* how) const {
    throw Error(Code::data, fmt::format("epoch {} of {} {} after {} batches of {}: StreamOptions::examples says {}",
                                        at.epoch + 1, data_.set.name, how, at.offset, training_.rows(), examples()));
  }
  void open(TrainingPlace place) {
    reader_.reset();
    auto const most = goal_.steps ? std::optional(*goal_.steps - place.step) : std::nullopt;
    reader_ = std::make_unique<BatchReader>(state_, data_, training_.rows(), place.epoch + 1, place.offset, most);
    epoch_ = place.epoch;
  }

  SessionState& state_;
  DataContents const& data_;
  Training const& training_;
  std::vector<NamedTensor const*> columns_;
  Goal goal_;
  std::unique_ptr<BatchReader> reader_; // of the epoch that is running
  i64 epoch_ = -1;
  bool ended_ = false;
};

} // namespace

std::unique_ptr<Feed> feed_of(SessionState& state, DataContents const& data, TrainOptions const& options) {
  if (data.stream) return std::make_unique<StreamFeed>(state, data);
  return std::make_unique<SetFeed>(state, data, options);
}

Goal goal_of(Training const& training, TrainOptions const& options, TrainingPlace place,
             std::optional<i64> steps_of_epoch) {
  for (auto const& [count, what] :
       {std::pair(options.steps, "steps"), std::pair(options.epochs, "epochs"),
        std::pair(options.more_steps, "more steps"), std::pair(options.more_epochs, "more epochs"),
        std::pair(std::optional(options.save_every), "steps between saves"),
        std::pair(std::optional(options.log_every), "steps between lines of the log")})
    if (count && *count < 0) throw Error(fmt::format("{} {}: expected at least 0", *count, what));
  bool const more = options.more_steps || options.more_epochs;
  if (more && (options.steps || options.epochs))
    throw Error("totals and more of them: expected steps and epochs, or more_steps and more_epochs");
  Goal goal;
  constexpr i64 most = std::numeric_limits<i64>::max() / 2;
  if (options.more_steps) goal.steps = place.step + std::min(*options.more_steps, most);
  // The rest of an epoch of unknown length may be nothing: what comes on top begins behind it.
  bool const rest = place.offset > 0 && !steps_of_epoch;
  if (options.more_epochs) goal.epochs = place.epoch + rest + std::min(*options.more_epochs, most);
  if (!more) goal = {options.steps, options.epochs};
  if (!goal.steps && !goal.epochs) {
    if (training.steps > 0) goal.steps = training.steps;
    else goal.epochs = training.epochs;
  }
  if (goal.epochs && steps_of_epoch) { // the running epoch began `offset` steps ago
    i64 const begin = place.step - place.offset, epochs = *goal.epochs - place.epoch;
    i64 const steps = epochs > 0 ? begin + steps_of(epochs, *steps_of_epoch) : place.step;
    goal = {.steps = least(goal.steps, options.more_epochs ? steps + place.offset : steps), .epochs = {}};
  }
  return goal;
}

} // namespace nnc
