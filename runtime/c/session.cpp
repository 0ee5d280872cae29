// Sessions of the C API, but for training on a data set.
#include "runtime/c/handles.h"
#include "runtime/c/structs.h"

#include <climits>

namespace nnc::c {
namespace {

std::vector<Use> uses_of(std::int64_t flags) {
  if (flags & ~std::int64_t{NNC_USE_TRAIN | NNC_USE_EVALUATE | NNC_USE_RUN})
    refuse("options.uses is " + std::to_string(flags) + ": expected NNC_USE_... or-ed together");
  std::vector<Use> uses;
  if (flags & NNC_USE_TRAIN) uses.push_back(Use::train);
  if (flags & NNC_USE_EVALUATE) uses.push_back(Use::evaluate);
  if (flags & NNC_USE_RUN) uses.push_back(Use::run);
  return uses;
}

SessionOptions options_of(nnc_session_options const* from) {
  auto const given = sized_or_default(from, "options");
  if (given.threads < 0 || given.threads > INT_MAX) refuse("options.threads is " + std::to_string(given.threads));
  SessionOptions options;
  options.threads = static_cast<int>(given.threads);
  if (given.has_seed) options.seed = given.seed;
  options.max_memory = given.max_memory;
  options.uses = uses_of(given.uses);
  return options;
}

std::vector<Input> inputs_of(nnc_input const* first, std::int64_t count) {
  std::vector<Input> inputs;
  for (auto const& given : sized_elements(first, count, "inputs"))
    inputs.emplace_back(text_of(given.name, "an input's name"), text_of(given.dtype, "an input's dtype"), given.data,
                        given.bytes);
  return inputs;
}

std::vector<Output> outputs_of(nnc_output const* first, std::int64_t count) {
  std::vector<Output> outputs;
  for (auto const& given : sized_elements(first, count, "outputs"))
    outputs.emplace_back(text_of(given.name, "an output's name"), text_of(given.dtype, "an output's dtype"), given.data,
                         given.bytes);
  return outputs;
}

Session& session_of(nnc_session* session) { return required(session, "session").session; }
Session const& session_of(nnc_session const* session) { return required(session, "session").session; }

// Makes reports and shows them; a struct that cannot hold them is refused before that.
template <class Make>
nnc_status give_reports(nnc_session* session, nnc_reports* out, Make&& make) noexcept {
  return guarded([&] {
    auto& into = required(session, "session");
    if (out) expect_room(out, "reports");
    into.reports = make(into.session);
    into.values.show(into.reports.values);
    into.tables.show(into.reports.tables);
    if (out) try_fill(out, shown(into.reports, into.values, into.tables));
  });
}

// The first one stays: the host may still look at its shape.
ParameterView const& view_of(nnc_session& session, char const* name) {
  auto const path = text_of(name, "name");
  auto const known = session.views.find(path);
  if (known != session.views.end()) return known->second;
  return session.views.emplace(path, session.session.parameter_view(path)).first->second;
}

void copy_parameter(Session const& session, nnc_output const& out) {
  auto const found = session.parameter(text_of(out.name, "out.name"));
  if (text_of(out.dtype, "out.dtype") != found.dtype || out.bytes != found.bytes.size())
    refuse("'" + found.name + "' has " + std::to_string(found.bytes.size()) + " bytes of " + found.dtype + ", got " +
           std::to_string(out.bytes) + " bytes of " + out.dtype);
  if (out.bytes > 0) std::memcpy(&required(static_cast<char*>(out.data), "out.data"), found.bytes.data(), out.bytes);
}

Weights weights_of(nnc_weights weights) {
  if (weights != NNC_WEIGHTS_FINITE && weights != NNC_WEIGHTS_ANY) refuse("there are no such weights");
  return weights == NNC_WEIGHTS_ANY ? Weights::any : Weights::finite;
}

} // namespace
} // namespace nnc::c

using namespace nnc::c;

