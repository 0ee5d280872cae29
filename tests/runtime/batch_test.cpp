// Programs that need the size of their batch as a number: one compilation for each size that is met, the bits of a
// program that needs none, and mistakes that only some size has.
#include "tests/runtime/small.h"

#include <algorithm>
#include <cmath>
#include <doctest/doctest.h>
#include <fmt/core.h>
#include <mutex>
#include <thread>

using namespace nnc;
using namespace nnc::test;

namespace {

// A running mean over the examples of a batch, which takes part in the training.
std::string const running = R"(model running {
  input  x: u8[batch, 3]
  target label: i32[batch]
  f = f32(x) / 64
  h = zeros([3])
  smooth = scan e in f carry h { h = h * 0.875 + e * 0.125; emit h }
  logits = f + smooth |> dense(4) |> tanh |> dense(2)
  output probs = softmax(logits)
  output means = smooth
  loss   cross_entropy(logits, label)
  metric accuracy(logits, label)
}
train running { minimize loss with adam(lr = 0.01); batch = 8; epochs = 2 }
)";

// What on_time told, stage by stage.
class Heard {
public:
  Options options(Data const& data, std::vector<std::pair<std::string, std::string>> set = {}) {
    Options options;
    options.data = data;
    options.set = std::move(set);
    options.on_time = [this](std::string const& stage, double, std::size_t) {
      std::lock_guard const lock(mutex_);
      stages_.push_back(stage);
    };
    return options;
  }
  std::ptrdiff_t count(std::string const& stage) const { return std::ranges::count(stages_, stage); }
  std::ptrdiff_t programs() const { // beside the first
    return std::ranges::count_if(stages_, [](auto const& s) { return s.starts_with("program for "); });
  }

private:
  std::mutex mutex_;
  std::vector<std::string> stages_;
};

std::string digest_after(std::string const& text, Data const& data, Options options = {}) {
  options.data = data;
  Session session(Program::from_text(text, options));
  session.train(data);
  return session.digest();
}

} // namespace

TEST_CASE("a program is compiled once for each size of batch that it meets") {
  Scratch const scratch;
  auto const data = small_data(scratch, 29);
  Heard heard;
  auto const program = Program::from_text(running, heard.options(data));
  Session session(program);
  CHECK(session.train(data).step == 8);
  CHECK(heard.programs() == 1);
  CHECK(heard.count("program for a batch of 5") == 1);
  CHECK(heard.count("code of train_step for a batch of 5") == 1);
  CHECK(session.evaluate(data, Part::train).examples == 29);
  CHECK(heard.programs() == 1);
  CHECK(heard.count("code of evaluate for a batch of 5") == 1);
  session.run(data, Part::train);
  CHECK(heard.programs() == 2);
  CHECK(heard.count("program for a batch of 29") == 1);
  Session other(program);
  other.train(data);
  other.run(data, Part::train);
  CHECK(heard.programs() == 2);
  CHECK(heard.count("code of run for a batch of 29") == 1);
  CHECK(other.digest() == session.digest());
}

TEST_CASE("no code is made for a batch that does not come") {
  Scratch const scratch;
  auto const data = small_data(scratch, 29);
  Heard dropping, short_of_it, whole;
  Session(Program::from_text(running, dropping.options(data, {{"drop_last", "true"}}))).train(data);
  CHECK(dropping.programs() == 0);
  Session(Program::from_text(running, short_of_it.options(data, {{"steps", "3"}}))).train(data);
  CHECK(short_of_it.programs() == 0);
  Session(Program::from_text(small, whole.options(data))).train(data);
  CHECK(whole.programs() == 0);
}

