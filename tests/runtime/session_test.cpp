// Sessions on the caller's own buffers: steps, runs, parameters, numbers, files, and what they refuse.
#include "runtime/safetensors.h"
#include "runtime/session.h"
#include "tests/runtime/models.h"
#include "tests/runtime/scratch.h"

#include <cmath>
#include <doctest/doctest.h>
#include <fmt/core.h>
#include <thread>

using namespace nnc;
using namespace nnc::test;

namespace {

Reports step_on_all(Session& session) { return session.step({{"x", tiny_x}, {"label", tiny_label}}, 8); }

std::vector<float> weights_of(Session const& session, std::string const& name = "dense.weight") {
  auto const array = session.parameter(name);
  auto const elements = array.as<float>();
  return {elements.begin(), elements.end()};
}

} // namespace

TEST_CASE("steps on the caller's buffers make the loss fall") {
  Session session(Program::from_text(tiny));
  double const first = value_of(step_on_all(session).values, "loss");
  Reports last;
  for (int i = 0; i < 200; ++i) last = step_on_all(session);
  CHECK(std::isfinite(first));
  CHECK(value_of(last.values, "loss") < first / 2);
  CHECK(value_of(last.values, "accuracy") == 1);
  CHECK(last.examples == 8);
  CHECK(session.step_count() == 201);
}

TEST_CASE("one step of gradient descent is what the formula says") {
  Session session(Program::from_text(tiny));
  // Weights 0: every probability is 1/2, and dL/dlogits = (1/2 - onehot) / batch.
  session.set_parameter({"dense.weight", std::vector<float>(6, 0.0f)});
  session.set_parameter({"dense.bias", std::vector<float>(2, 0.0f)});
  std::vector<float> const x{1, 2, 3};
  std::vector<std::int32_t> const label{1};
  auto const reports = session.step({{"x", x}, {"label", label}}, 1);
  CHECK(value_of(reports.values, "loss") == doctest::Approx(std::log(2.0)).epsilon(1e-6));
  auto const w = weights_of(session); // f32[3,2]
  for (size_t i = 0; i < 3; ++i) {
    CHECK(w[2 * i] == doctest::Approx(-0.25 * x[i]));
    CHECK(w[2 * i + 1] == doctest::Approx(0.25 * x[i]));
  }
}

TEST_CASE("a number is set without a new compilation") {
  Session session(Program::from_text(tiny));
  CHECK(session.scalar("sgd.lr") == 0.5);
  session.set_scalar("sgd.lr", 0);
  auto const before = weights_of(session);
  step_on_all(session);
  CHECK(weights_of(session) == before);
  session.set_scalar("sgd.lr", 0.1);
  step_on_all(session);
  CHECK(weights_of(session) != before);
  auto const text = failure_of([&] { session.set_scalar("sgd.rl", 1); });
  CHECK(text.find("sgd.rl") != std::string::npos);
  CHECK(text.find("sgd.lr") != std::string::npos);
}

TEST_CASE("a run gives the outputs of every example, whatever the batch") {
  Session session(Program::from_text(tiny));
  auto const all = session.run({{"x", tiny_x}}, 8);
  REQUIRE(all.size() == 1);
  CHECK(all[0].name == "probs");
  CHECK(all[0].shape == std::vector<std::int64_t>{8, 2});
  auto const probs = all[0].as<float>();
  for (size_t row = 0; row < 8; ++row) {
    CHECK(probs[2 * row] + probs[2 * row + 1] == doctest::Approx(1));
    // The bits of an example do not depend on its neighbours.
    auto const alone = session.run({{"x", std::span(tiny_x).subspan(3 * row, 3)}}, 1);
    CHECK(alone[0].as<float>()[0] == probs[2 * row]);
    CHECK(alone[0].as<float>()[1] == probs[2 * row + 1]);
  }
  CHECK(failure_of([&] { all[0].as<double>(); }).find("f32") != std::string::npos);
}

TEST_CASE("an evaluation changes nothing") {
  Session session(Program::from_text(tiny));
  auto const before = weights_of(session);
  auto const first = session.evaluate({{"x", tiny_x}, {"label", tiny_label}}, 8);
  auto const second = session.evaluate({{"x", tiny_x}, {"label", tiny_label}}, 8);
  CHECK(value_of(first.values, "loss") == value_of(second.values, "loss"));
  CHECK(weights_of(session) == before);
  CHECK(session.step_count() == 0);
}

