// What a training looks for on the validation split: the best epoch, patience, and rates that fall on a plateau. The
// epochs tell what they reached; what follows from it is computed here.
#include "tests/runtime/models.h"
#include "tests/runtime/scratch.h"

#include <algorithm>
#include <doctest/doctest.h>
#include <limits>
#include <optional>

using namespace nnc;
using namespace nnc::test;

namespace {

// A net that learns 40 rows by heart while others get worse.
std::string const net = R"(
optimizer told(lr) {
  state rate: f64[] = 0
  rate <- lr
  p <- p - lr * g
}
model net() {
  input  x: f32[batch, 3]
  target label: i32[batch]
  logits = x |> dense(16) |> tanh |> dense(2)
  loss   cross_entropy(logits, label)
  metric accuracy(logits, label)
}
)";

struct Rows {
  std::vector<float> x;
  std::vector<std::int32_t> label;
  std::optional<Data> held;
  Rows() : x(180), label(60) {
    std::uint32_t bits = 7;
    for (auto& v : x) v = static_cast<float>((bits = bits * 1664525 + 1013904223) >> 24) / 64 - 2;
    for (auto& l : label) l = static_cast<std::int32_t>((bits = bits * 1664525 + 1013904223) >> 31);
    held = Data::from_columns({column("x", x, {3}), column("label", label)}, {}, "rows");
  }
};

struct Epoch {
  double loss = 0, accuracy = 0, rate = 0;
  std::string digest;
};

struct Course {
  std::vector<Epoch> epochs;
  Trained trained;
};

Course train(Session& session, Data const& data, TrainOptions options = {}) {
  Course course;
  options.on_epoch = [&](Milestone const& at) {
    course.epochs.push_back({value_of(at.validation, "loss"), value_of(at.validation, "accuracy"),
                             session.parameter("rate/dense.weight").as<double>()[0], session.digest()});
  };
  course.trained = session.train(data, options);
  return course;
}

Program program_of(std::string const& block) {
  return Program::from_text(net + "train net { batch = 8; validation = 20; epochs = 40\n" + block + "}\n");
}

// Strictly better ones count.
template <class Better>
size_t best_of(std::vector<Epoch> const& epochs, double Epoch::* value, Better better) {
  size_t best = 0;
  for (size_t i = 1; i < epochs.size(); ++i)
    if (better(epochs[i].*value, epochs[best].*value)) best = i;
  return best;
}

} // namespace

TEST_CASE("the best epoch is kept, whatever comes behind it") {
  Scratch const scratch;
  Rows const rows;
  auto const file = (scratch / "best.safetensors").string();
  for (std::string const block : {"", "save_best = max accuracy\n"}) {
    CAPTURE(block);
    auto const program = program_of(block + "minimize loss with told(lr = 1)\n");
    Session session(program), best(program);
    TrainOptions options;
    options.save_best = file;
    auto const course = train(session, *rows.held, options);
    REQUIRE(course.epochs.size() == 40);
    size_t const expected = block.empty() ? best_of(course.epochs, &Epoch::loss, std::less<>())
                                          : best_of(course.epochs, &Epoch::accuracy, std::greater<>());
    CHECK(expected > 0);
    CHECK(expected < 39);
    CHECK(course.trained.best_epoch == static_cast<std::int64_t>(expected) + 1);
    auto const& epoch = course.epochs[expected];
    CHECK(course.trained.best_value == (block.empty() ? epoch.loss : epoch.accuracy));
    best.load(file);
    CHECK(best.digest() == epoch.digest);
    best.resume(file); // a whole checkpoint
    CHECK(best.step_count() == 5 * course.trained.best_epoch);
  }
}