TEST_CASE("a scan over a batch of any size, and its derivative") {
  auto const program = Program::from_text(R"(model m {
  input x: f32[batch]
  param w: f32[] = 0.5
  param start: f32[] = 2.0
  h = start
  seen = scan e in x carry h { h = h * w + e; emit h * h }
  output squares = seen
  output last = h
  loss sum(seen)
}
train m { minimize loss with sgd(lr = 1.0, momentum = 0.0) }
)");
  for (std::int64_t const batch : {1, 2, 17, 300}) {
    CAPTURE(batch);
    Session session(program);
    std::vector<float> x;
    for (std::int64_t i = 0; i < batch; ++i) x.push_back(static_cast<float>(i % 7) * 0.25F - 0.5F);
    double const w = 0.5;
    double h = 2, by_w = 0, by_start = 1, slope_w = 0, slope_start = 0;
    std::vector<double> squares;
    for (float const e : x) {
      by_w = h + w * by_w, by_start = w * by_start, h = h * w + static_cast<double>(e);
      squares.push_back(h * h);
      slope_w += 2 * h * by_w, slope_start += 2 * h * by_start;
    }
    auto const outputs = session.run({{"x", x}}, batch);
    REQUIRE(outputs[0].shape == std::vector<std::int64_t>{batch});
    for (std::size_t i = 0; i < squares.size(); ++i)
      CHECK(static_cast<double>(outputs[0].as<float>()[i]) == doctest::Approx(squares[i]).epsilon(1e-5));
    CHECK(static_cast<double>(outputs[1].as<float>()[0]) == doctest::Approx(h).epsilon(1e-5));
    session.step({{"x", x}}, batch);
    CHECK(static_cast<double>(session.parameter("w").as<float>()[0]) == doctest::Approx(w - slope_w).epsilon(1e-5));
    CHECK(static_cast<double>(session.parameter("start").as<float>()[0]) ==
          doctest::Approx(2 - slope_start).epsilon(1e-5));
  }
}

// Sums over 300 examples, of few columns: orders that ask for the extents would be others if the batch were one.
TEST_CASE("that a program is made for one size of batch changes no bit of what does not need it") {
  Scratch const scratch;
  auto const data = small_data(scratch, 700);
  auto with_metric = small;
  with_metric.replace(with_metric.find("  metric"), 0,
                      "  r = 0.0\n  scan e in logits carry r { r = r + e[0] }\n  metric running = r\n");
  Options options;
  options.batch = 300;
  CHECK(digest_after(with_metric, data, options) == digest_after(small, data, options));
  auto const part = "  probs_so_far = cumulative_sum(logits, axis = 0)\n";
  auto const scanned = "  s = zeros([2])\n  probs_so_far = scan e in logits carry s { s = s + e; emit s }\n";
  auto plain = small, other = small;
  for (auto* text : {&plain, &other}) {
    text->replace(text->find("  output"), 0, text == &plain ? part : scanned);
    auto const at = text->find("cross_entropy(logits");
    text->replace(at, 20, "cross_entropy(logits + probs_so_far / 64");
  }
  CHECK(digest_after(plain, data, options) == digest_after(other, data, options));
}

TEST_CASE("bits do not depend on threads or on an interruption") {
  Scratch const scratch;
  auto const data = small_data(scratch, 100);
  auto const program = Program::from_text(running, [&] {
    Options options;
    options.data = data;
    return options;
  }());
  auto const after = [&](int threads, std::int64_t stop_at) {
    auto const file = (scratch / "cut.safetensors").string();
    std::filesystem::remove(file);
    SessionOptions how;
    how.threads = threads;
    TrainOptions options;
    options.save = file;
    options.resume = true;
    if (stop_at > 0) {
      options.steps = stop_at;
      Session(program, how).train(data, options);
      options.steps = {};
    }
    Session session(program, how);
    session.train(data, options);
    return session.digest();
  };
  auto const plain = after(1, 0);
  CHECK(after(3, 0) == plain);
  CHECK(after(2, 12) == plain);
  CHECK(after(1, 13) == plain);
}

TEST_CASE("many threads may meet new sizes at once") {
  Scratch const scratch;
  auto const data = small_data(scratch, 29);
  Heard heard;
  auto const program = Program::from_text(running, heard.options(data));
  std::vector<std::thread> threads;
  std::vector<float> last(4);
  for (std::size_t t = 0; t < last.size(); ++t)
    threads.emplace_back([&, t] {
      Session session(program);
      std::vector<std::uint8_t> const x(30, 64);
      for (std::int64_t batch = 1; batch <= 3; ++batch)
        last[t] =
            session.run({{"x", std::span(x).first(static_cast<std::size_t>(batch) * 3)}}, batch)[1].as<float>().back();
    });
  for (auto& thread : threads) thread.join();
  for (float const value : last) CHECK(value == 1 - 0.875F * 0.875F * 0.875F);
  CHECK(heard.programs() == 3);
}

