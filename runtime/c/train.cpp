// Training on a data set by the C API.
#include "runtime/c/handles.h"
#include "runtime/c/structs.h"

namespace nnc::c {
namespace {

nnc_progress shown(Progress const& progress, Numbers const& values) {
  return {sizeof(nnc_progress),
          progress.epoch,
          progress.epochs,
          progress.step,
          progress.steps,
          progress.done,
          progress.examples,
          values.data(),
          values.size(),
          progress.seconds,
          progress.examples_per_second};
}

nnc_milestone shown(Milestone const& milestone, Numbers const& values, Numbers const& validation, Numbers const& rates,
                    Tables const& tables, Tables const& validation_tables) {
  return {sizeof(nnc_milestone),
          milestone.epoch,
          milestone.step,
          values.data(),
          values.size(),
          validation.data(),
          validation.size(),
          milestone.validation_examples,
          milestone.seconds,
          milestone.examples_per_second,
          milestone.seconds_of_epoch,
          rates.data(),
          rates.size(),
          tables.data(),
          tables.size(),
          validation_tables.data(),
          validation_tables.size()};
}

nnc_trained shown(Trained const& trained) {
  return {sizeof(nnc_trained),
          trained.first_step,
          trained.step,
          trained.epoch,
          trained.examples,
          trained.stopped,
          trained.bad_step,
          trained.not_finite.c_str(),
          trained.saved,
          trained.saves,
          trained.save_error.c_str(),
          trained.clamped,
          trained.zero_divided,
          trained.seconds,
          trained.best_epoch,
          trained.best_value,
          trained.best_error.c_str(),
          trained.out_of_patience};
}

static_assert(NNC_CAUSE_OPERATION == static_cast<int>(BadStep::Cause::operation) &&
              NNC_CAUSE_DATA == static_cast<int>(BadStep::Cause::data) &&
              NNC_CAUSE_WEIGHT == static_cast<int>(BadStep::Cause::weight) &&
              NNC_CAUSE_LITERAL == static_cast<int>(BadStep::Cause::literal) &&
              NNC_CAUSE_ROUNDING == static_cast<int>(BadStep::Cause::rounding));

nnc_bad_step shown(BadStep const& bad) {
  return {sizeof(nnc_bad_step),
          bad.step,
          bad.epoch,
          bad.bad.c_str(),
          static_cast<std::int64_t>(bad.cause),
          bad.name.c_str(),
          bad.part.c_str(),
          bad.at.file.c_str(),
          bad.at.line,
          bad.at.column,
          bad.index.data(),
          count_of(bad.index),
          bad.example,
          bad.value,
          bad.text.c_str()};
}

using OnMilestone = std::int32_t (*)(void*, nnc_milestone const*);

Callback<void(Milestone const&)> milestone_callback(OnMilestone call, void* user, char const* name) {
  if (!call) return {};
  return [=](Milestone const& milestone) {
    Numbers const values(milestone.values), validation(milestone.validation), rates(milestone.rates);
    Tables const tables(milestone.tables), validation_tables(milestone.validation_tables);
    auto const seen = shown(milestone, values, validation, rates, tables, validation_tables);
    expect_zero(name, call(user, &seen));
  };
}

void take_callbacks(nnc_train_options const& given, TrainOptions& options) {
  if (auto const call = given.on_slice)
    options.on_slice = [call, user = given.user](Progress const& progress) {
      Numbers const values(progress.values);
      auto const seen = shown(progress, values);
      return call(user, &seen) == 0;
    };
  options.on_epoch = milestone_callback(given.on_epoch, given.user, "on_epoch");
  options.on_log = milestone_callback(given.on_log, given.user, "on_log");
  if (auto const call = given.on_note)
    options.on_note = [call, user = given.user](std::string const& line) {
      expect_zero("on_note", call(user, line.c_str()));
    };
}

std::optional<std::int64_t> unless_zero(std::int64_t count) { return count == 0 ? std::nullopt : std::optional(count); }

TrainOptions options_of(nnc_train_options const* from) {
  auto const given = sized_or_default(from, "options");
  TrainOptions options;
  options.epochs = unless_zero(given.epochs);
  options.steps = unless_zero(given.steps);
  options.more_epochs = unless_zero(given.more_epochs);
  options.more_steps = unless_zero(given.more_steps);
  options.shuffle = !given.in_order;
  options.resume = given.resume != 0;
  options.replan = given.replan != 0;
  options.stop_on_bad = !given.go_on_when_bad;
  options.save = optional_text(given.save);
  if (given.validation) options.validation = given.validation->data;
  options.save_best = optional_text(given.save_best);
  options.best = optional_text(given.best);
  options.patience = optional_text(given.patience);
  options.save_every = given.save_every;
  options.log_every = given.log_every;
  options.explain_bad = given.explain_bad != 0;
  take_callbacks(given, options);
  return options;
}

} // namespace

Part part_of(nnc_part part) {
  switch (part) {
  case NNC_PART_TRAIN: return Part::train;
  case NNC_PART_VALIDATION: return Part::validation;
  case NNC_PART_ALL: return Part::all;
  case NNC_PART_TEST: return Part::test;
  }
  refuse("there is no part " + std::to_string(part));
}

} // namespace nnc::c

using namespace nnc::c;

extern "C" {

nnc_status nnc_session_train(nnc_session* session, nnc_data const* data, nnc_train_options const* options,
                             nnc_trained* out) {
  return guarded([&] {
    auto& on = required(session, "session");
    if (out) expect_room(out, "out");
    on.trained = on.session.train(required(data, "data").data, options_of(options));
    if (out) try_fill(out, shown(on.trained));
  });
}

nnc_status nnc_session_explain_bad(nnc_session* session, nnc_bad_step* out) {
  return guarded([&] {
    auto& on = required(session, "session");
    expect_room(out, "out");
    on.bad = on.session.explain_bad();
    try_fill(out, shown(on.bad));
  });
}

} // extern "C"
