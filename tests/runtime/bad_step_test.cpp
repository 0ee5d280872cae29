// What made a loss, a weight or a state infinite or NaN: tests/runtime/bad_steps/*.case are programs that fail, with what
// is said of them. In their first line `x[11] = inf` is a number of the data, `w[1] = nan` one of a parameter.
#include "tests/runtime/small.h"
#include "tests/text_test.h"

#include <atomic>
#include <cmath>
#include <doctest/doctest.h>
#include <limits>
#include <thread>

using namespace nnc;
using namespace nnc::test;

namespace {

struct Given {
  std::vector<float> x{1, 2, 2, 3, 0, 1, 3, 4, 4, 5, 1, 1, 0, 0, 2, 1}, y{3, 4, 2, 5, 6, 1, 1, 2}, w{1, 1};
  bool other_weights = false;

  // ", x[11] = inf, w[1] = nan"
  explicit Given(std::string const& words) {
    for (size_t at = words.find(", "); at != std::string::npos; at = words.find(", ", at + 1)) {
      auto const word = words.substr(at + 2, words.find(',', at + 1) - at - 2);
      auto const open = word.find('['), equals = word.find(" = ");
      REQUIRE(open != std::string::npos);
      REQUIRE(equals != std::string::npos);
      auto& list = word[0] == 'x' ? x : word[0] == 'y' ? y : w;
      other_weights = other_weights || word[0] == 'w';
      list.at(std::stoul(word.substr(open + 1))) = std::stof(word.substr(equals + 3));
    }
  }
  Data data() const { return Data::from_columns({column("x", x, {2}), column("y", y)}); }
};

std::string text_of(BadStep const& bad) {
  char const* const causes[] = {"operation", "data", "weight", "literal", "rounding"};
  std::string index;
  for (auto const i : bad.index) index += (index.empty() ? "" : ",") + std::to_string(i);
  auto const value = std::isnan(bad.value) ? "nan" : bad.value > 1e300 ? "inf" : bad.value < -1e300 ? "-inf" : "finite";
  return "step " + std::to_string(bad.step) + " epoch " + std::to_string(bad.epoch) + " bad " + bad.bad + "\n" +
         causes[static_cast<int>(bad.cause)] + " " + bad.name + (bad.part.empty() ? "" : " of " + bad.part) + " at " +
         bad.at.file + ":" + std::to_string(bad.at.line) + ":" + std::to_string(bad.at.column) + " [" + index + "]" +
         (bad.example < 0 ? "" : " of example " + std::to_string(bad.example)) + " is " + value + "\n" + bad.text +
         "\n";
}

std::string told_of(Program const& program, Given const& given, bool keeps, Trained& trained) {
  Session session(program);
  if (given.other_weights) session.set_parameter({"w", "f32", given.w.data(), given.w.size() * 4});
  auto const data = given.data();
  TrainOptions options;
  options.explain_bad = keeps;
  trained = session.train(data, options);
  auto const digest = session.digest();
  auto const text = text_of(session.explain_bad());
  CHECK(session.digest() == digest);
  CHECK(session.step_count() == trained.step);
  return text;
}

std::string const linear = R"(model m {
  input  x: f32[batch, 2]
  target y: f32[batch]
  param w: f32[2] = ones()
  loss mean((log(x @ w) - y) ^ 2)
}
train m { minimize loss with sgd(lr = 0.1); batch = 4; epochs = 3 }
)";

} // namespace

TEST_CASE("every program that fails is told what made it so") {
  text_test::check_folder("tests/runtime/bad_steps", ".case", [](text_test::Case const& c) {
    CAPTURE(c.path.string());
    Given const given(c.command);
    auto const program = Program::from_text(c.program, {}, c.path.stem().string() + ".nn");
    Trained kept, again;
    auto const text = told_of(program, given, true, kept);
    CHECK((kept.bad_step > 0 || !kept.not_finite.empty()));
    // Without what was kept the training is made again, where it can be.
    if (!given.other_weights) CHECK(told_of(program, given, false, again) == text);
    else
      CHECK(failure_of([&] { (void)told_of(program, given, false, again); }).find("the weights of the seed") !=
            std::string::npos);
    return text;
  });
}

TEST_CASE("a training that keeps what it needs has the bits of one that does not, and stops where it fails") {
  Given const given("train");
  auto const program = Program::from_text(linear);
  TrainOptions options;
  options.steps = 1;
  Session plain(program), keeping(program);
  (void)plain.train(given.data(), options);
  options.explain_bad = true;
  (void)keeping.train(given.data(), options);
  CHECK(plain.digest() == keeping.digest());
  CHECK(failure_of([&] { (void)keeping.explain_bad(); }) ==
        "error: no loss, weight or state of the last training stopped being finite");
  // A weight that no loss shows is found behind its slice, not at the end of the epoch.
  auto const quiet = Program::from_text(R"(model quiet {
    input x: f32[batch, 2]
    target y: f32[batch]
    param w: f32[2] = ones()
    state s: f32[] = 1
    s <- s / abs(f32(step) - 1)
    loss mean((x @ w - y) ^ 2)
  }
  train quiet { minimize loss with sgd(lr = 0.001); batch = 2; epochs = 3 })");
  Session late(quiet), early(quiet);
  options.steps = {};
  CHECK(early.train(given.data(), options).not_finite == "'s' is not finite since step 1");
  CHECK(early.explain_bad().step == 1);
  options.explain_bad = false;
  CHECK(late.train(given.data(), options).not_finite == "'s' is not finite since one of the steps 1 to 4");
  CHECK(late.explain_bad().step == 1);
}