TEST_CASE("buffers that do not fit are refused") {
  Session session(Program::from_text(tiny));
  auto const says = [&](std::vector<Input> const& inputs, std::int64_t batch, char const* words) {
    auto const text = failure_of([&] { session.step(inputs, batch); });
    CHECK_MESSAGE(text.find(words) != std::string::npos, text);
  };
  says({{"x", tiny_x}}, 8, "'label' is missing");
  says({{"x", tiny_x}, {"label", tiny_label}}, 9, "'x' expects f32[batch,3] with batch = 9");
  says({{"x", tiny_x}, {"label", tiny_label}}, 0, "a batch of 0 examples: expected at least 1");
  says({{"x", tiny_x}, {"label", tiny_label}}, -8, "a batch of -8 examples: expected at least 1");
  says({{"x", tiny_x}, {"label", tiny_label}}, std::int64_t{1} << 40,
       "a batch of 1099511627776 examples: expected at most");
  says({{"x", tiny_x}, {"labels", tiny_label}}, 8, "did you mean 'label'?");
  says({{"x", std::vector<double>(24)}, {"label", tiny_label}}, 8, "bytes of f64");
  says({{"x", std::vector<float>(23)}, {"label", std::vector<std::int32_t>(8)}}, 8, "'x' expects");
  CHECK(failure_of([&] { session.parameter("dense.wait"); }).find("dense.wait") != std::string::npos);
  CHECK(failure_of([&] {
          session.set_parameter({"dense.bias", std::vector<float>(3)});
        }).find("f32[2]") != std::string::npos);
  CHECK(session.step_count() == 0);
}

// In a module that comes as text it may have any shape.
TEST_CASE("an input starts with the batch") {
  auto const text = failure_of([] {
    Session(Program::from_text(R"(func @run(%x: f32[4] input) -> (y: f32[4] output) {
  %y = neg %x : f32[4]
  return %y
}
)",
                               {}, "four.ir"));
  });
  CHECK(text.starts_with("four.ir:1:11: error: the input 'x' is f32[4], expected one that starts with the batch\n"));
}

TEST_CASE("what functions share has one type") {
  auto const with = [](char const* two, char const* three) {
    auto const text = fmt::format(R"(module {{batch=2}}
func @run(%x: {}) -> (y: f32[2] output) {{
  %y = neg %x : f32[2]
  return %y
}}
func @evaluate(%x: {}) -> (loss: f32[] loss) {{
  %loss = reduce_sum %x {{axes=[0]}} : f32[]
  return %loss
}}
)",
                                  two, three);
    return failure_of([&] { Session(Program::from_text(text, {}, "two.ir")); });
  };
  CHECK(with("f32[2] input", "f32[2] input") == "no failure");
  CHECK(with("f32[2] param", "f32[2] param") == "no failure");
  CHECK(with("f32[2] input", "f32[3] input")
            .starts_with("two.ir:6:16: error: the input 'x' is f32[3] here and f32[2] in another function"));
  CHECK(with("f32[2] param", "f32[3] param")
            .starts_with("two.ir:2:11: error: 'x' is f32[2] in @run and f32[3] in another function\n"));
}

TEST_CASE("a program that is made for one batch refuses every other") {
  Session session(Program::from_text(R"(module {batch=4}
func @run(%x: f32[4,2] input) -> (y: f32[4,2] output) {
  %y = neg %x : f32[4,2]
  return %y
}
)",
                                     {}, "four.ir"));
  std::vector<float> const eight(8, 1);
  CHECK(session.run({{"x", eight}}, 4)[0].as<float>()[7] == -1);
  CHECK(failure_of([&] { session.run({{"x", eight}}, 1); }) == "error: the program is made for a batch of 4, got 1");
}

