// The C API against the C++ API: the same bits, every failure a status with a text, structs of every size, handles in
// any order, callbacks that stop. ring.c and header.c show that it is C.
#include "nnc/nnc.h"
#include "tests/runtime/models.h"
#include "tests/runtime/scratch.h"

#include <doctest/doctest.h>

#include <atomic>
#include <cmath>
#include <cstring>
#include <fstream>
#include <functional>
#include <memory>
#include <set>
#include <sstream>
#include <thread>

using namespace nnc::test;

namespace {

#define NNC_OWNED(kind)                                                                                                \
  struct kind##_deleter {                                                                                              \
    void operator()(nnc_##kind* handle) const { nnc_##kind##_free(handle); }                                           \
  };                                                                                                                   \
  using owned_##kind = std::unique_ptr<nnc_##kind, kind##_deleter>;
NNC_OWNED(text)
NNC_OWNED(arrays)
NNC_OWNED(data)
NNC_OWNED(program)
NNC_OWNED(session)
NNC_OWNED(bound)
NNC_OWNED(choices)
NNC_OWNED(overview)

template <class Struct>
Struct empty() {
  Struct all{};
  all.size = sizeof all;
  return all;
}

bool says(char const* text, char const* words) { return std::string(text).find(words) != std::string::npos; }

owned_program program_of(std::string const& text, nnc_options const* options = nullptr) {
  nnc_program* program = nullptr;
  REQUIRE_MESSAGE(nnc_program_from_text(text.c_str(), options, nullptr, &program) == NNC_OK, nnc_error_text());
  return owned_program(program);
}

owned_session session_of(nnc_program const* program, nnc_session_options const* options = nullptr) {
  nnc_session* session = nullptr;
  REQUIRE_MESSAGE(nnc_session_create(program, options, &session) == NNC_OK, nnc_error_text());
  return owned_session(session);
}

std::string text_of(nnc_text* text) {
  owned_text const owned(text);
  return {nnc_text_data(text), nnc_text_size(text)};
}

std::string digest_of(nnc_session const* session) {
  nnc_text* text = nullptr;
  REQUIRE(nnc_session_digest(session, &text) == NNC_OK);
  return text_of(text);
}

std::int64_t const x_shape[] = {8, 3}, label_shape[] = {8};

struct Columns {
  std::atomic<int> released{0};
  nnc_column all[2] = {{sizeof(nnc_column), "x", "f32", x_shape, 2, tiny_x.data(), release, this},
                       {sizeof(nnc_column), "label", "i32", label_shape, 1, tiny_label.data(), release, this}};
  static void release(void* user) { ++static_cast<Columns*>(user)->released; }
};

owned_data data_of(Columns& columns) {
  nnc_data* data = nullptr;
  REQUIRE(nnc_data_from_columns(columns.all, 2, columns.all, 2, nullptr, &data) == NNC_OK);
  return owned_data(data);
}

struct Inputs {
  nnc_input all[2] = {{sizeof(nnc_input), "x", "f32", tiny_x.data(), tiny_x.size() * 4},
                      {sizeof(nnc_input), "label", "i32", tiny_label.data(), tiny_label.size() * 4}};
};

std::string const running_sums = R"(model sums {
  input x: f32[batch]
  h = 0.0
  seen = scan e in x carry h { h = h + e; emit h }
  output sums = seen
})";

std::string trained_by_cpp() {
  nnc::Session session(nnc::Program::from_text(tiny));
  session.train(nnc::Data::from_columns({nnc::column("x", tiny_x, {3}), nnc::column("label", tiny_label)}));
  return session.digest();
}

} // namespace

TEST_CASE("a training in C has the bits of one in C++") {
  Columns columns;
  auto const data = data_of(columns);
  auto const program = program_of(tiny);
  auto const session = session_of(program.get());
  auto trained = empty<nnc_trained>();
  REQUIRE(nnc_session_train(session.get(), data.get(), nullptr, &trained) == NNC_OK);
  CHECK(trained.step == 6);
  CHECK(trained.epoch == 3);
  CHECK(trained.examples == 8);
  CHECK(std::string(trained.not_finite).empty());
  CHECK(std::string(trained.save_error).empty());
  CHECK(digest_of(session.get()) == trained_by_cpp());
  // The training is over: the default totals are reached.
  CHECK(nnc_session_train(session.get(), data.get(), nullptr, nullptr) == NNC_ARGUMENT);
  auto more = empty<nnc_train_options>();
  more.more_steps = 2;
  CHECK(nnc_session_train(session.get(), data.get(), &more, &trained) == NNC_OK);
  CHECK(trained.first_step == 6);
  CHECK(trained.step == 8);
}

TEST_CASE("what a program is") {
  auto const program = program_of(tiny);
  auto info = empty<nnc_program_info>();
  REQUIRE(nnc_program_describe(program.get(), &info) == NNC_OK);
  CHECK(std::string(info.summary) == "train tiny");
  CHECK(info.inputs == 2);
  CHECK(info.outputs == 1);
  CHECK(info.parameters == 2);
  CHECK(info.reports == 2);
  CHECK(info.constants == 0);
  CHECK(info.warnings == 0);
  CHECK(info.can_train == 1);
  CHECK(info.can_run == 1);
  CHECK(info.batch == 4);
  CHECK(info.validation == 0);
  auto tensor = empty<nnc_tensor>();
  REQUIRE(nnc_program_input(program.get(), 1, &tensor) == NNC_OK);
  CHECK(std::string(tensor.name) == "label");
  CHECK(tensor.is_target == 1);
  REQUIRE(nnc_program_output(program.get(), 0, &tensor) == NNC_OK);
  CHECK(std::string(tensor.type) == "f32[batch,2]");
  CHECK(tensor.rank == 2);
  CHECK(tensor.shape[0] == -1);
  CHECK(tensor.shape[1] == 2);
  REQUIRE(nnc_program_parameter(program.get(), 1, &tensor) == NNC_OK);
  CHECK(std::string(tensor.name) == "dense.bias");
  CHECK(std::string(tensor.dtype) == "f32");
  CHECK(nnc_program_parameter(program.get(), 2, &tensor) == NNC_ARGUMENT);
  CHECK(std::string(nnc_error_text()) == "error: there is no parameter 2, but 2");
  CHECK(nnc_program_input(program.get(), -1, &tensor) == NNC_ARGUMENT);
  nnc_number scalar{};
  REQUIRE(nnc_program_scalar(program.get(), 0, &scalar) == NNC_OK);
  CHECK(std::string(scalar.name) == "sgd.lr");
  CHECK(scalar.value == 0.5);
  CHECK(std::string(nnc_program_report(program.get(), 1)) == "accuracy");
  CHECK(nnc_program_report(program.get(), 2) == nullptr);
  Columns columns;
  std::int64_t held = -1;
  CHECK(nnc_program_validation(program.get(), data_of(columns).get(), &held) == NNC_OK);
  CHECK(held == 0);
  nnc_text* text = nullptr;
  REQUIRE(nnc_program_text(program.get(), &text) == NNC_OK);
  CHECK(says(text_of(text).c_str(), "func @train_step"));
  REQUIRE(nnc_program_emit(program.get(), "object", &text) == NNC_OK);
  CHECK(text_of(text).substr(0, 4) == "\x7f"
                                      "ELF");
  auto object_options = empty<nnc_object_options>();
  object_options.prefix = "mine";
  nnc_text *object = nullptr, *header = nullptr;
  REQUIRE(nnc_program_emit_object(program.get(), &object_options, &object, &header) == NNC_OK);
  auto const files = nnc::Program::from_text(tiny).emit_object({"mine", ""});
  CHECK(text_of(object) == files.object);
  CHECK(text_of(header) == files.header);
  REQUIRE(nnc_program_emit_object(program.get(), nullptr, nullptr, &header) == NNC_OK);
  CHECK(!text_of(header).empty());
  object_options.weights = "/nowhere/w.safetensors";
  CHECK(nnc_program_emit_object(program.get(), &object_options, &object, &header) == NNC_FILE);
  CHECK(object == nullptr);
  CHECK(header == nullptr);
  CHECK(nnc_program_emit(program.get(), "poem", &text) == NNC_ARGUMENT);
  CHECK(text == nullptr);
  std::set<std::string> names;
  for (int i = 0; auto const* name = nnc_stage_name(i); ++i) names.insert(name);
  CHECK(names.contains("elaborate"));
  CHECK(names.contains("fuse"));
  names.clear();
  for (int i = 0; auto const* name = nnc_emit_kind(i); ++i) names.insert(name);
  CHECK(names.contains("asm"));
  names.clear();
  for (int i = 0; auto const* name = nnc_data_built_in(i); ++i) names.insert(name);
  CHECK(names.contains("mnist"));
  CHECK(std::string(nnc_version()) == NNC_VERSION);
}