TEST_CASE("a training that goes on all the same keeps its bits and tells of its first bad step") {
  Given const given("train");
  auto const program = Program::from_text(linear);
  TrainOptions options;
  options.stop_on_bad = false;
  Session plain(program), keeping(program);
  auto const trained = plain.train(given.data(), options);
  CHECK(trained.step == 6);
  options.explain_bad = true;
  CHECK(keeping.train(given.data(), options).bad_step == trained.bad_step);
  CHECK(keeping.explain_bad().step == trained.bad_step);
  CHECK(plain.explain_bad().text == keeping.explain_bad().text);
}

TEST_CASE("the batches of a stream are explained where the training keeps them") {
  auto const third = [](std::int64_t, std::int64_t batch, View<Buffer const> buffers) {
    auto const x = buffers[0].as<float>(), y = buffers[1].as<float>();
    std::fill(x.begin(), x.end(), 1.0F);
    std::fill(y.begin(), y.end(), 1.0F);
    if (batch == 2) x[5] = std::numeric_limits<float>::infinity();
    return batch < 4 ? buffers[0].rows : 0;
  };
  auto const data = Data::from_batches({{"x", "f32", {2}}, {"y", "f32", {}}}, third);
  auto const program = Program::from_text(linear, {}, "linear.nn");
  TrainOptions options;
  Session session(program);
  CHECK(session.train(data, options).bad_step == 3);
  CHECK(failure_of([&] { (void)session.explain_bad(); }).find("its data are a stream") != std::string::npos);
  options.explain_bad = true;
  Session keeping(program);
  CHECK(keeping.train(data, options).bad_step == 3);
  auto const bad = keeping.explain_bad();
  CHECK(bad.cause == BadStep::Cause::data);
  CHECK(bad.example == 2);
  CHECK(bad.index == std::vector<std::int64_t>{1});
  CHECK(bad.text.find("linear.nn:2:3: note: step 3 of epoch 1: example 2 of the batch of column 'x' is inf at [1]\n") ==
        0);
}

TEST_CASE("what cannot be made again says what would keep it") {
  Given const given("train");
  Session session(Program::from_text(linear));
  CHECK(failure_of([&] { (void)session.explain_bad(); }) ==
        "error: no loss, weight or state of the last training stopped being finite");
  (void)session.step(
      {{"x", "f32", given.x.data(), given.x.size() * 4}, {"y", "f32", given.y.data(), given.y.size() * 4}}, 8);
  CHECK((session.train(given.data()).bad_step > 0));
  CHECK(failure_of([&] { (void)session.explain_bad(); }) ==
        "error: the failing step cannot be made again: the training did not begin with the weights of the seed, or its "
        "data are a stream\nhelp: a training with TrainOptions::explain_bad keeps what is needed");
  TrainOptions options;
  options.explain_bad = true;
  options.more_epochs = 1;
  (void)session.train(given.data(), options);
  auto const bad = session.explain_bad();
  CHECK(bad.cause == BadStep::Cause::weight); // which the training before has spoiled
  CHECK(bad.text.find("already before the training") != std::string::npos);
}

TEST_CASE("a training whose numbers a callback changes is not taken for one that can be made again") {
  Given const given("train");
  Session session(Program::from_text(linear.substr(0, linear.find("log(x @ w)")) + "x @ w" +
                                     linear.substr(linear.find("log(x @ w)") + 10)));
  TrainOptions options;
  options.epochs = 40;
  options.on_epoch = [&](Milestone const&) { session.set_scalar("sgd.lr", 1e9); };
  CHECK(session.train(given.data(), options).bad_step > 0);
  CHECK(failure_of([&] { (void)session.explain_bad(); }).find("its weights or numbers were changed") !=
        std::string::npos);
}

TEST_CASE("a failing step is the same one from whatever number of threads") {
  Given const given("train");
  auto const program = Program::from_text(linear);
  std::string first;
  for (int const threads : {1, 3}) {
    Session session(program, {.threads = threads});
    (void)session.train(given.data());
    auto const text = session.explain_bad().text;
    if (first.empty()) first = text;
    CHECK(text == first);
  }
}

TEST_CASE("explaining can be cancelled") {
  Given const given("train");
  // Some hundred thousand operations for the evaluator.
  Session session(Program::from_text(R"(model slow {
    input x: f32[batch, 2]
    target y: f32[batch]
    param w: f32[2] = ones()
    h = x @ w
    h_of = scan k in iota(100000) carry h { h = h * 0.5 + f32(k) * 0; emit mean(h) }
    loss mean(log(h) + y) + mean(h_of)
  }
  train slow { minimize loss with sgd(lr = 0.001); batch = 8; epochs = 1 })"));
  REQUIRE(session.train(given.data()).bad_step == 1);
  std::atomic<bool> done{false};
  std::thread other([&] {
    while (!done) session.cancel();
  });
  auto const said = failure_of([&] { (void)session.explain_bad(); });
  done = true;
  other.join();
  CHECK(said == "error: cancelled");
  CHECK(session.explain_bad().name == "log");
}