TEST_CASE("a label out of range names the input and the example") {
  Session session(Program::from_text(tiny));
  std::vector<std::int32_t> labels = tiny_label;
  labels[5] = 2;
  auto const text = failure_of([&] { session.step({{"x", tiny_x}, {"label", labels}}, 8); });
  CHECK(text.find("example 5 of column 'label' has 2, expected 0 to 1") != std::string::npos);
  labels[5] = -7;
  CHECK(failure_of([&] {
          session.evaluate({{"x", tiny_x}, {"label", labels}}, 8);
        }).find("has -7") != std::string::npos);
}

TEST_CASE("weights go to a file and come back, with the same digest") {
  Scratch const scratch;
  auto const file = (scratch / "w.safetensors").string();
  auto const program = Program::from_text(tiny);
  Session session(program);
  for (int i = 0; i < 5; ++i) step_on_all(session);
  session.save(file);
  Session other(program, {.threads = 0, .seed = 99, .max_memory = 0, .uses = {}});
  CHECK(other.digest() != session.digest());
  other.load(file);
  CHECK(other.digest() == session.digest());
  CHECK(weights_of(other) == weights_of(session));
  CHECK(session.digest().size() == 64);
}

TEST_CASE("states come from a file that does not say what they are") {
  Scratch const scratch;
  auto const file = (scratch / "w.safetensors").string();
  auto const program = Program::from_text(R"(model m {
  input x: f32[batch, 3]
  param w: f32[3] = 2
  state mean: f32[3] = 1
  output y = x * w + mean
})");
  HostTensor w(DType::f32, {3}), mean(DType::f32, {3});
  for (auto& element : w.writable_as<float>()) element = 5;
  for (auto& element : mean.writable_as<float>()) element = 7;
  write_safetensors(file, {.tensors = {{"w", w}, {"mean", mean}}, .metadata = {}});
  Session session(program);
  session.load(file);
  CHECK(session.parameter("w").as<float>()[0] == 5);
  CHECK(session.parameter("mean").as<float>()[2] == 7);
}

TEST_CASE("a file that does not have every parameter with its type is refused, and changes nothing") {
  Scratch const scratch;
  auto const file = (scratch / "w.safetensors").string();
  Session wide(Program::from_text("model m { input x: f32[batch,3]; output y = dense(x, 5) }"));
  wide.save(file);
  Session session(Program::from_text(tiny));
  auto const before = session.digest();
  auto const text = failure_of([&] { session.load(file); });
  CHECK(text.find("'dense.weight' is f32[3,5], the program has f32[3,2]") != std::string::npos);
  CHECK(session.digest() == before);
  CHECK(failure_of([&] { session.load((scratch / "none").string()); }) != "no failure");
}

TEST_CASE("the seed decides the initial weights") {
  auto const program = Program::from_text(tiny);
  auto const with = [&](std::uint64_t seed) {
    return Session(program, {.threads = 0, .seed = seed, .max_memory = 0, .uses = {}}).digest();
  };
  CHECK(with(1) == with(1));
  CHECK(with(1) != with(2));
  CHECK(with(0) == Session(program).digest());
}

TEST_CASE("a program may be used by several threads at once") {
  auto const program = Program::from_text(tiny);
  std::vector<std::string> digests(4);
  std::vector<std::thread> threads;
  for (auto& digest : digests)
    threads.emplace_back([&] {
      Session session(program);
      for (int i = 0; i < 20; ++i) step_on_all(session);
      digest = session.digest();
    });
  for (auto& thread : threads) thread.join();
  for (auto const& digest : digests) CHECK(digest == digests[0]);
}

TEST_CASE("a program without a train block runs, and says that it cannot train") {
  Session session(Program::from_text("model m { input x: f32[batch,3]; output y = sum(x, axis = 1) }"));
  CHECK(session.run({{"x", tiny_x}}, 8)[0].as<float>()[2] == 3);
  CHECK(failure_of([&] { step_on_all(session); }) != "no failure");
}

TEST_CASE("memory beyond the limit is refused before it is taken") {
  auto const program = Program::from_text(tiny);
  CHECK(failure_of([&] {
          Session(program, {.threads = 0, .seed = {}, .max_memory = 64, .uses = {}});
        }).find("64 are allowed") != std::string::npos);
  CHECK(failure_of([&] { Session(program, {.threads = 0, .seed = {}, .max_memory = 1 << 20, .uses = {}}); }) ==
        "no failure");
  auto const huge = Program::from_text("model m { input x: f32[batch, 3]; param w: f32[3, 1000000000000] = 0; "
                                       "output y = sum(x @ w) }");
  CHECK(failure_of([&] {
          Session(huge, {.threads = 0, .seed = {}, .max_memory = 1 << 20, .uses = {}});
        }).find("1048576 are allowed") != std::string::npos);
}

