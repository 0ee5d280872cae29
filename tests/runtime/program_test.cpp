// Programs of the public API: what they say of themselves, their stages, and the errors of their text.
#include "tests/runtime/models.h"
#include "tests/runtime/scratch.h"

#include <algorithm>
#include <doctest/doctest.h>

using namespace nnc;
using namespace nnc::test;

namespace {

std::string digest_after_steps(Program const& program) {
  Session session(program);
  for (int i = 0; i < 10; ++i) session.step({{"x", tiny_x}, {"label", tiny_label}}, 8);
  return session.digest();
}

} // namespace

TEST_CASE("a program lists its inputs, outputs, parameters, numbers and reports") {
  auto const program = Program::from_text(tiny);
  CHECK(program.summary() == "train tiny");
  auto const inputs = program.inputs();
  REQUIRE(inputs.size() == 2);
  CHECK(inputs[0].name == "x");
  CHECK(inputs[0].type == "f32[batch,3]");
  CHECK(inputs[0].shape == std::vector<std::int64_t>{-1, 3});
  CHECK(!inputs[0].is_target);
  CHECK(inputs[1].name == "label");
  CHECK(inputs[1].is_target);
  auto const outputs = program.outputs();
  REQUIRE(outputs.size() == 1);
  CHECK(outputs[0].type == "f32[batch,2]");
  auto const parameters = program.parameters();
  REQUIRE(parameters.size() == 2);
  CHECK(parameters[0].name == "dense.weight");
  CHECK(parameters[0].shape == std::vector<std::int64_t>{3, 2});
  CHECK(parameters[1].name == "dense.bias");
  CHECK(program.reports() == std::vector<std::string>{"loss", "accuracy"});
  CHECK(value_of(program.scalars(), "sgd.lr") == 0.5);
  CHECK(program.batch() == 4);
  CHECK(program.can_train());
  CHECK(program.can_run());
}

TEST_CASE("options change the batch, the numbers and the arguments of the model") {
  Options options;
  options.batch = 7;
  options.set = {{"sgd.lr", "0.25"}, {"validation", "2"}};
  auto const program = Program::from_text(tiny, options);
  CHECK(program.batch() == 7);
  CHECK(program.validation() == 2);
  CHECK(value_of(program.scalars(), "sgd.lr") == 0.25);
}

TEST_CASE("an error has a position, the source line and a suggestion") {
  try {
    Program::from_text("model m {\n  input x: f32[batch, 3]\n  output y = dens(x, 2)\n}\n", {}, "wrong.nn");
    FAIL("an unknown name was accepted");
  } catch (Failure const& failure) {
    CHECK(failure.code == Code::type);
    REQUIRE(failure.problems.size() == 1);
    CHECK(failure.problems[0].at.file == "wrong.nn");
    CHECK(failure.problems[0].at.line == 3);
    CHECK(failure.problems[0].at.column == 14);
    CHECK(failure.problems[0].help.find("dense") != std::string::npos);
    std::string const text = failure.what();
    CHECK(text.starts_with("wrong.nn:3:14: error: "));
    CHECK(text.find("output y = dens(x, 2)") != std::string::npos);
    CHECK(!text.ends_with('\n'));
    CHECK(text == failure.problems[0].text);
  }
}

TEST_CASE("the text of a failure holds some errors, its list all of them") {
  std::string text = "model m {\n";
  for (int i = 0; i < 30; ++i) text += "  a" + std::to_string(i) + " = wrong" + std::to_string(i) + "\n";
  auto const count = [&](Options const& options) {
    try {
      Program::from_text(text + "}\n", options);
    } catch (Failure const& failure) {
      CHECK(failure.problems.size() == 30);
      std::string const said = failure.what();
      size_t found = 0;
      for (size_t at = said.find("error:"); at != std::string::npos; at = said.find("error:", at + 1)) ++found;
      CHECK((said.find("more error") != std::string::npos) == (found < 30));
      return found;
    }
    return size_t{0};
  };
  CHECK(count({}) == 20);
  Options options;
  options.max_errors = 3;
  CHECK(count(options) == 3);
  options.max_errors = 0;
  CHECK(count(options) == 30);
}

TEST_CASE("warnings are returned, or errors when that is asked for") {
  std::string const text = "model m {\n  input x: f32[batch, 3]\n  output y = relu(dense(x, 2)) @head\n}\n";
  auto const program = Program::from_text(text);
  REQUIRE(program.warnings().size() == 1);
  auto const& warning = program.warnings()[0];
  CHECK(warning.at.file == "program.nn");
  CHECK(warning.at.line == 3);
  CHECK(warning.at.column == 32);
  CHECK(warning.message.find("`@head`") != std::string::npos);
  CHECK(warning.help.find("dense") != std::string::npos);
  CHECK(warning.text.starts_with("program.nn:3:32: warning: the tag"));
  Options options;
  options.werror = true;
  try {
    Program::from_text(text, options);
    FAIL("a warning was no error");
  } catch (Failure const& failure) {
    CHECK(failure.problems.size() == 1);
    CHECK(std::string(failure.what()).starts_with("program.nn:3:32: error: the tag"));
  }
  CHECK(Program::from_text(tiny, options).warnings().empty());
}