extern "C" {

nnc_status nnc_session_create(nnc_program const* program, nnc_session_options const* options, nnc_session** out) {
  return make_handle(out, [&] { return nnc::Session(required(program, "program").program, options_of(options)); });
}

nnc_status nnc_session_sharing_weights(nnc_session const* session, nnc_session_options const* options,
                                       nnc_session** out) {
  return make_handle(out, [&] { return session_of(session).sharing_weights(options_of(options)); });
}

nnc_status nnc_session_describe(nnc_session const* session, nnc_session_info* out) {
  return guarded([&] {
    auto const& of = session_of(session);
    fill(out, nnc_session_info{sizeof(nnc_session_info), of.threads(), of.step_count(), of.clamped()}, "out");
  });
}

void nnc_session_free(nnc_session* session) { delete session; }

nnc_status nnc_session_step(nnc_session* session, nnc_input const* inputs, int64_t count, int64_t batch,
                            nnc_reports* reports) {
  return give_reports(session, reports, [&](nnc::Session& on) { return on.step(inputs_of(inputs, count), batch); });
}

nnc_status nnc_session_begin_epoch(nnc_session* session, int64_t epoch) {
  return guarded([&] { session_of(session).begin_epoch(epoch); });
}

nnc_status nnc_session_evaluate(nnc_session* session, nnc_input const* inputs, int64_t count, int64_t batch,
                                nnc_reports* reports) {
  return give_reports(session, reports, [&](nnc::Session& on) { return on.evaluate(inputs_of(inputs, count), batch); });
}

nnc_status nnc_session_run(nnc_session* session, nnc_input const* inputs, int64_t count, int64_t batch,
                           nnc_arrays** out) {
  return make_handle(out, [&] { return nnc_arrays{session_of(session).run(inputs_of(inputs, count), batch)}; });
}

nnc_status nnc_session_run_into(nnc_session* session, nnc_input const* inputs, int64_t count, nnc_output const* outputs,
                                int64_t output_count, int64_t batch) {
  return guarded(
      [&] { session_of(session).run_into(inputs_of(inputs, count), outputs_of(outputs, output_count), batch); });
}

nnc_status nnc_session_bind_step(nnc_session* session, nnc_input const* inputs, int64_t count, int64_t batch,
                                 nnc_bound** out) {
  return make_handle(out, [&] { return session_of(session).bind_step(inputs_of(inputs, count), batch); });
}

nnc_status nnc_session_bind_run(nnc_session* session, nnc_input const* inputs, int64_t count, nnc_output const* outputs,
                                int64_t output_count, int64_t batch, nnc_bound** out) {
  return make_handle(out, [&] {
    return session_of(session).bind_run(inputs_of(inputs, count), outputs_of(outputs, output_count), batch);
  });
}

nnc_status nnc_bound_call(nnc_bound* bound, nnc_reports* reports) {
  return guarded([&] {
    auto& call = required(bound, "bound");
    if (reports) expect_room(reports, "reports");
    auto const& made = call.bound();
    call.values.show(made.values);
    call.tables.show(made.tables);
    if (reports) try_fill(reports, shown(made, call.values, call.tables));
  });
}

void nnc_bound_free(nnc_bound* bound) { delete bound; }

nnc_status nnc_session_evaluate_data(nnc_session* session, nnc_data const* data, nnc_part part, nnc_reports* reports) {
  return give_reports(session, reports,
                      [&](nnc::Session& on) { return on.evaluate(required(data, "data").data, part_of(part)); });
}

nnc_status nnc_session_prepare_evaluation(nnc_session* session, nnc_data const* data, nnc_part part) {
  return guarded([&] { session_of(session).prepare_evaluation(required(data, "data").data, part_of(part)); });
}

nnc_status nnc_session_run_data(nnc_session* session, nnc_data const* data, nnc_part part, int64_t limit,
                                nnc_arrays** out) {
  return make_handle(
      out, [&] { return nnc_arrays{session_of(session).run(required(data, "data").data, part_of(part), limit)}; });
}

nnc_status nnc_session_parameter(nnc_session const* session, nnc_output const* out) {
  return guarded([&] { copy_parameter(session_of(session), sized<nnc_output>(&required(out, "out"), "out")); });
}

nnc_status nnc_session_set_parameter(nnc_session* session, nnc_input const* input) {
  return guarded([&] { session_of(session).set_parameter(inputs_of(&required(input, "input"), 1).front()); });
}

nnc_status nnc_session_parameter_view(nnc_session* session, char const* name, nnc_view* out) {
  return guarded([&] {
    expect_room(out, "out");
    auto const& view = view_of(required(session, "session"), name);
    try_fill(out, nnc_view{sizeof(nnc_view), view.dtype.c_str(), view.shape.data(), count_of(view.shape), view.data,
                           view.bytes});
  });
}

nnc_status nnc_session_changed(nnc_session* session, char const* name) {
  return guarded([&] { session_of(session).changed(text_of(name, "name")); });
}

nnc_status nnc_session_scalar(nnc_session const* session, char const* name, double* out) {
  return guarded([&] { required(out, "out") = session_of(session).scalar(text_of(name, "name")); });
}

nnc_status nnc_session_set_scalar(nnc_session* session, char const* name, double value) {
  return guarded([&] { session_of(session).set_scalar(text_of(name, "name"), value); });
}

nnc_status nnc_session_save(nnc_session const* session, char const* path, nnc_weights weights) {
  return guarded([&] { session_of(session).save(text_of(path, "path"), weights_of(weights)); });
}

nnc_status nnc_session_load(nnc_session* session, char const* path) {
  return guarded([&] { session_of(session).load(text_of(path, "path")); });
}

nnc_status nnc_session_load_with(nnc_session* session, char const* path, nnc_load_options const* options) {
  return guarded([&] {
    auto const given = sized_or_default(options, "options");
    session_of(session).load(text_of(path, "path"), {texts_of(given.rename, given.rename_count, "rename")});
  });
}

nnc_status nnc_session_checkpoint(nnc_session const* session, nnc_text** out) {
  return make_handle(out, [&] { return nnc_text{session_of(session).checkpoint()}; });
}

nnc_status nnc_session_restore(nnc_session* session, void const* checkpoint, size_t bytes) {
  return guarded([&] {
    session_of(session).restore({&required(static_cast<char const*>(checkpoint), "checkpoint"), bytes});
  });
}

nnc_status nnc_session_resume(nnc_session* session, char const* path) {
  return guarded([&] { session_of(session).resume(text_of(path, "path")); });
}

nnc_status nnc_session_digest(nnc_session const* session, nnc_text** out) {
  return make_handle(out, [&] { return nnc_text{session_of(session).digest()}; });
}

// A signal handler may be here: nothing but the flag.
nnc_status nnc_session_cancel(nnc_session* session) {
  if (!session) return NNC_ARGUMENT;
  session->session.cancel();
  return NNC_OK;
}

} // extern "C"