TEST_CASE("what the library is, and the words of the language") {
  auto build = empty<nnc_build>();
  REQUIRE(nnc_describe_build(&build) == NNC_OK);
  CHECK(std::string(build.version) == nnc_version());
  CHECK(std::string(build.llvm) == nnc::build().llvm);
  CHECK(std::string(build.target) == nnc::build().target);
  CHECK(std::string(build.cpu) == nnc::build().cpu);
  auto const words = nnc::words();
  REQUIRE(nnc_word_count() == std::ssize(words));
  auto word = empty<nnc_word>();
  int with_example = 0;
  for (std::size_t i = 0; i < words.size(); ++i) {
    REQUIRE(nnc_word_at(static_cast<int64_t>(i), &word) == NNC_OK);
    REQUIRE(word.name_count == std::ssize(words[i].names));
    for (std::size_t k = 0; k < words[i].names.size(); ++k) CHECK(word.names[k] == words[i].names[k]);
    CHECK(word.kind == words[i].kind);
    CHECK(word.form == words[i].form);
    CHECK(word.text == words[i].text);
    CHECK(word.example == words[i].example);
    with_example += *word.example != 0;
  }
  CHECK(with_example > 200);
  CHECK(nnc_word_at(nnc_word_count(), &word) == NNC_ARGUMENT);
  CHECK(nnc_word_at(-1, &word) == NNC_ARGUMENT);
}

TEST_CASE("what can be chosen in a text") {
  auto const* text = "model a { output x = ones([2]) }\nmodel b { output x = ones([2]) }\n"
                     "train a @t { minimize loss with sgd() }\n";
  nnc_choices* made = nullptr;
  REQUIRE(nnc_program_choices(text, "two.nn", &made) == NNC_OK);
  owned_choices const choices(made);
  REQUIRE(nnc_choices_count(choices.get()) == 2);
  auto choice = empty<nnc_choice>();
  REQUIRE(nnc_choices_get(choices.get(), 0, &choice) == NNC_OK);
  CHECK(std::string(choice.name) == "t");
  CHECK(std::string(choice.model) == "a");
  CHECK(choice.trains == 1);
  REQUIRE(nnc_choices_get(choices.get(), 1, &choice) == NNC_OK);
  CHECK(std::string(choice.name) == "b");
  CHECK(choice.trains == 0);
  CHECK(std::string(choice.file) == "two.nn");
  CHECK(choice.line == 2);
  CHECK(nnc_choices_get(choices.get(), 2, &choice) == NNC_ARGUMENT);
  REQUIRE(nnc_program_choices("model {", nullptr, &made) == NNC_OK);
  CHECK(nnc_choices_count(owned_choices(made).get()) == 0);
}

TEST_CASE("an overview shows what that of C++ does") {
  auto const text = R"(model m {
  input x: f32[batch, 3]
  target label: i32[batch]
  state calls: f32[] = 0
  calls <- calls + 1
  logits = x |> dense(4) |> relu |> dense(2)
  output probs = softmax(logits)
  loss   cross_entropy(logits, label)
  metric accuracy(logits, label)
}
train m { minimize loss with adam(lr = 0.1); batch = 4 }
)";
  auto const program = program_of(text);
  nnc_overview* made = nullptr;
  REQUIRE(nnc_program_overview(program.get(), &made) == NNC_OK);
  owned_overview const owned(made);
  auto const* o = owned.get();
  auto const same = nnc::Program::from_text(text).overview();
  auto info = empty<nnc_overview_info>();
  REQUIRE(nnc_overview_describe(o, &info) == NNC_OK);
  CHECK(info.flops == same.flops);
  REQUIRE(info.calls == std::ssize(same.calls));
  auto layer = empty<nnc_layer>();
  std::int64_t parameters = 0;
  for (std::size_t i = 0; i < same.calls.size(); ++i) {
    REQUIRE(nnc_overview_call(o, static_cast<int64_t>(i), &layer) == NNC_OK);
    CHECK(layer.path == same.calls[i].path);
    CHECK(layer.function == same.calls[i].function);
    CHECK(layer.depth == same.calls[i].depth);
    REQUIRE(layer.type_count == std::ssize(same.calls[i].types));
    if (layer.type_count > 0) CHECK(layer.types[0] == same.calls[i].types[0]);
    CHECK(layer.trained == same.calls[i].trained);
    CHECK(layer.flops == same.calls[i].flops);
    CHECK(layer.line == same.calls[i].at.line);
    parameters += layer.depth == 0 ? layer.parameters : 0;
  }
  CHECK(parameters == 3 * 4 + 4 + 4 * 2 + 2);
  REQUIRE(info.losses == 1);
  CHECK(std::string(nnc_overview_loss(o, 0)) == "loss");
  CHECK(nnc_overview_loss(o, 1) == nullptr);
  CHECK(std::string(nnc_overview_metric(o, 0)) == "accuracy");
  REQUIRE(info.trained == 4);
  CHECK(nnc_overview_trained(o, 0) == same.trained[0]);
  auto state = empty<nnc_tensor>();
  REQUIRE(info.states == std::ssize(same.states));
  REQUIRE(nnc_overview_state(o, 0, &state) == NNC_OK);
  CHECK(state.name == same.states[0].name);
  auto holder = empty<nnc_holder>();
  REQUIRE(info.holders == std::ssize(same.memory));
  for (std::size_t i = 0; i < same.memory.size(); ++i) {
    REQUIRE(nnc_overview_holder(o, static_cast<int64_t>(i), &holder) == NNC_OK);
    CHECK(holder.kind == same.memory[i].kind);
    CHECK(holder.name == same.memory[i].name);
    CHECK(holder.type == same.memory[i].type);
    CHECK(holder.bytes == same.memory[i].bytes);
    CHECK(holder.also_count == std::ssize(same.memory[i].also));
  }
  nnc_setting setting{};
  REQUIRE(info.settings > 0);
  REQUIRE(nnc_overview_setting(o, 0, &setting) == NNC_OK);
  CHECK(std::string(setting.name) == "batch");
  CHECK(std::string(setting.value) == "4");
  CHECK(nnc_overview_setting(o, info.settings, &setting) == NNC_ARGUMENT);
  CHECK(nnc_overview_call(o, info.calls, &layer) == NNC_ARGUMENT);
}

TEST_CASE("steps by hand in passes, tables of bound steps, names of classes") {
  auto const program = program_of(R"(model m {
  input x: f32[batch, 3]
  target label: i32[batch]
  logits = dense(x, 2)
  loss   cross_entropy(logits, label)
  metric examples = total(f32(batch))
  metric confusion = confusion_matrix(logits, label)
}
train m { minimize loss with sgd(lr = 0.5); batch = 4; epochs = 1 }
)");
  auto const session = session_of(program.get());
  Inputs const buffers;
  nnc_bound* made = nullptr;
  REQUIRE(nnc_session_bind_step(session.get(), buffers.all, 2, 8, &made) == NNC_OK);
  owned_bound const step(made);
  auto reports = empty<nnc_reports>();
  for (int64_t epoch = 1; epoch <= 2; ++epoch) {
    REQUIRE(nnc_session_begin_epoch(session.get(), epoch) == NNC_OK);
    for (int i = 1; i <= 2; ++i) {
      REQUIRE(nnc_bound_call(step.get(), &reports) == NNC_OK);
      CHECK(reports.values[1].value == 8 * i);
      REQUIRE(reports.table_count == 1);
      auto const& table = reports.tables[0];
      CHECK(std::string(table.name) == "confusion");
      CHECK(table.rows == nullptr);
      REQUIRE(table.count == 4);
      CHECK(table.values[0] + table.values[1] + table.values[2] + table.values[3] == 8 * i);
    }
  }
  CHECK(nnc_session_begin_epoch(session.get(), 0) == NNC_ARGUMENT);
  Columns columns;
  auto const plain = data_of(columns);
  char const* const names[] = {"no", "yes"};
  nnc_data* named = nullptr;
  REQUIRE(nnc_data_with_class_names(plain.get(), names, 2, &named) == NNC_OK);
  owned_data const data(named);
  CHECK(nnc_data_class_name(plain.get(), 0) == nullptr);
  CHECK(std::string(nnc_data_class_name(data.get(), 1)) == "yes");
  CHECK(nnc_data_class_name(data.get(), 2) == nullptr);
  REQUIRE(nnc_session_evaluate_data(session.get(), data.get(), NNC_PART_ALL, &reports) == NNC_OK);
  REQUIRE(reports.tables[0].rows != nullptr);
  CHECK(std::string(reports.tables[0].rows[0]) == "no");
}