TEST_CASE("a mistake that a last, smaller batch has is found before anything is trained") {
  Scratch const scratch;
  auto const data = small_data(scratch, 29);
  auto text = small;
  text.replace(text.find("  metric"), 0, "  metric first_six = mean(probs[:6])\n");
  auto const with = [&](char const* drop_last) {
    Options options;
    options.data = data;
    options.set = {{"drop_last", drop_last}};
    return Program::from_text(text, options, "first.nn");
  };
  Session session(with("false"));
  auto const before = session.digest();
  auto const failure = failure_of([&] { session.train(data); });
  CHECK_MESSAGE(
      failure.find("first.nn:7:34: error: the range ends at 6, the axis of f32[batch, 2] has 5 in a batch of 5") !=
          std::string::npos,
      failure);
  CHECK_MESSAGE(failure.find("note: this is the program for a batch of 5") != std::string::npos, failure);
  CHECK(session.step_count() == 0);
  CHECK(session.digest() == before);
  Session dropping(with("true"));
  CHECK(dropping.train(data).step == 6);
  auto const trained = dropping.digest();
  CHECK(failure_of([&] { dropping.prepare_evaluation(data, Part::train); }).find("a batch of 5") != std::string::npos);
  CHECK(failure_of([&] { dropping.evaluate(data, Part::train); }).find("a batch of 5") != std::string::npos);
  CHECK(dropping.digest() == trained);
}

TEST_CASE("what is kept has one type, whatever the size of the batch") {
  auto const program = Program::from_text(R"(model m {
  input x: f32[batch, 2]
  every_other = x[::2]
  output y = transpose(every_other) |> dense(3)
}
)",
                                          [] {
                                            Options options;
                                            options.batch = 4;
                                            return options;
                                          }(),
                                          "kept.nn");
  Session session(program);
  std::vector<float> const x(12, 1.0F);
  CHECK(session.run({{"x", std::span(x).first(8)}}, 4)[0].shape == std::vector<std::int64_t>{2, 3});
  CHECK(session.run({{"x", std::span(x).first(6)}}, 3)[0].shape == std::vector<std::int64_t>{2, 3});
  auto const failure = failure_of([&] { session.run({{"x", x}}, 6); });
  CHECK_MESSAGE(
      failure.find("kept.nn:4:40: error: `dense.weight` is f32[2,3] in a batch of 4, and f32[3,3] in one of 6") !=
          std::string::npos,
      failure);
}

TEST_CASE("an output whose extents follow from the batch is that of all examples") {
  Scratch const scratch;
  auto const data = small_data(scratch, 29);
  auto text = small;
  text.replace(text.find("  loss"), 0, "  output some = probs[1::3]\n");
  Session session(compiled(data, {}, text));
  auto const outputs = session.run(data, Part::train);
  CHECK(outputs[0].shape == std::vector<std::int64_t>{29, 2});
  REQUIRE(outputs[1].shape == std::vector<std::int64_t>{10, 2});
  for (std::size_t i = 0; i < 10; ++i) CHECK(outputs[1].as<float>()[2 * i] == outputs[0].as<float>()[2 * (3 * i + 1)]);
}

TEST_CASE("a program says which numbers it is made for") {
  Scratch const scratch;
  auto const data = small_data(scratch, 29);
  auto const program = compiled(data, {}, running);
  REQUIRE(program.constants().size() == 1);
  auto const& constant = program.constants().front();
  CHECK(constant.name == "batch");
  CHECK(constant.value == 8);
  CHECK(constant.at.line == 6);
  CHECK(constant.at.column == 22);
  CHECK(constant.what == "the length of a scan");
  CHECK(compiled(data).constants().empty());
}

TEST_CASE("the text of a module that is made for one size of batch says so, and serves no other") {
  Scratch const scratch;
  auto const data = small_data(scratch, 29);
  auto const text = compiled(data, {{"drop_last", "true"}}, running).emit("ir");
  CHECK(text.starts_with("module {batch=8}\n"));
  auto const program = Program::from_text(text, {}, "running.ir");
  REQUIRE(program.constants().size() == 1);
  CHECK(program.constants().front().what == "the module is made for it");
  Session session(program);
  session.train(data);
  Options options;
  options.set = {{"drop_last", "true"}};
  CHECK(session.digest() == digest_after(running, data, options));
  CHECK(failure_of([&] { session.evaluate(data, Part::train); }).find("the program is made for a batch of 8, got 5") !=
        std::string::npos);
}
