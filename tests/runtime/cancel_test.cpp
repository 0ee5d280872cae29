// Session::cancel from another thread and from a signal handler.
#include "tests/runtime/models.h"
#include "tests/runtime/small.h"

#include <doctest/doctest.h>

#include <atomic>
#include <chrono>
#include <csignal>
#include <fmt/core.h>
#include <functional>
#include <thread>

using namespace nnc;
using namespace nnc::test;

namespace {

using Clock = std::chrono::steady_clock;

// Runs `action` and cancels it soon after it has begun; how long it went on after that, in seconds.
template <class Action>
double cancelled(Session& session, Action&& action, std::atomic<bool> const& begun = true) {
  std::atomic<bool> done{false};
  Clock::time_point asked;
  std::thread other([&] {
    while (!begun) std::this_thread::yield();
    std::this_thread::sleep_for(std::chrono::milliseconds(60));
    asked = Clock::now();
    while (!done) { // the call may not have begun
      session.cancel();
      std::this_thread::sleep_for(std::chrono::milliseconds(1));
    }
  });
  action();
  auto const end = Clock::now();
  done = true;
  other.join();
  return std::chrono::duration<double>(end - asked).count();
}

constexpr double soon = 1; // on a machine that does something else as well; 50 ms otherwise

Code code_of(std::function<void()> const& action) {
  try {
    action();
  } catch (Failure const& failure) {
    return failure.code;
  }
  return Code::bug;
}

Session* interrupted = nullptr;

} // namespace

TEST_CASE("a training that is cancelled has made its steps, and goes on") {
  Scratch const scratch;
  auto const data = small_data(scratch, 100);
  Session session(compiled(data));
  TrainOptions options;
  options.epochs = 100'000'000;
  options.save = (scratch / "w.safetensors").string();
  std::atomic<bool> begun{false};
  options.on_slice = [&](Progress const&) { return begun = true; };
  Trained trained;
  CHECK(cancelled(
            session, [&] { trained = session.train(data, options); }, begun) < soon);
  CHECK(trained.stopped);
  CHECK(trained.saved);
  CHECK(trained.step > 0);
  CHECK(trained.step == session.step_count());
  options.epochs = {};
  options.more_steps = 3;
  auto const more = session.train(data, options);
  CHECK(more.step == trained.step + 3);
  CHECK(!more.stopped);
}

TEST_CASE("evaluations and runs that are cancelled are failures of their own kind") {
  auto const program = Program::from_text(R"(model slow {
    input x: f32[batch, 64]
    target y: f32[batch, 64]
    h = x |> dense(1024) |> tanh |> dense(1024) |> tanh |> dense(64)
    output z = h
    loss mean_squared_error(h, y)
  })");
  std::vector<float> const x(64 * 400'000 / 8, 0.5f);
  auto const rows = static_cast<std::int64_t>(x.size() / 64);
  auto const data = Data::from_columns({{"x", "f32", {rows, 64}, x.data()}, {"y", "f32", {rows, 64}, x.data()}});
  Session session(program);
  CHECK(cancelled(session, [&] {
          CHECK(code_of([&] {
                  for (;;) session.evaluate(data, Part::all);
                }) == Code::cancelled);
        }) < soon);
  CHECK(cancelled(session, [&] {
          CHECK(code_of([&] {
                  for (;;) session.run(data, Part::all);
                }) == Code::cancelled);
        }) < soon);
  session.cancel(); // nothing runs
  CHECK(session.run({{"x", View(x.data(), 64)}}, 1).size() == 1);
}

// A program that is compiled for each size of batch, so that compiling never ends.
TEST_CASE("compiling is cancelled, and done the next time") {
  std::string text = "model deep {\n  input x: f32[batch, 8]\n  let n = batch\n";
  text = "model deep {\n  input x: f32[batch, 8]\n  y0 = x + f32(batch)\n";
  for (int i = 0; i < 60; ++i)
    text += fmt::format("  y{} = tanh(y{} * {}) |> dense({}) |> softmax |> dense(8)\n", i + 1, i, i + 2, 8 + i);
  text += "  output z = y60\n}\n";
  Session session(Program::from_text(text));
  std::vector<float> const x(8 * 1000, 0.5f);
  std::int64_t batch = 1;
  CHECK(cancelled(session, [&] {
          CHECK(code_of([&] {
                  for (;; ++batch) session.run({{"x", View(x.data(), static_cast<std::size_t>(8 * batch))}}, batch);
                }) == Code::cancelled);
        }) < 3 * soon);
  CHECK(session.run({{"x", View(x.data(), static_cast<std::size_t>(8 * batch))}}, batch).size() == 1);
}

TEST_CASE("a signal handler may cancel") {
  Scratch const scratch;
  auto const data = small_data(scratch, 100);
  Session session(compiled(data));
  interrupted = &session;
  auto const before = std::signal(SIGUSR1, [](int) { interrupted->cancel(); });
  TrainOptions options;
  options.epochs = 100'000'000;
  options.on_slice = [](Progress const& p) { return p.step < 10 || ::raise(SIGUSR1) == 0; };
  CHECK(session.train(data, options).stopped);
  std::signal(SIGUSR1, before);
}