TEST_CASE("constants and warnings of a program, with their places") {
  auto const program =
      program_of("model m {\n  input x: f32[batch, 4]\n  target t: f32[batch]\n  loss mean((dense(x, 1) - t) ^ 2)\n}\n"
                 "train m { minimize loss with sgd(lr = 0.1) }\n");
  auto problem = empty<nnc_problem>();
  REQUIRE(nnc_program_warning(program.get(), 0, &problem) == NNC_OK);
  CHECK(problem.line == 4);
  CHECK(says(problem.text, "program.nn:4:"));
  CHECK(says(problem.help, "x[:, 0]"));
  CHECK(nnc_program_warning(program.get(), 1, &problem) == NNC_ARGUMENT);
  auto note = empty<nnc_note>();
  CHECK(nnc_program_warning_note(program.get(), 0, problem.notes, &note) == NNC_ARGUMENT);
  auto const sums = program_of(running_sums);
  auto info = empty<nnc_program_info>();
  REQUIRE(nnc_program_describe(sums.get(), &info) == NNC_OK);
  REQUIRE(info.constants > 0);
  auto constant = empty<nnc_constant>();
  REQUIRE(nnc_program_constant(sums.get(), 0, &constant) == NNC_OK);
  CHECK(std::string(constant.name) == "batch");
  CHECK(std::string(constant.what) == "the length of a scan");
  CHECK(constant.line > 0);
  CHECK(nnc_program_constant(sums.get(), info.constants, &constant) == NNC_ARGUMENT);
}

TEST_CASE("a mistake has its place, its text and its notes") {
  nnc_program* program = reinterpret_cast<nnc_program*>(1);
  auto const* text = "model m {\n  input x: f32[batch, 3]\n  output y = bogus(x)\n  output z = x |> dence(3)\n}";
  CHECK(nnc_program_from_text(text, nullptr, "net.nn", &program) == NNC_TYPE);
  CHECK(program == nullptr);
  CHECK(nnc_error_status() == NNC_TYPE);
  CHECK(std::string(nnc_status_name(NNC_TYPE)) == "type");
  CHECK(std::string(nnc_status_name(NNC_OK)) == "ok");
  CHECK(says(nnc_error_text(), "net.nn:3:14: error: "));
  REQUIRE(nnc_error_problems() == 2);
  auto problem = empty<nnc_problem>();
  REQUIRE(nnc_error_problem(1, &problem) == NNC_OK);
  CHECK(std::string(problem.file) == "net.nn");
  CHECK(problem.line == 4);
  CHECK(problem.column > 1);
  CHECK(says(problem.message, "dence"));
  CHECK(says(problem.help, "dense"));
  CHECK(says(problem.text, "^"));
  CHECK(nnc_error_problem(2, &problem) == NNC_ARGUMENT);
  CHECK(nnc_error_status() == NNC_TYPE); // to ask is no new failure
  CHECK(std::string(nnc_error_reproducer()).empty());
  CHECK(std::string(nnc_error_switches()).empty());
  CHECK(nnc_program_from_text("model m { output y = ", nullptr, nullptr, &program) == NNC_SYNTAX);
  CHECK(nnc_program_from_file("/nowhere/net.nn", nullptr, &program) == NNC_FILE);
  // A call that succeeds leaves it; another thread has none.
  (void)program_of(tiny);
  CHECK(nnc_error_status() == NNC_FILE);
  std::thread([] { CHECK((nnc_error_status() == NNC_OK && !*nnc_error_text())); }).join();
}

TEST_CASE("the notes of a mistake") {
  nnc_program* program = nullptr;
  auto const* text = "fn inner(a: float[b, n], k) { return a + zeros([k]) }\nmodel m {\n  input x: f32[batch, 4]\n"
                     "  output y = inner(x, 3)\n}";
  REQUIRE(nnc_program_from_text(text, nullptr, nullptr, &program) == NNC_TYPE);
  auto problem = empty<nnc_problem>();
  REQUIRE(nnc_error_problem(0, &problem) == NNC_OK);
  REQUIRE(problem.notes > 0);
  auto note = empty<nnc_note>();
  REQUIRE(nnc_error_note(0, 0, &note) == NNC_OK);
  CHECK(std::string(note.file) == "program.nn");
  CHECK(note.line == 4);
  CHECK(!std::string(note.message).empty());
  CHECK(nnc_error_note(0, problem.notes, &note) == NNC_ARGUMENT);
  CHECK(nnc_error_note(7, 0, &note) == NNC_ARGUMENT);
}

TEST_CASE("options reach the compiler") {
  nnc_setting const set[] = {{"sgd.lr", "0.25"}};
  auto options = empty<nnc_options>();
  options.set = set;
  options.set_count = 1;
  options.batch = 2;
  auto const program = program_of(tiny, &options);
  nnc_number scalar{};
  CHECK(nnc_program_scalar(program.get(), 0, &scalar) == NNC_OK);
  CHECK(scalar.value == 0.25);
  auto info = empty<nnc_program_info>();
  CHECK(nnc_program_describe(program.get(), &info) == NNC_OK);
  CHECK(info.batch == 2);
  nnc_program* none = nullptr;
  options.train_name = "another";
  CHECK(nnc_program_from_text(tiny.c_str(), &options, nullptr, &none) == NNC_TYPE);
  options.train_name = nullptr;
  char const* const without[] = {"fuse"};
  options.without = without;
  options.without_count = 1;
  CHECK(program_of(tiny, &options));
  char const* const wrong[] = {"no_such_pass"};
  options.without = wrong;
  CHECK(nnc_program_from_text(tiny.c_str(), &options, nullptr, &none) != NNC_OK);
  options.without_count = 0;
  options.target = "no-such-machine";
  CHECK(nnc_program_from_text(tiny.c_str(), &options, nullptr, &none) != NNC_OK);
  options.target = nullptr;
  options.max_errors = -2;
  CHECK(nnc_program_from_text(tiny.c_str(), &options, nullptr, &none) == NNC_ARGUMENT);
  options.max_errors = 0;
  options.max_nodes = 3;
  CHECK(nnc_program_from_text(tiny.c_str(), &options, nullptr, &none) != NNC_OK);
}

namespace {
struct Stages {
  std::vector<std::string> names;
  std::string text;
  int timed = 0, traced = 0, stop_after = -1;
};
int32_t on_stage(void* user, char const* name, int32_t, nnc_stage const* stage) {
  auto& stages = *static_cast<Stages*>(user);
  stages.names.emplace_back(name);
  nnc_text* text = nullptr;
  if (stages.names.size() == 1 && nnc_stage_text(stage, &text) == NNC_OK) stages.text = text_of(text);
  return static_cast<int>(stages.names.size()) == stages.stop_after ? 7 : 0;
}
void on_time(void* user, char const*, double, int64_t) { ++static_cast<Stages*>(user)->timed; }
void on_trace(void* user, char const* line) { static_cast<Stages*>(user)->traced += says(line, "fuse: @train_step: ["); }
} // namespace

TEST_CASE("stages are shown, and stop the compilation") {
  Stages stages;
  auto options = empty<nnc_options>();
  options.user = &stages;
  options.on_stage = on_stage;
  options.on_time = on_time;
  options.on_trace = on_trace;
  (void)program_of(tiny, &options);
  CHECK(stages.names.front() == "elaborate");
  CHECK(stages.names.size() > 5);
  CHECK(stages.timed > 5);
  CHECK(stages.traced > 0);
  CHECK(says(stages.text.c_str(), "func @"));
  stages = {};
  stages.stop_after = 2;
  nnc_program* program = nullptr;
  CHECK(nnc_program_from_text(tiny.c_str(), &options, nullptr, &program) == NNC_CANCELLED);
  CHECK(std::string(nnc_error_text()) == "error: on_stage returned 7");
  CHECK(stages.names.size() == 2);
}