TEST_CASE("numbers of 16 bits come and go as they are") {
  std::vector<f16> const halves{{0x3c00}, {0xc100}, {0x0001}}; // 1, -2.5, the least of all
  Session session(Program::from_text("model m { input x: f16[batch,3]; output y = x + x }"));
  auto const outputs = session.run({Input("x", halves)}, 1);
  auto const y = outputs[0].as<f16>();
  CHECK(y[0].bits == 0x4000);
  CHECK(y[1].bits == 0xc500);
  CHECK(y[2].bits == 0x0002);
}

TEST_CASE("a parameter is not set from a null pointer, and a name that is wrong by a letter is set right") {
  Session session(Program::from_text(tiny));
  auto const digest = session.digest();
  auto const null = failure_of([&] { session.set_parameter({"dense.weight", "f32", nullptr, 24}); });
  CHECK_MESSAGE(null.find("'dense.weight' is a null pointer") != std::string::npos, null);
  CHECK(session.digest() == digest);
  auto const text = failure_of([&] { (void)session.parameter("dense.weigth"); });
  CHECK_MESSAGE(text.find("did you mean 'dense.weight'?") != std::string::npos, text);
}

TEST_CASE("a file whose states do not fit replaces no parameter") {
  auto const normed = Program::from_text("model m { input x: f32[batch, 4]\n output y = batch_norm(x) |> dense(2)\n"
                                         "target t: f32[batch, 2]\n loss mean_squared_error(y, t) }\n"
                                         "train m { minimize loss with sgd(lr = 0.1) }");
  Scratch const scratch;
  Session session(normed), other(normed, {.threads = 0, .seed = 5, .max_memory = 0, .uses = {}});
  auto bytes = other.checkpoint();
  auto const state = bytes.find("\"batch_norm.running_mean\":{");
  REQUIRE(state != std::string::npos);
  bytes.replace(bytes.find("\"F32\"", state), 5, "\"I32\"");
  auto const digest = session.digest();
  auto const text = failure_of([&] { session.load(scratch.write("w", bytes).string()); });
  CHECK_MESSAGE(text.find("'batch_norm.running_mean' is i32[4], the program has f32[4]") != std::string::npos, text);
  CHECK(session.digest() == digest);
}

TEST_CASE("a step by hand does not follow a schedule of no steps") {
  auto text = tiny;
  text.replace(text.find("lr = 0.5"), 8, "lr = cosine(0.5)");
  Session session(Program::from_text(text));
  std::vector<Input> const inputs{{"x", tiny_x}, {"label", tiny_label}};
  auto const words = "a schedule reads `steps`, and nobody says how many will be made";
  for (auto const& refused :
       {failure_of([&] { session.step(inputs, 8); }), failure_of([&] { (void)session.bind_step(inputs, 8); })})
    CHECK_MESSAGE(refused.find(words) != std::string::npos, refused);
  CHECK(session.step_count() == 0);
  session.set_scalar("steps", 10);
  session.step(inputs, 8);
  CHECK(session.step_count() == 1);
}

TEST_CASE("memory for intermediate values that cannot be had leaves what there is") {
  Arena arena;
  auto* const memory = static_cast<char*>(arena.at_least(4096));
  CHECK_THROWS_AS(arena.at_least(std::size_t{1} << 60), Error);
  REQUIRE(arena.data() == memory);
  memory[4095] = 1; // a bound call would
}

TEST_CASE("a run over data takes no negative limit") {
  Session session(Program::from_text(tiny));
  auto const data = Data::from_columns({column("x", tiny_x, {3}), column("label", tiny_label)});
  auto const text = failure_of([&] { (void)session.run(data, Part::all, -1); });
  CHECK_MESSAGE(text.find("a limit of -1 examples") != std::string::npos, text);
}