TEST_CASE("stages are shown in order, under the names that stages() lists") {
  std::vector<std::string> seen;
  std::string fused;
  Options options;
  options.on_stage = [&](std::string const& stage, bool, auto const& text) {
    seen.push_back(stage);
    if (stage == "fuse") fused = text();
  };
  auto const program = Program::from_text(tiny, options);
  auto const names = Program::stages();
  CHECK(names.front() == "elaborate");
  CHECK(names.back() == "plan_memory");
  REQUIRE(!seen.empty());
  CHECK(seen.front() == "elaborate");
  CHECK(seen.back() == "plan_memory");
  for (auto const& stage : seen) CHECK(std::find(names.begin(), names.end(), stage) != names.end());
  CHECK(fused.find("kernel") != std::string::npos);
  CHECK(program.text().find("func @train_step") != std::string::npos);
}

TEST_CASE("the text of a stage is a program: it reads back the same, and trains to the same bits") {
  std::string first, last;
  Options options;
  options.on_stage = [&](std::string const& stage, bool, auto const& text) {
    if (stage == "elaborate") first = text();
    if (stage == "plan_memory") last = text();
  };
  auto const digest = digest_after_steps(Program::from_text(tiny, options));
  Options none;
  none.passes = std::vector<std::string>{};
  CHECK(Program::from_text(first, none, "first.ir").text() == first);
  CHECK(Program::from_text(last, none, "last.ir").text() == last);
  CHECK(digest_after_steps(Program::from_text(first, {}, "first.ir")) == digest);
  CHECK(digest_after_steps(Program::from_text(last, none, "last.ir")) == digest);
}

TEST_CASE("exactly the passes that are asked for run") {
  std::vector<std::string> seen;
  Options options;
  options.passes = {"cse", "dce"};
  options.on_stage = [&](std::string const& stage, bool, auto const&) { seen.push_back(stage); };
  auto const program = Program::from_text(tiny, options);
  CHECK(seen == std::vector<std::string>{"elaborate", "cse", "dce"});
  CHECK(program.text().find("func @loss") != std::string::npos);
  CHECK(!program.can_train());
}

TEST_CASE("files are compiled, and what is missing is named") {
  Scratch const scratch;
  auto const file = scratch.write("tiny.nn", tiny);
  CHECK(Program::from_file(file.string()).summary() == "train tiny");
  auto const missing = (scratch / "none.nn").string();
  CHECK(failure_of([&] { Program::from_file(missing); }).find("none.nn") != std::string::npos);
  CHECK(failure_of([&] { Program::from_file(scratch.folder().string()); }) != "no failure");
}

TEST_CASE("a module that is no module is an error with a place") {
  auto const text = failure_of([] { Program::from_text("func @f(%x: f32[2) -> () {\n}\n", {}, "wrong.ir"); });
  CHECK(text.starts_with("wrong.ir:1:"));
}

TEST_CASE("a module that reads and is not well formed is an error with a place") {
  auto const text = failure_of([] {
    Program::from_text(R"(func @run(%x: f32[2]) -> (y: f32[2]) {
  %y = kernel {kind="pointwise"} {
    %y = neg %x : f32[2]
  }
  return %y
}
)",
                       {}, "wrong.ir");
  });
  CHECK_MESSAGE(text.starts_with("wrong.ir:2:3: error: @run: the operands of a kernel are exactly"), text);
}

TEST_CASE("a batch without examples is refused") {
  Options options;
  options.batch = 0;
  CHECK(failure_of([&] { Program::from_text(tiny, options); }) == "error: a batch of 0 examples: expected at least 1");
  auto const text = failure_of([&] { Program::from_text("training {batch=0, steps=-1}\n", {}, "wrong.ir"); });
  CHECK_MESSAGE(text.starts_with("wrong.ir:1:17: error: expected an integer from 1 to"), text);
}

TEST_CASE("what can be emitted, and what cannot") {
  auto const program = Program::from_text(tiny);
  CHECK(program.emit("ir") == program.text());
  CHECK(program.emit("object").substr(0, 4) == "\x7f"
                                               "ELF");
  CHECK(program.emit("llvm").find("define") != std::string::npos);
  CHECK(program.emit("asm").find("nnc_call_train_step") != std::string::npos);
  CHECK(!program.emit("loops").empty());
  CHECK(failure_of([&] { program.emit("poem"); }).find("poem") != std::string::npos);
}

TEST_CASE("an unknown processor is an error") {
  Options options;
  options.cpu = "x86-64-v9";
  CHECK(failure_of([&] { Program::from_text(tiny, options); }).find("x86-64-v9") != std::string::npos);
}