TEST_CASE("imports are announced, and may be refused") {
  Scratch const scratch;
  scratch.write("parts.nn", "fn twice(x) { return x * 2 }\n");
  auto const main =
      scratch.write("main.nn", "import \"parts.nn\"\nmodel m { input x: f32[batch, 3]; output y = twice(x) }\n");
  auto options = empty<nnc_options>();
  std::string imported;
  options.user = &imported;
  options.on_import = [](void* user, char const* path) -> int32_t {
    auto& all = *static_cast<std::string*>(user);
    all += path;
    return all.size() < 1000 ? 0 : 1;
  };
  nnc_program* program = nullptr;
  auto const status = nnc_program_from_file(main.c_str(), &options, &program);
  REQUIRE_MESSAGE(status == NNC_OK, nnc_error_text());
  nnc_program_free(program);
  CHECK(says(imported.c_str(), "parts.nn"));
  imported = std::string(1000, ' ');
  CHECK(nnc_program_from_file(main.c_str(), &options, &program) == NNC_CANCELLED);
}

TEST_CASE("steps, evaluations and runs on buffers are those of C++") {
  auto const program = program_of(tiny);
  auto const session = session_of(program.get());
  nnc::Session other(nnc::Program::from_text(tiny));
  std::vector<nnc::Input> const inputs{{"x", tiny_x}, {"label", tiny_label}};
  Inputs const buffers;
  auto reports = empty<nnc_reports>();
  REQUIRE(nnc_session_step(session.get(), buffers.all, 2, 8, &reports) == NNC_OK);
  auto const expected = other.step(inputs, 8);
  REQUIRE(reports.count == 2);
  CHECK(std::string(reports.values[0].name) == "loss");
  CHECK(reports.values[0].value == expected.values[0].value);
  CHECK(reports.examples == 8);
  REQUIRE(nnc_session_evaluate(session.get(), buffers.all, 2, 8, &reports) == NNC_OK);
  CHECK(reports.values[0].value == other.evaluate(inputs, 8).values[0].value);
  CHECK(nnc_session_step(session.get(), buffers.all, 2, 8, nullptr) == NNC_OK);
  other.step(inputs, 8);
  nnc_arrays* found = nullptr;
  REQUIRE(nnc_session_run(session.get(), buffers.all, 1, 8, &found) == NNC_OK);
  owned_arrays const arrays(found);
  REQUIRE(nnc_arrays_count(found) == 1);
  auto array = empty<nnc_array>();
  REQUIRE(nnc_arrays_get(found, 0, &array) == NNC_OK);
  CHECK(std::string(array.name) == "probs");
  CHECK(array.rank == 2);
  CHECK(array.shape[0] == 8);
  auto const run = other.run({{"x", tiny_x}}, 8);
  REQUIRE(array.bytes == run[0].bytes.size());
  CHECK(std::memcmp(array.data, run[0].bytes.data(), array.bytes) == 0);
  CHECK(nnc_arrays_get(found, 1, &array) == NNC_ARGUMENT);
  float probs[16] = {};
  nnc_output const into{sizeof(nnc_output), "probs", "f32", probs, sizeof probs};
  REQUIRE(nnc_session_run_into(session.get(), buffers.all, 1, &into, 1, 8) == NNC_OK);
  CHECK(std::memcmp(probs, array.data, sizeof probs) == 0);
  // What does not fit.
  CHECK(nnc_session_run_into(session.get(), buffers.all, 1, &into, 1, 7) == NNC_ARGUMENT);
  nnc_input const stranger{sizeof(nnc_input), "y", "f32", probs, sizeof probs};
  CHECK(nnc_session_step(session.get(), &stranger, 1, 8, nullptr) == NNC_ARGUMENT);
  CHECK(nnc_session_step(session.get(), buffers.all, -1, 8, nullptr) == NNC_ARGUMENT);
  CHECK(nnc_session_step(session.get(), buffers.all, 2, 0, nullptr) == NNC_ARGUMENT);
  auto info = empty<nnc_session_info>();
  REQUIRE(nnc_session_describe(session.get(), &info) == NNC_OK);
  CHECK(info.steps == 2);
  CHECK(info.threads >= 1);
  CHECK(info.clamped == 0);
}

TEST_CASE("bound calls take what the buffers hold then, and live without the other handles") {
  auto program = program_of(tiny);
  auto session = session_of(program.get());
  nnc::Session other(nnc::Program::from_text(tiny));
  Inputs const buffers;
  float probs[16] = {};
  nnc_output const into{sizeof(nnc_output), "probs", "f32", probs, sizeof probs};
  nnc_bound *step = nullptr, *run = nullptr;
  REQUIRE(nnc_session_bind_step(session.get(), buffers.all, 2, 8, &step) == NNC_OK);
  owned_bound const owned_step(step);
  REQUIRE(nnc_session_bind_run(session.get(), buffers.all, 1, &into, 1, 8, &run) == NNC_OK);
  owned_bound const owned_run(run);
  auto reports = empty<nnc_reports>();
  for (int i = 0; i < 3; ++i) {
    REQUIRE(nnc_bound_call(step, &reports) == NNC_OK);
    CHECK(reports.values[0].value == other.step({{"x", tiny_x}, {"label", tiny_label}}, 8).values[0].value);
  }
  session.reset();
  program.reset();
  REQUIRE(nnc_bound_call(run, nullptr) == NNC_OK);
  CHECK(std::memcmp(probs, other.run({{"x", tiny_x}}, 8)[0].bytes.data(), sizeof probs) == 0);
  REQUIRE(nnc_bound_call(run, &reports) == NNC_OK);
  CHECK(reports.count == 0);
  CHECK(nnc_bound_call(nullptr, &reports) == NNC_ARGUMENT);
}

TEST_CASE("parameters and scalars: copied, set, seen in place") {
  auto const program = program_of(tiny);
  auto const session = session_of(program.get());
  float weight[6] = {};
  nnc_output const out{sizeof(nnc_output), "dense.weight", "f32", weight, sizeof weight};
  REQUIRE(nnc_session_parameter(session.get(), &out) == NNC_OK);
  auto view = empty<nnc_view>();
  REQUIRE(nnc_session_parameter_view(session.get(), "dense.weight", &view) == NNC_OK);
  CHECK(view.bytes == sizeof weight);
  CHECK(view.rank == 2);
  CHECK(view.shape[0] == 3);
  CHECK(std::memcmp(view.data, weight, sizeof weight) == 0);
  float const ones[6] = {1, 1, 1, 1, 1, 1};
  nnc_input const set{sizeof(nnc_input), "dense.weight", "f32", ones, sizeof ones};
  REQUIRE(nnc_session_set_parameter(session.get(), &set) == NNC_OK);
  CHECK(static_cast<float const*>(view.data)[5] == 1);
  static_cast<float*>(view.data)[5] = 2;
  REQUIRE(nnc_session_changed(session.get(), "dense.weight") == NNC_OK);
  REQUIRE(nnc_session_parameter(session.get(), &out) == NNC_OK);
  CHECK(weight[5] == 2);
  nnc_output const small{sizeof(nnc_output), "dense.weight", "f32", weight, 4};
  CHECK(nnc_session_parameter(session.get(), &small) == NNC_ARGUMENT);
  CHECK(std::string(nnc_error_text()) == "error: 'dense.weight' has 24 bytes of f32, got 4 bytes of f32");
  nnc_input const null{sizeof(nnc_input), "dense.weight", "f32", nullptr, sizeof ones};
  CHECK(nnc_session_set_parameter(session.get(), &null) == NNC_ARGUMENT);
  CHECK(nnc_session_parameter_view(session.get(), "dense.weihgt", &view) == NNC_ARGUMENT);
  CHECK(nnc_session_changed(session.get(), "none") == NNC_ARGUMENT);
  double lr = 0;
  REQUIRE(nnc_session_set_scalar(session.get(), "sgd.lr", 0.125) == NNC_OK);
  REQUIRE(nnc_session_scalar(session.get(), "sgd.lr", &lr) == NNC_OK);
  CHECK(lr == 0.125);
  CHECK(nnc_session_set_scalar(session.get(), "sgd.lr", 1.0 / 0.0) != NNC_OK);
}

