// Programs of the C API.
#include "runtime/c/handles.h"
#include "runtime/c/structs.h"

struct nnc_stage {
  nnc::Callback<std::string()> const* text;
};

namespace nnc::c {
namespace {

std::vector<std::pair<std::string, std::string>> settings_of(nnc_setting const* first, std::int64_t count) {
  expect_count(count, first, "options.set");
  std::vector<std::pair<std::string, std::string>> settings;
  for (std::int64_t i = 0; i < count; ++i)
    settings.emplace_back(text_of(first[i].name, "a setting's name"), text_of(first[i].value, "a setting's value"));
  return settings;
}

void take_callbacks(nnc_options const& given, Options& options) {
  if (auto const call = given.on_stage)
    options.on_stage = [call, user = given.user](std::string const& name, bool changed,
                                                 Callback<std::string()> const& text) {
      nnc_stage const stage{&text};
      expect_zero("on_stage", call(user, name.c_str(), changed, &stage));
    };
  if (auto const call = given.on_time)
    options.on_time = [call, user = given.user](std::string const& name, double milliseconds, std::size_t nodes) {
      call(user, name.c_str(), milliseconds, static_cast<std::int64_t>(nodes));
    };
  if (auto const call = given.on_trace)
    options.on_trace = [call, user = given.user](std::string const& line) { call(user, line.c_str()); };
  if (auto const call = given.on_import)
    options.on_import = [call, user = given.user](std::string const& path) {
      expect_zero("on_import", call(user, path.c_str()));
    };
}

std::int64_t most_errors(std::int64_t given, std::int64_t usual) {
  if (given < -1) refuse("options.max_errors is " + std::to_string(given));
  return given == 0 ? usual : given == -1 ? 0 : given;
}

Options options_of(nnc_options const* from) {
  auto const given = sized_or_default(from, "options");
  Options options;
  options.train_name = optional_text(given.train_name);
  options.set = settings_of(given.set, given.set_count);
  if (given.batch != 0) options.batch = given.batch;
  options.cpu = optional_text(given.cpu);
  options.target = optional_text(given.target);
  if (given.data) options.data = given.data->data;
  if (given.passes) options.passes = texts_of(given.passes, given.pass_count, "options.passes");
  options.without = texts_of(given.without, given.without_count, "options.without");
  options.check_each = given.check_each != 0;
  if (given.max_nodes != 0) options.max_nodes = given.max_nodes;
  options.max_errors = most_errors(given.max_errors, options.max_errors);
  options.werror = given.werror != 0;
  take_callbacks(given, options);
  return options;
}

nnc_program handle_of(Program program) {
  auto inputs = program.inputs(), outputs = program.outputs(), parameters = program.parameters();
  auto scalars = program.scalars();
  auto reports = program.reports();
  return {std::move(program),    std::move(inputs),  std::move(outputs),
          std::move(parameters), std::move(scalars), std::move(reports)};
}

nnc_program_info info_of(nnc_program const& program) {
  auto const& compiled = program.program;
  return {sizeof(nnc_program_info),       compiled.summary().c_str(),   count_of(program.inputs),
          count_of(program.outputs),      count_of(program.parameters), count_of(program.scalars),
          count_of(compiled.constants()), count_of(program.reports),    count_of(compiled.warnings()),
          compiled.can_train(),           compiled.can_run(),           compiled.batch(),
          compiled.validation()};
}

nnc_constant shown(Constant const& constant) {
  return {sizeof(nnc_constant), constant.name.c_str(), constant.value,       constant.at.file.c_str(),
          constant.at.line,     constant.at.column,    constant.what.c_str()};
}

nnc_status show_tensor(nnc_program const* program, std::vector<TensorInfo> nnc_program::*all, std::int64_t index,
                       char const* what, nnc_tensor* out) {
  return guarded([&] { fill(out, nnc::c::shown(element_of(required(program, "program").*all, index, what)), "out"); });
}

Problem const& warning_of(nnc_program const* program, std::int64_t index) {
  return element_of(required(program, "program").program.warnings(), index, "warning");
}

// Of a list that is made once: the text at this position, or null.
char const* name_in(std::vector<std::string> (*list)(), std::vector<std::string>& kept, std::once_flag& once,
                    std::int64_t index) noexcept {
  char const* found = nullptr;
  (void)guarded([&] {
    std::call_once(once, [&] { kept = list(); });
    if (auto const* name = element(kept, index)) found = name->c_str();
  });
  return found;
}

} // namespace
} // namespace nnc::c