TEST_CASE("code for another processor is made, but not run") {
  Options options;
  options.cpu = "bdver4"; // has instructions that no later processor has
  auto const program = Program::from_text(tiny, options);
  CHECK(program.emit("asm").find("nnc_call_train_step") != std::string::npos);
  auto const text = failure_of([&] { Session{program}; });
  CHECK_MESSAGE(text.find("code for bdver4 cannot run on this machine, which lacks ") != std::string::npos, text);
}

TEST_CASE("an overview tells calls, weights, memory and settings before anything runs") {
  auto const program = nnc::Program::from_text(digits, {}, "digits.nn");
  auto const all = program.overview();
  REQUIRE(!all.calls.empty());
  auto const dense = std::find_if(all.calls.begin(), all.calls.end(), [](auto& c) { return c.path == "dense"; });
  REQUIRE(dense != all.calls.end());
  CHECK(dense->function == "dense");
  CHECK(dense->types == std::vector<std::string>{"f32[batch,10]"});
  CHECK(dense->parameters == 7850);
  CHECK(dense->trained == 7850);
  CHECK(dense->flops == static_cast<double>(program.batch()) * 10 * (2 * 784 + 1));
  CHECK(all.flops > dense->flops);
  CHECK(all.trained == std::vector<std::string>{"dense.bias", "dense.weight"});
  std::int64_t parameters = 0;
  for (auto const& holder : all.memory)
    if (holder.kind == "parameter") parameters += holder.bytes;
  CHECK(parameters == 7850 * 4);
  CHECK(all.settings.front() == std::pair<std::string, std::string>{"batch", std::to_string(program.batch())});
}

TEST_CASE("what can be chosen in a text: train blocks, and models that none of them trains") {
  auto const all = nnc::Program::choices("model a { output x = ones([2]) }\nmodel b { output x = ones([2]) }\n"
                                         "train a @t { minimize loss with sgd() }\n");
  REQUIRE(all.size() == 2);
  CHECK(all[0].name == "t");
  CHECK(all[0].model == "a");
  CHECK(all[0].trains);
  CHECK(all[1].name == "b");
  CHECK(!all[1].trains);
  CHECK(all[1].at.line == 2);
  CHECK(nnc::Program::choices("model {").empty());
}

TEST_CASE("passes say why, and words are documented") {
  std::vector<std::string> lines;
  nnc::Options options;
  options.on_trace = [&](std::string const& line) { lines.push_back(line); };
  (void)nnc::Program::from_text(digits, options);
  CHECK(std::any_of(lines.begin(), lines.end(), [](auto& line) { return line.starts_with("fuse: @train_step: ["); }));
  auto const words = nnc::words();
  CHECK(words.size() > 600);
  for (auto const& word : words) CHECK(word.form.empty() == (word.kind == "elsewhere"));
  CHECK(nnc::build().llvm.starts_with("19."));
}

TEST_CASE("an overview has each call once, whatever phases run it, and metrics of several numbers") {
  auto const text = R"(model net {
  input x: f32[batch, 3]
  logits = dense(x, 2)
  loss mean(logits ^ 2)
  metric sums = total(sum(logits, 0))
}
train net { phase 2 { minimize loss with sgd(0.1) }; phase { minimize loss with adam(0.1) } })";
  auto const all = nnc::Program::from_text(text).overview();
  CHECK(std::ranges::count(all.calls, "dense", &nnc::Layer::path) == 1);
  CHECK(all.metrics == std::vector<std::string>{"sums"});
}

TEST_CASE("how rows come can be set in place of what the block says") {
  auto const text = tiny.substr(0, tiny.rfind('}')) + "; sample = \"weights\" }";
  nnc::Options options;
  options.set = {{"order", "file"}};
  auto const all = nnc::Program::from_text(text, options).overview();
  CHECK(std::ranges::count(all.settings, std::pair<std::string, std::string>{"order", "\"file\""}) == 1);
  options.set = {{"balance", "label"}};
  CHECK_NOTHROW((void)nnc::Program::from_text(text, options));
  options.set = {{"balance", "label"}, {"order", "file"}};
  CHECK_THROWS((void)nnc::Program::from_text(text, options));
}

TEST_CASE("an object runs a program with phases and totals, with its weights; a session trains it") {
  auto const program = nnc::Program::from_text(R"(model net {
  input x: f32[batch, 3]
  y = dense(x, 2)
  output y
  loss mean(y ^ 2)
  metric rows = total(f32(batch))
}
train net { phase 2 { minimize loss with sgd(0.1) }; phase { minimize loss with adam(0.1) } })");
  Scratch const scratch;
  auto const file = (scratch / "w.safetensors").string();
  nnc::Session(program).save(file);
  auto const made = program.emit_object({.weights = file});
  CHECK(made.header.find("net_run(") != std::string::npos);
  CHECK(made.header.find("net_load_weights(") != std::string::npos);
  CHECK(made.header.find("net_train(") == std::string::npos);
}