TEST_CASE("weights go to files, to memory and back") {
  Scratch const scratch;
  auto const path = (scratch / "w.safetensors").string();
  auto const program = program_of(tiny);
  auto const session = session_of(program.get());
  Inputs const buffers;
  REQUIRE(nnc_session_step(session.get(), buffers.all, 2, 8, nullptr) == NNC_OK);
  REQUIRE(nnc_session_save(session.get(), path.c_str(), NNC_WEIGHTS_FINITE) == NNC_OK);
  nnc_text* checkpoint = nullptr;
  REQUIRE(nnc_session_checkpoint(session.get(), &checkpoint) == NNC_OK);
  auto const bytes = text_of(checkpoint);
  CHECK(bytes == content_of(path));
  auto const digest = digest_of(session.get());
  for (int way = 0; way < 3; ++way) {
    auto const other = session_of(program.get());
    CHECK(digest_of(other.get()) != digest);
    if (way == 0) CHECK(nnc_session_load(other.get(), path.c_str()) == NNC_OK);
    if (way == 1) CHECK(nnc_session_resume(other.get(), path.c_str()) == NNC_OK);
    if (way == 2) CHECK(nnc_session_restore(other.get(), bytes.data(), bytes.size()) == NNC_OK);
    CHECK(digest_of(other.get()) == digest);
    auto info = empty<nnc_session_info>();
    CHECK(nnc_session_describe(other.get(), &info) == NNC_OK);
    CHECK(info.steps == (way == 0 ? 0 : 1));
  }
  CHECK(nnc_session_restore(session.get(), bytes.data(), bytes.size() / 2) == NNC_DATA);
  CHECK(nnc_session_load(session.get(), "/nowhere/w.safetensors") == NNC_FILE);
  CHECK(nnc_session_save(session.get(), path.c_str(), 3) == NNC_ARGUMENT);
  CHECK(digest_of(session.get()) == digest);
  auto const renamed = program_of("model tiny { input x: f32[batch, 3]\n  output y = dense(x, 2) @head }\n");
  auto const other = session_of(renamed.get());
  auto options = empty<nnc_load_options>();
  CHECK(nnc_session_load_with(other.get(), path.c_str(), &options) == NNC_DATA);
  char const* const rules[] = {"dense.*=head.*", nullptr};
  options.rename = rules;
  options.rename_count = 2;
  CHECK(nnc_session_load_with(other.get(), path.c_str(), &options) == NNC_ARGUMENT);
  options.rename_count = 1;
  CHECK(nnc_session_load_with(other.get(), path.c_str(), &options) == NNC_OK);
  CHECK(nnc_session_load_with(session.get(), path.c_str(), nullptr) == NNC_OK);
}

TEST_CASE("sessions that share weights") {
  auto const program = program_of(tiny);
  auto session = session_of(program.get());
  nnc_session* shared = nullptr;
  REQUIRE(nnc_session_sharing_weights(session.get(), nullptr, &shared) == NNC_OK);
  owned_session const owned(shared);
  Inputs const buffers;
  REQUIRE(nnc_session_step(session.get(), buffers.all, 2, 8, nullptr) == NNC_OK);
  CHECK(digest_of(shared) == digest_of(session.get()));
  CHECK(nnc_session_step(shared, buffers.all, 2, 8, nullptr) == NNC_ARGUMENT);
  session.reset();
  CHECK(nnc_session_evaluate(shared, buffers.all, 2, 8, nullptr) == NNC_OK);
}

TEST_CASE("columns are released once, when nothing needs them; not when they are refused") {
  Columns columns;
  auto data = data_of(columns);
  auto options = empty<nnc_options>();
  options.data = data.get();
  auto program = program_of(tiny, &options);
  auto session = session_of(program.get());
  REQUIRE(nnc_session_train(session.get(), data.get(), nullptr, nullptr) == NNC_OK);
  data.reset();
  CHECK(columns.released == 0); // the program was compiled for them
  session.reset();
  program.reset();
  CHECK(columns.released == 4); // two columns in each of two splits
  Columns refused;
  std::int64_t const shape[] = {7};
  refused.all[1].shape = shape;
  nnc_data* none = nullptr;
  CHECK(nnc_data_from_columns(refused.all, 2, nullptr, 0, nullptr, &none) == NNC_DATA);
  CHECK(none == nullptr);
  CHECK(refused.released == 0);
  CHECK(nnc_data_from_columns(refused.all, 2, nullptr, 0, nullptr, nullptr) == NNC_ARGUMENT);
  refused.all[1].dtype = nullptr;
  CHECK(nnc_data_from_columns(refused.all, 2, nullptr, 0, nullptr, &none) == NNC_ARGUMENT);
  CHECK(nnc_data_from_columns(nullptr, 2, nullptr, 0, nullptr, &none) == NNC_ARGUMENT);
  CHECK(nnc_data_from_columns(nullptr, 0, nullptr, 0, nullptr, &none) == NNC_DATA);
  CHECK(refused.released == 0);
}

TEST_CASE("what a data set is, and its columns in memory") {
  Columns columns;
  auto const data = data_of(columns);
  auto info = empty<nnc_data_info>();
  REQUIRE(nnc_data_describe(data.get(), &info) == NNC_OK);
  CHECK(std::string(info.name) == "memory");
  CHECK(info.train_examples == 8);
  CHECK(info.test_examples == 8);
  CHECK(info.train_columns == 2);
  CHECK(info.test_columns == 2);
  CHECK(info.files == 0);
  CHECK(nnc_data_file(data.get(), 0) == nullptr);
  auto column = empty<nnc_column>();
  REQUIRE(nnc_data_column(data.get(), NNC_PART_TEST, 0, &column) == NNC_OK);
  CHECK(column.data == tiny_x.data()); // no copy
  CHECK(column.rank == 2);
  CHECK(!static_cast<bool>(column.release));
  CHECK(nnc_data_column(data.get(), NNC_PART_ALL, 2, &column) == NNC_ARGUMENT);
  CHECK(nnc_data_column(data.get(), NNC_PART_TRAIN, 0, &column) == NNC_ARGUMENT);
  nnc_data* digits = nullptr;
  REQUIRE(nnc_data_open("mnist", nullptr, &digits) == NNC_OK);
  owned_data const owned(digits);
  REQUIRE(nnc_data_column(digits, NNC_PART_ALL, 0, &column) == NNC_OK);
  CHECK(std::string(column.name) == "image");
  CHECK(std::string(column.dtype) == "u8");
  CHECK(column.rank == 3);
  nnc_data* none = nullptr;
  CHECK(nnc_data_open("no_such_set", nullptr, &none) != NNC_OK);
  nnc::test::Scratch scratch;
  auto const table = scratch.write("a.csv", "x,kind\n1,cat\n2,dog\n").string();
  auto const less = scratch.write("b.csv", "x,kind\n1,dog\n").string();
  nnc_data *first = nullptr, *second = nullptr;
  REQUIRE(nnc_data_open(table.c_str(), nullptr, &first) == NNC_OK);
  owned_data const owned_first(first);
  CHECK(std::string(nnc_data_name(first, "kind", 1)) == "dog");
  CHECK(nnc_data_name(first, "kind", 2) == nullptr);
  CHECK(nnc_data_name(first, "x", 0) == nullptr);
  CHECK(nnc_data_name(nullptr, "x", 0) == nullptr);
  int64_t classes = 0;
  CHECK(std::string(nnc_data_property(first, 0, &classes)) == "classes");
  CHECK(classes == 2);
  CHECK(nnc_data_property(first, 0, nullptr) != nullptr);
  CHECK(nnc_data_property(first, 100, &classes) == nullptr);
  nnc_data_options options{};
  options.size = sizeof options;
  options.like = first;
  REQUIRE(nnc_data_open_with(less.c_str(), &options, &second) == NNC_OK);
  owned_data const owned_second(second);
  CHECK(std::string(nnc_data_name(second, "kind", 0)) == "cat");
}