using namespace nnc::c;

extern "C" {

nnc_status nnc_program_from_text(char const* text, nnc_options const* options, char const* name, nnc_program** out) {
  return make_handle(out, [&] {
    return handle_of(nnc::Program::from_text(text_of(text, "text"), options_of(options), name ? name : "program.nn"));
  });
}

nnc_status nnc_program_from_file(char const* path, nnc_options const* options, nnc_program** out) {
  return make_handle(out,
                     [&] { return handle_of(nnc::Program::from_file(text_of(path, "path"), options_of(options))); });
}

nnc_status nnc_program_describe(nnc_program const* program, nnc_program_info* out) {
  return guarded([&] { fill(out, info_of(required(program, "program")), "out"); });
}

nnc_status nnc_program_input(nnc_program const* program, int64_t index, nnc_tensor* out) {
  return show_tensor(program, &nnc_program::inputs, index, "input", out);
}

nnc_status nnc_program_output(nnc_program const* program, int64_t index, nnc_tensor* out) {
  return show_tensor(program, &nnc_program::outputs, index, "output", out);
}

nnc_status nnc_program_parameter(nnc_program const* program, int64_t index, nnc_tensor* out) {
  return show_tensor(program, &nnc_program::parameters, index, "parameter", out);
}

nnc_status nnc_program_scalar(nnc_program const* program, int64_t index, nnc_number* out) {
  return guarded([&] {
    auto const& scalar = element_of(required(program, "program").scalars, index, "scalar");
    required(out, "out") = {scalar.name.c_str(), scalar.value};
  });
}

nnc_status nnc_program_constant(nnc_program const* program, int64_t index, nnc_constant* out) {
  return guarded([&] {
    fill(out, shown(element_of(required(program, "program").program.constants(), index, "constant")), "out");
  });
}

char const* nnc_program_report(nnc_program const* program, int64_t index) {
  auto const* name = program ? element(program->reports, index) : nullptr;
  return name ? name->c_str() : nullptr;
}

nnc_status nnc_program_warning(nnc_program const* program, int64_t index, nnc_problem* out) {
  return guarded([&] { fill(out, nnc::c::shown(warning_of(program, index)), "out"); });
}

nnc_status nnc_program_warning_note(nnc_program const* program, int64_t index, int64_t note, nnc_note* out) {
  return guarded([&] { fill(out, nnc::c::shown(element_of(warning_of(program, index).notes, note, "note")), "out"); });
}

nnc_status nnc_program_validation(nnc_program const* program, nnc_data const* data, int64_t* out) {
  return guarded(
      [&] { required(out, "out") = required(program, "program").program.validation(required(data, "data").data); });
}

nnc_status nnc_program_text(nnc_program const* program, nnc_text** out) {
  return make_handle(out, [&] { return nnc_text{required(program, "program").program.text()}; });
}

nnc_status nnc_program_emit(nnc_program const* program, char const* kind, nnc_text** out) {
  return make_handle(out, [&] { return nnc_text{required(program, "program").program.emit(text_of(kind, "kind"))}; });
}

nnc_status nnc_program_emit_object(nnc_program const* program, nnc_object_options const* options, nnc_text** object,
                                   nnc_text** header) {
  if (object) *object = nullptr;
  if (header) *header = nullptr;
  return guarded([&] {
    if (!object && !header) refuse("object and header are null pointers");
    auto const given = sized_or_default(options, "options");
    auto files = required(program, "program")
                     .program.emit_object({optional_text(given.prefix), optional_text(given.weights),
                                           texts_of(given.rename, given.rename_count, "rename")});
    auto made = object ? std::make_unique<nnc_text>(nnc_text{std::move(files.object)}) : nullptr;
    if (header) *header = new nnc_text{std::move(files.header)};
    if (object) *object = made.release();
  });
}

void nnc_program_free(nnc_program* program) { delete program; }

nnc_status nnc_stage_text(nnc_stage const* stage, nnc_text** out) {
  return make_handle(out, [&] { return nnc_text{(*required(stage, "stage").text)()}; });
}

char const* nnc_stage_name(int64_t index) {
  static std::vector<std::string> kept;
  static std::once_flag once;
  return name_in(nnc::Program::stages, kept, once, index);
}

char const* nnc_emit_kind(int64_t index) {
  static std::vector<std::string> kept;
  static std::once_flag once;
  return name_in(nnc::Program::emit_kinds, kept, once, index);
}

} // extern "C"