TEST_CASE("patience ends a training, and a training that was interrupted remembers") {
  Scratch const scratch;
  Rows const rows;
  auto const program = program_of("patience = 3 of min loss\nminimize loss with told(lr = 1)\n");
  Session session(program);
  auto const course = train(session, *rows.held);
  size_t const best = best_of(course.epochs, &Epoch::loss, std::less<>());
  CHECK(course.trained.out_of_patience);
  CHECK_FALSE(course.trained.stopped);
  CHECK(course.epochs.size() == best + 1 + 3);
  CHECK(course.trained.epoch == static_cast<std::int64_t>(course.epochs.size()));

  for (std::int64_t const stop : {3, 5, 10, 12, 20}) { // in the middle of an epoch of five steps, and at its end
    CAPTURE(stop);
    Session first(program), second(program);
    TrainOptions options;
    options.save = (scratch / ("w" + std::to_string(stop))).string();
    options.steps = stop;
    first.train(*rows.held, options);
    options.steps.reset();
    options.resume = true;
    auto const rest = train(second, *rows.held, options);
    CHECK(rest.trained.out_of_patience);
    CHECK(rest.trained.epoch == course.trained.epoch);
    CHECK(rest.trained.best_epoch == course.trained.best_epoch);
    CHECK(second.digest() == session.digest());
  }

  Session other(program); // the option has the last word
  TrainOptions options;
  options.patience = "2 of max accuracy";
  auto const shorter = train(other, *rows.held, options);
  CHECK(shorter.epochs.size() == best_of(shorter.epochs, &Epoch::accuracy, std::greater<>()) + 1 + 2);
}

TEST_CASE("an aim needs a validation split, a report, and words") {
  Rows const rows;
  auto const program = Program::from_text(net + "train net { minimize loss with told(lr = 1); batch = 8 }\n");
  auto const told = [&](auto const& change) {
    Session session(program);
    TrainOptions options;
    change(options);
    return failure_of([&] { session.train(*rows.held, options); });
  };
  CHECK(told([](auto& o) { o.patience = "3 of min loss"; }).find("there is none") != std::string::npos);
  CHECK(told([&](auto& o) { o.patience = "3 of min los", o.validation = *rows.held; }).find("no loss or metric 'los'") !=
        std::string::npos);
  CHECK(told([](auto& o) { o.patience = "3"; }).find("expected '3 of min loss'") != std::string::npos);
  CHECK(told([](auto& o) { o.best = "most accuracy"; }).find("expected 'min loss'") != std::string::npos);
  CHECK(told([&](auto& o) { o.patience = "3 of max accuracy", o.validation = *rows.held; }) == "no failure");
}

// As ReduceLROnPlateau of PyTorch: more than `patience` epochs without a value that is better by a ten-thousandth.
TEST_CASE("a rate falls on a plateau") {
  Scratch const scratch;
  Rows const rows;
  for (bool const largest : {false, true}) {
    CAPTURE(largest);
    auto const program = program_of(std::string("minimize loss with told(lr = plateau(1, ") +
                                    (largest ? "accuracy, largest = true" : "loss") +
                                    ", factor = 0.5, patience = 2, least = 0.05))\n");
    Session session(program);
    auto const course = train(session, *rows.held);
    double rate = 1, best = largest ? -1e300 : 1e300;
    int waited = 0, falls = 0;
    for (auto const& epoch : course.epochs) {
      CHECK(epoch.rate == rate); // of the last step, in front of the validation
      double const value = largest ? epoch.accuracy : epoch.loss;
      bool const better = largest ? value > best * (1 + 1e-4) : value < best * (1 - 1e-4);
      if (better) best = value, waited = 0;
      else if (++waited > 2) rate = std::max(rate * 0.5, 0.05), waited = 0, ++falls;
    }
    CHECK(falls > 3);
    CHECK(rate == 0.05);

    for (std::int64_t const stop : {7, 10, 33, 60}) {
      CAPTURE(stop);
      Session first(program), second(program);
      TrainOptions options;
      options.save = (scratch / ("p" + std::to_string(stop) + std::to_string(largest))).string();
      options.steps = stop;
      first.train(*rows.held, options);
      options.steps.reset();
      options.resume = true;
      second.train(*rows.held, options);
      CHECK(second.digest() == session.digest());
    }
  }
}