TEST_CASE("evaluations and runs over parts of a set") {
  Columns columns;
  auto const data = data_of(columns);
  auto const program = program_of(tiny);
  auto const session = session_of(program.get());
  auto reports = empty<nnc_reports>();
  CHECK(nnc_session_prepare_evaluation(session.get(), data.get(), NNC_PART_TEST) == NNC_OK);
  REQUIRE(nnc_session_evaluate_data(session.get(), data.get(), NNC_PART_TEST, &reports) == NNC_OK);
  CHECK(reports.examples == 8);
  CHECK(nnc_session_evaluate_data(session.get(), data.get(), NNC_PART_VALIDATION, &reports) != NNC_OK); // it is empty
  CHECK(nnc_session_evaluate_data(session.get(), data.get(), 7, &reports) == NNC_ARGUMENT);
  nnc_arrays* arrays = nullptr;
  REQUIRE(nnc_session_run_data(session.get(), data.get(), NNC_PART_ALL, 5, &arrays) == NNC_OK);
  owned_arrays const owned(arrays);
  auto array = empty<nnc_array>();
  REQUIRE(nnc_arrays_get(arrays, 0, &array) == NNC_OK);
  CHECK(array.shape[0] == 5);
}

namespace {

struct Heard {
  std::vector<std::int64_t> epochs, logs;
  int slices = 0, stop_slice = -1, fail_epoch = -1;
  double loss = -1;
};
int32_t on_slice(void* user, nnc_progress const* progress) {
  auto& heard = *static_cast<Heard*>(user);
  CHECK(progress->size == sizeof *progress);
  CHECK(progress->examples == 8);
  return ++heard.slices == heard.stop_slice ? 1 : 0;
}
int32_t on_epoch(void* user, nnc_milestone const* reached) {
  auto& heard = *static_cast<Heard*>(user);
  heard.epochs.push_back(reached->epoch);
  heard.loss = reached->count > 0 ? reached->values[0].value : -1;
  CHECK(reached->validation_count == 2);
  CHECK(reached->validation_examples == 8);
  return reached->epoch == heard.fail_epoch ? -3 : 0;
}
int32_t on_log(void* user, nnc_milestone const* reached) {
  static_cast<Heard*>(user)->logs.push_back(reached->step);
  return 0;
}

} // namespace

TEST_CASE("callbacks of a training hear of it, stop it, and may fail") {
  Scratch const scratch;
  auto const path = (scratch / "w.safetensors").string();
  Columns columns;
  auto const data = data_of(columns);
  auto const program = program_of(tiny);
  auto session = session_of(program.get());
  Heard heard;
  auto options = empty<nnc_train_options>();
  options.user = &heard;
  options.on_slice = on_slice;
  options.on_epoch = on_epoch;
  options.on_log = on_log;
  options.log_every = 2;
  options.validation = data.get();
  options.save = path.c_str();
  auto trained = empty<nnc_trained>();
  REQUIRE(nnc_session_train(session.get(), data.get(), &options, &trained) == NNC_OK);
  CHECK(heard.epochs == std::vector<std::int64_t>{1, 2, 3});
  CHECK(heard.logs == std::vector<std::int64_t>{2, 4, 6});
  CHECK(heard.loss > 0);
  CHECK(trained.saved == 1);
  CHECK(trained.stopped == 0);

  session = session_of(program.get());
  heard = {};
  heard.stop_slice = 1;
  REQUIRE(nnc_session_train(session.get(), data.get(), &options, &trained) == NNC_OK);
  CHECK(trained.stopped == 1);
  CHECK(trained.step < 6);

  session = session_of(program.get());
  heard = {};
  heard.fail_epoch = 2;
  CHECK(nnc_session_train(session.get(), data.get(), &options, &trained) == NNC_CANCELLED);
  CHECK(std::string(nnc_error_text()) == "error: on_epoch returned -3");
  CHECK(heard.epochs == std::vector<std::int64_t>{1, 2});

  options.resume = 1;
  options.on_note = [](void*, char const*) -> int32_t { return 5; };
  options.save = "/nowhere/w.safetensors";
  CHECK(nnc_session_train(session.get(), data.get(), &options, &trained) == NNC_FILE);
}

namespace {

struct Source {
  int asked = 0, fail_at = -1, released = 0;
};
int64_t next_batch(void* user, int64_t, int64_t batch, nnc_buffer const* buffers, int64_t count) {
  auto& source = *static_cast<Source*>(user);
  CHECK(count == 2);
  if (++source.asked == source.fail_at) return -2;
  auto const rows = std::min<int64_t>(8 - batch * buffers[0].rows, buffers[0].rows);
  if (rows <= 0) return 0;
  auto const first = static_cast<std::size_t>(batch * buffers[0].rows), rows_here = static_cast<std::size_t>(rows);
  std::memcpy(buffers[0].data, &tiny_x[3 * first], 12 * rows_here);
  std::memcpy(buffers[1].data, &tiny_label[first], 4 * rows_here);
  return rows;
}

} // namespace

TEST_CASE("batches of the host train to the bits of columns in their order") {
  Columns columns;
  auto const data = data_of(columns);
  auto const program = program_of(tiny);
  auto const expected = session_of(program.get());
  auto options = empty<nnc_train_options>();
  options.in_order = 1;
  REQUIRE(nnc_session_train(expected.get(), data.get(), &options, nullptr) == NNC_OK);
  std::int64_t const three[] = {3};
  nnc_field const fields[] = {{sizeof(nnc_field), "x", "f32", three, 1},
                              {sizeof(nnc_field), "label", "i32", nullptr, 0}};
  for (bool const on_calling_thread : {false, true}) {
    Source source;
    auto stream = empty<nnc_stream>();
    stream.next = next_batch;
    stream.user = &source;
    stream.release = [](void* user) { ++static_cast<Source*>(user)->released; };
    stream.examples = 8;
    stream.on_calling_thread = on_calling_thread;
    nnc_data* batches = nullptr;
    REQUIRE(nnc_data_from_batches(fields, 2, &stream, &batches) == NNC_OK);
    {
      auto const session = session_of(program.get());
      REQUIRE(nnc_session_train(session.get(), batches, nullptr, nullptr) == NNC_OK);
      CHECK(digest_of(session.get()) == digest_of(expected.get()));
      auto const failing = session_of(program.get());
      source.asked = 0;
      source.fail_at = 2;
      CHECK(nnc_session_train(failing.get(), batches, nullptr, nullptr) == NNC_CANCELLED);
      CHECK(std::string(nnc_error_text()) == "error: the stream's next returned -2");
    }
    nnc_data_free(batches);
    CHECK(source.released == 1);
  }
  auto stream = empty<nnc_stream>();
  nnc_data* batches = nullptr;
  CHECK(nnc_data_from_batches(fields, 2, &stream, &batches) == NNC_ARGUMENT); // without next
}

TEST_CASE("cancel ends a training from another thread") {
  Columns columns;
  auto const data = data_of(columns);
  auto const program = program_of(tiny);
  auto const session = session_of(program.get());
  auto options = empty<nnc_train_options>();
  options.epochs = 100'000'000;
  std::atomic<bool> done{false};
  std::thread other([&] {
    while (!done) {
      CHECK(nnc_session_cancel(session.get()) == NNC_OK);
      std::this_thread::sleep_for(std::chrono::milliseconds(5));
    }
  });
  auto trained = empty<nnc_trained>();
  auto const status = nnc_session_train(session.get(), data.get(), &options, &trained);
  done = true;
  other.join();
  CHECK(status == NNC_OK);
  CHECK(trained.stopped == 1);
  CHECK(nnc_session_cancel(nullptr) == NNC_ARGUMENT);
}

TEST_CASE("a smaller struct is one of an older host, a larger one must be zero where it is not known") {
  nnc_program* program = nullptr;
  nnc_options options = empty<nnc_options>();
  options.batch = 2;
  options.werror = 1;
  options.size = offsetof(nnc_options, batch); // a host that knew no field from `batch` on
  {
    auto const old = program_of(tiny, &options);
    auto info = empty<nnc_program_info>();
    info.batch = -7;
    info.size = offsetof(nnc_program_info, batch);
    REQUIRE(nnc_program_describe(old.get(), &info) == NNC_OK);
    CHECK(info.inputs == 2);
    CHECK(info.batch == -7); // not written
    CHECK(info.size == offsetof(nnc_program_info, batch));
    info.size = sizeof info;
    REQUIRE(nnc_program_describe(old.get(), &info) == NNC_OK);
    CHECK(info.batch == 4);
  }
  struct Newer {
    nnc_options known;
    std::int64_t unknown;
  } newer{empty<nnc_options>(), 0};
  newer.known.size = sizeof newer;
  CHECK(program_of(tiny, &newer.known));
  newer.unknown = 1;
  CHECK(nnc_program_from_text(tiny.c_str(), &newer.known, nullptr, &program) == NNC_ARGUMENT);
  CHECK(says(nnc_error_text(), "options has fields that nnc " NNC_VERSION " does not know"));
  for (std::size_t const size : {std::size_t{0}, std::size_t{7}, std::size_t{1} << 40}) {
    options.size = size;
    CHECK(nnc_program_from_text(tiny.c_str(), &options, nullptr, &program) == NNC_ARGUMENT);
    CHECK(says(nnc_error_text(), "options.size is"));
  }
  // Elements of arrays stand as far apart as they are large.
  struct NewerInput {
    nnc_input known;
    std::int64_t unknown;
  };
  Inputs const buffers;
  NewerInput inputs[2] = {{buffers.all[0], 0}, {buffers.all[1], 0}};
  inputs[0].known.size = inputs[1].known.size = sizeof(NewerInput);
  auto const fine = program_of(tiny);
  auto const session = session_of(fine.get());
  CHECK(nnc_session_step(session.get(), &inputs[0].known, 2, 8, nullptr) == NNC_OK);
  inputs[1].known.size = sizeof(nnc_input);
  CHECK(nnc_session_step(session.get(), &inputs[0].known, 2, 8, nullptr) == NNC_ARGUMENT);
  // Reports that cannot be shown: no step is made.
  auto reports = empty<nnc_reports>();
  reports.size = 0;
  CHECK(nnc_session_step(session.get(), buffers.all, 2, 8, &reports) == NNC_ARGUMENT);
  auto info = empty<nnc_session_info>();
  CHECK(nnc_session_describe(session.get(), &info) == NNC_OK);
  CHECK(info.steps == 1);
}

TEST_CASE("session options: threads, seed, memory, uses") {
  auto const program = program_of(tiny);
  auto options = empty<nnc_session_options>();
  options.threads = 1;
  options.has_seed = 1;
  options.seed = 5;
  options.uses = NNC_USE_TRAIN | NNC_USE_EVALUATE | NNC_USE_RUN;
  auto const session = session_of(program.get(), &options), other = session_of(program.get());
  auto info = empty<nnc_session_info>();
  CHECK(nnc_session_describe(session.get(), &info) == NNC_OK);
  CHECK(info.threads == 1);
  CHECK(digest_of(session.get()) != digest_of(other.get()));
  nnc_session* none = nullptr;
  options.max_memory = 1;
  CHECK(nnc_session_create(program.get(), &options, &none) == NNC_MEMORY);
  options.max_memory = 0;
  options.uses = 8;
  CHECK(nnc_session_create(program.get(), &options, &none) == NNC_ARGUMENT);
  options.uses = 0;
  options.threads = -1;
  CHECK(nnc_session_create(program.get(), &options, &none) == NNC_ARGUMENT);
}

TEST_CASE("null pointers are errors of an argument") {
  auto const program = program_of(tiny);
  auto const session = session_of(program.get());
  Columns columns;
  auto const data = data_of(columns);
  Inputs const in;
  auto tensor = empty<nnc_tensor>();
  auto reports = empty<nnc_reports>();
  auto view = empty<nnc_view>();
  auto* p = program.get();
  auto* s = session.get();
  auto* d = data.get();
  nnc_program* new_program = nullptr;
  nnc_session* new_session = nullptr;
  nnc_data* new_data = nullptr;
  nnc_text* text = nullptr;
  nnc_arrays* arrays = nullptr;
  nnc_bound* bound = nullptr;
  nnc_choices* choices = nullptr;
  nnc_overview* overview = nullptr;
  double number = 0;
  std::int64_t count = 0;
  nnc_status const all[] = {
      nnc_describe_build(nullptr),
      nnc_word_at(0, nullptr),
      nnc_program_choices(nullptr, nullptr, &choices),
      nnc_program_choices("", nullptr, nullptr),
      nnc_choices_get(nullptr, 0, nullptr),
      nnc_program_overview(nullptr, &overview),
      nnc_program_overview(p, nullptr),
      nnc_overview_describe(nullptr, nullptr),
      nnc_overview_call(nullptr, 0, nullptr),
      nnc_overview_state(nullptr, 0, nullptr),
      nnc_overview_holder(nullptr, 0, nullptr),
      nnc_overview_setting(nullptr, 0, nullptr),
      nnc_data_with_class_names(nullptr, nullptr, 0, &new_data),
      nnc_data_with_class_names(d, nullptr, 1, &new_data),
      nnc_data_with_class_names(d, nullptr, 0, nullptr),
      nnc_session_begin_epoch(nullptr, 1),
      nnc_arrays_get(nullptr, 0, nullptr),
      nnc_data_open(nullptr, nullptr, &new_data),
      nnc_data_open("mnist", nullptr, nullptr),
      nnc_data_open_with(nullptr, nullptr, &new_data),
      nnc_data_open_with("mnist", nullptr, nullptr),
      nnc_data_from_batches(nullptr, 0, nullptr, &new_data),
      nnc_data_describe(nullptr, nullptr),
      nnc_data_describe(d, nullptr),
      nnc_data_column(nullptr, NNC_PART_ALL, 0, nullptr),
      nnc_data_column(d, NNC_PART_ALL, 0, nullptr),
      nnc_program_from_text(nullptr, nullptr, nullptr, &new_program),
      nnc_program_from_text(tiny.c_str(), nullptr, nullptr, nullptr),
      nnc_program_from_file(nullptr, nullptr, &new_program),
      nnc_program_describe(nullptr, nullptr),
      nnc_program_describe(p, nullptr),
      nnc_program_input(nullptr, 0, &tensor),
      nnc_program_output(p, 0, nullptr),
      nnc_program_parameter(nullptr, 0, &tensor),
      nnc_program_scalar(nullptr, 0, nullptr),
      nnc_program_scalar(p, 0, nullptr),
      nnc_program_constant(nullptr, 0, nullptr),
      nnc_program_warning(nullptr, 0, nullptr),
      nnc_program_warning_note(nullptr, 0, 0, nullptr),
      nnc_program_validation(nullptr, d, &count),
      nnc_program_validation(p, nullptr, &count),
      nnc_program_validation(p, d, nullptr),
      nnc_program_text(nullptr, &text),
      nnc_program_text(p, nullptr),
      nnc_program_emit(nullptr, "ir", &text),
      nnc_program_emit(p, nullptr, &text),
      nnc_program_emit_object(nullptr, nullptr, &text, nullptr),
      nnc_program_emit_object(p, nullptr, nullptr, nullptr),
      nnc_stage_text(nullptr, &text),
      nnc_session_create(nullptr, nullptr, &new_session),
      nnc_session_create(p, nullptr, nullptr),
      nnc_session_sharing_weights(nullptr, nullptr, &new_session),
      nnc_session_describe(nullptr, nullptr),
      nnc_session_describe(s, nullptr),
      nnc_session_step(nullptr, in.all, 2, 8, &reports),
      nnc_session_step(s, nullptr, 2, 8, &reports),
      nnc_session_evaluate(nullptr, in.all, 2, 8, &reports),
      nnc_session_run(nullptr, in.all, 2, 8, &arrays),
      nnc_session_run(s, in.all, 2, 8, nullptr),
      nnc_session_run_into(nullptr, in.all, 2, nullptr, 0, 8),
      nnc_session_run_into(s, in.all, 2, nullptr, 1, 8),
      nnc_session_bind_step(nullptr, in.all, 2, 8, &bound),
      nnc_session_bind_run(nullptr, in.all, 2, nullptr, 0, 8, &bound),
      nnc_bound_call(nullptr, nullptr),
      nnc_session_train(nullptr, d, nullptr, nullptr),
      nnc_session_train(s, nullptr, nullptr, nullptr),
      nnc_session_evaluate_data(nullptr, d, NNC_PART_TEST, &reports),
      nnc_session_evaluate_data(s, nullptr, NNC_PART_TEST, &reports),
      nnc_session_prepare_evaluation(s, nullptr, NNC_PART_TEST),
      nnc_session_run_data(s, nullptr, NNC_PART_TEST, 0, &arrays),
      nnc_session_parameter(nullptr, nullptr),
      nnc_session_parameter(s, nullptr),
      nnc_session_set_parameter(s, nullptr),
      nnc_session_parameter_view(nullptr, "dense.weight", &view),
      nnc_session_parameter_view(s, nullptr, &view),
      nnc_session_parameter_view(s, "dense.weight", nullptr),
      nnc_session_changed(s, nullptr),
      nnc_session_scalar(s, nullptr, &number),
      nnc_session_scalar(s, "sgd.lr", nullptr),
      nnc_session_set_scalar(s, nullptr, 1),
      nnc_session_save(s, nullptr, NNC_WEIGHTS_ANY),
      nnc_session_load(s, nullptr),
      nnc_session_load_with(s, nullptr, nullptr),
      nnc_session_checkpoint(nullptr, &text),
      nnc_session_restore(s, nullptr, 4),
      nnc_session_resume(s, nullptr),
      nnc_session_digest(nullptr, &text),
      nnc_session_cancel(nullptr),
      nnc_error_problem(0, nullptr),
  };
  for (std::size_t i = 0; i < std::size(all); ++i) {
    CAPTURE(i);
    CHECK(all[i] == NNC_ARGUMENT);
  }
  CHECK(nnc_arrays_count(nullptr) == 0);
  CHECK(nnc_text_size(nullptr) == 0);
  CHECK(std::string(nnc_text_data(nullptr)).empty());
  CHECK(nnc_data_file(nullptr, 0) == nullptr);
  CHECK(nnc_data_class_name(nullptr, 0) == nullptr);
  CHECK(nnc_choices_count(nullptr) == 0);
  CHECK(nnc_overview_loss(nullptr, 0) == nullptr);
  CHECK(nnc_overview_metric(nullptr, 0) == nullptr);
  CHECK(nnc_overview_trained(nullptr, 0) == nullptr);
  nnc_choices_free(nullptr);
  nnc_overview_free(nullptr);
  CHECK(nnc_program_report(nullptr, 0) == nullptr);
  nnc_text_free(nullptr);
  nnc_arrays_free(nullptr);
  nnc_data_free(nullptr);
  nnc_program_free(nullptr);
  nnc_session_free(nullptr);
  nnc_bound_free(nullptr);
}

TEST_CASE("every function of the header is called in this file") {
  auto const read = [](std::string const& path) {
    std::stringstream text;
    text << std::ifstream(NNC_SOURCE_DIR "/" + path).rdbuf();
    return text.str();
  };
  auto const header = read("include/nnc/nnc.h"), tests = read("tests/runtime/c_test.cpp");
  int functions = 0;
  for (std::size_t at = 0; (at = header.find("NNC_API ", at)) != std::string::npos; at += 8) {
    auto const first = header.find("nnc_", header.find_first_of(" *", at + 8)), last = header.find('(', at);
    if (first == std::string::npos || first > last) continue; // the macro itself
    auto const name = header.substr(header.rfind("nnc_", last), last - header.rfind("nnc_", last));
    CAPTURE(name);
    CHECK(tests.find(name + "(") != std::string::npos);
    ++functions;
  }
  CHECK(functions >= 70);
}

TEST_CASE("a view is what it was when the same parameter is looked at again") {
  auto const program = program_of(tiny);
  auto const session = session_of(program.get());
  auto first = empty<nnc_view>(), again = empty<nnc_view>();
  REQUIRE(nnc_session_parameter_view(session.get(), "dense.weight", &first) == NNC_OK);
  REQUIRE(nnc_session_parameter_view(session.get(), "dense.weight", &again) == NNC_OK);
  CHECK(first.shape == again.shape);
  CHECK(first.dtype == again.dtype);
  CHECK(first.shape[0] == 3);
}

TEST_CASE("a rank that was never set is an error of an argument") {
  nnc_column column{sizeof(nnc_column), "x", "f32", x_shape, INT64_MAX, tiny_x.data(), nullptr, nullptr};
  nnc_data* data = nullptr;
  CHECK(nnc_data_from_columns(&column, 1, nullptr, 0, nullptr, &data) == NNC_ARGUMENT);
  CHECK(says(nnc_error_text(), "a shape of 9223372036854775807 extents"));
}

namespace {
struct Seen {
  int64_t tables = 0;
};
int32_t on_tables(void* user, nnc_milestone const* at) {
  auto& seen = *static_cast<Seen*>(user);
  seen.tables += at->table_count + at->validation_table_count;
  return 0;
}
} // namespace

TEST_CASE("the best epoch, patience, and metrics of several numbers") {
  auto const program = program_of(R"(model tiny {
  input  x: f32[batch, 3]
  target label: i32[batch]
  logits = dense(x, 2)
  loss cross_entropy(logits, label)
  metric confusion rows ["no", "yes"] = confusion_matrix(logits, label)
}
train tiny { minimize loss with sgd(lr = 0.0); batch = 4; epochs = 30 }
)");
  auto const session = session_of(program.get());
  Columns columns;
  auto const data = data_of(columns);
  Scratch const scratch;
  auto const file = (scratch / "best").string();
  Seen seen;
  auto options = empty<nnc_train_options>();
  options.validation = data.get();
  options.save_best = file.c_str();
  options.best = "min loss";
  options.patience = "2 of min loss"; // whose first epoch is the best one, as the rate is 0
  options.user = &seen;
  options.on_epoch = on_tables;
  auto trained = empty<nnc_trained>();
  REQUIRE(nnc_session_train(session.get(), data.get(), &options, &trained) == NNC_OK);
  CHECK(trained.epoch == 3);
  CHECK(trained.best_epoch == 1);
  CHECK(trained.best_value > 0);
  CHECK(trained.out_of_patience == 1);
  CHECK(std::string(trained.best_error).empty());
  CHECK(std::filesystem::exists(file));
  CHECK(seen.tables == 3 * 2);
  auto reports = empty<nnc_reports>();
  REQUIRE(nnc_session_evaluate_data(session.get(), data.get(), NNC_PART_ALL, &reports) == NNC_OK);
  REQUIRE(reports.table_count == 1);
  auto const& table = reports.tables[0];
  CHECK(std::string(table.name) == "confusion");
  CHECK(std::string(table.rows[1]) == "yes");
  CHECK(table.rank == 2);
  CHECK(table.shape[0] == 2);
  CHECK(table.count == 4);
  CHECK(table.values[0] + table.values[1] + table.values[2] + table.values[3] == static_cast<double>(reports.examples));
  options.patience = "soon";
  CHECK(nnc_session_train(session.get(), data.get(), &options, nullptr) == NNC_ARGUMENT);
}

TEST_CASE("what made a loss infinite is told in C as in C++") {
  std::string const text = R"(model m {
  input x: f32[batch, 3]
  target label: i32[batch]
  param w: f32[3] = ones()
  loss mean(log(relu(x @ w))) + 0 * mean(f32(label))
}
train m { minimize loss with sgd(lr = 0.1); batch = 4; epochs = 3 }
)";
  Columns columns;
  auto const data = data_of(columns);
  auto const program = program_of(text);
  auto const session = session_of(program.get());
  auto bad = empty<nnc_bad_step>();
  CHECK(nnc_session_explain_bad(session.get(), &bad) == NNC_ARGUMENT);
  CHECK(std::string(nnc_error_text()) == "error: no loss, weight or state of the last training stopped being finite");
  auto options = empty<nnc_train_options>();
  for (std::int64_t const keeps : {0, 1}) {
    auto const on = session_of(program.get());
    options.explain_bad = keeps;
    auto trained = empty<nnc_trained>();
    REQUIRE(nnc_session_train(on.get(), data.get(), &options, &trained) == NNC_OK);
    REQUIRE(nnc_session_explain_bad(on.get(), &bad) == NNC_OK);
    CHECK(bad.step == trained.bad_step);
    CHECK(bad.epoch == 1);
    CHECK(bad.cause == NNC_CAUSE_OPERATION);
    CHECK(std::string(bad.name) == "log");
    CHECK(std::string(bad.part).empty());
    CHECK(std::string(bad.bad) == "the loss 'loss'");
    CHECK(bad.line == 5);
    CHECK(bad.column == 13);
    REQUIRE(bad.rank == 1);
    CHECK(bad.index[0] < 4);
    // Both rows whose numbers have a sum of 0 or less.
    CHECK((bad.example == 5 || bad.example == 6 || tiny_x[3 * static_cast<size_t>(bad.example)] <= 0));
    CHECK(bad.value == -std::numeric_limits<double>::infinity());
    CHECK(std::string(bad.text).find("log gives -inf") != std::string::npos);
  }
  CHECK(nnc_session_explain_bad(nullptr, &bad) == NNC_ARGUMENT);
}
