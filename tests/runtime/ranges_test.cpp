// Numbers that only tune have ranges, from wherever they come; and what numbers at the ends of ranges do.
#include "tests/runtime/models.h"

#include <cmath>
#include <doctest/doctest.h>
#include <fmt/core.h>
#include <limits>

using namespace nnc;
using namespace nnc::test;

namespace {

std::string const dropping = R"(
model m(rate = 0.5) {
  input x: f32[batch, 2]
  param w: f32[2] = 1
  loss sum(dropout(x * w, rate))
}
train m { minimize loss with sgd(lr = 0.5); batch = 1; epochs = 1; clip_norm = 1e30 }
)";

float const inf = std::numeric_limits<float>::infinity();

std::vector<float> weights(Session const& session, std::string const& name) {
  auto const array = session.parameter(name);
  auto const elements = array.as<float>();
  return {elements.begin(), elements.end()};
}

} // namespace

TEST_CASE("a range holds in the text, for --set, and for a host") {
  for (std::string const rate : {"1.5", "-0.5", "nan"}) {
    auto const text = failure_of([&] { Program::from_text(dropping, {.set = {{"rate", rate}}}); });
    CHECK(text.find(fmt::format("program.nn:5:27: error: dropout: the rate is {}, expected a number from 0 to 1",
                                rate)) != std::string::npos);
  }
  auto written = dropping;
  written.replace(written.find("rate = 0.5"), 10, "rate = 1.5");
  CHECK(failure_of([&] { Program::from_text(written); }).find("the rate is 1.5") != std::string::npos);

  Session session(Program::from_text(dropping));
  auto const refused = [&](std::string const& name, double value, std::string const& message) {
    double const before = session.scalar(name);
    auto const text = failure_of([&] { session.set_scalar(name, value); });
    CHECK_MESSAGE(text.find(message) != std::string::npos, text);
    CHECK(session.scalar(name) == before);
  };
  refused("rate", 1.5, "program.nn:5:27: error: dropout: the rate is 1.5, expected a number from 0 to 1");
  refused("rate", -0.5, "the rate is -0.5");
  refused("sgd.lr", -1, "sgd: lr is -1, expected a finite number from 0");
  refused("sgd.lr", HUGE_VAL, "sgd: lr is inf");
  refused("clip_norm", 0, "`clip_norm` is 0, not a positive number");
  session.set_scalar("rate", 1);
  session.set_scalar("rate", 0);
}

TEST_CASE("a range goes with the module as text") {
  std::string elaborated;
  Options options;
  options.on_stage = [&](std::string const& stage, bool, auto const& text) {
    if (stage == "elaborate") elaborated = text();
  };
  auto const program = Program::from_text(dropping, options);
  for (auto const& text : {elaborated, program.text()}) {
    Session session(Program::from_text(text, {}, "m.ir"));
    CHECK(failure_of([&] { session.set_scalar("rate", 1.5); }).find("the rate is 1.5, expected") != std::string::npos);
    auto broken = text;
    broken.replace(broken.find("scalar rate = 0.5"), 17, "scalar rate = 1.5");
    CHECK(failure_of([&] { Session(Program::from_text(broken, {}, "m.ir")); }).find("the rate is 1.5") !=
          std::string::npos);
  }
  CHECK(program.emit("llvm").find("nnc_require") == std::string::npos);
}

TEST_CASE("a condition on several numbers holds for each that is set; one on the step is left out") {
  Session session(Program::from_text(R"(
model m(low = 1.0, high = 2.0) {
  input x: f32[batch]
  param w: f32[] = 1
  require low < high, "from {low} to {high} there are {high - low}"
  require step > 0 and steps >= 0, "never said"
  loss mean(x * w) * low * high
}
train m { minimize loss with sgd(lr = 0.1) })"));
  CHECK(failure_of([&] { session.set_scalar("low", 4.5); }).find("from 4.5 to 2 there are -2.5") != std::string::npos);
  session.set_scalar("high", 5);
  session.set_scalar("low", 4.5);
}

TEST_CASE("dropout at rate 1 drops everything, and weights stay as they are") {
  Session session(Program::from_text(dropping, {.set = {{"rate", "1"}}}));
  std::vector<float> const x{3, -2};
  auto const reports = session.step({{"x", x}}, 1);
  CHECK(value_of(reports.values, "loss") == 0);
  CHECK(weights(session, "w") == std::vector<float>{1, 1});
  Session none(Program::from_text(dropping, {.set = {{"rate", "0"}}}));
  none.step({{"x", std::vector<float>{3, -2}}}, 1);
  CHECK(weights(none, "w") == std::vector<float>{-0.5F, 2});
}

TEST_CASE("clip_norm gives every finite gradient the length that is asked for, at most") {
  Session session(Program::from_text(R"(
model m() {
  input x: f32[batch, 3]
  param w: f32[3] = 0
  param b: f32[] = 0
  loss sum(x * w) + b * 0
}
train m { minimize loss with sgd(lr = 1); batch = 1; clip_norm = 2 })"));
  auto step = [&](std::vector<float> const& gradient, double bound) {
    session.set_scalar("clip_norm", bound);
    session.set_parameter({"w", std::vector<float>(3, 0.0F)});
    session.step({{"x", gradient}}, 1);
    auto w = weights(session, "w");
    for (float& v : w) v = 0 - v;
    return w;
  };
  auto near = [](std::vector<float> const& got, std::vector<double> const& wanted) {
    for (size_t i = 0; i < got.size(); ++i)
      CHECK_MESSAGE(std::abs(got[i] - wanted[i]) <= 1e-6 * std::abs(wanted[i]), got[i] << ", not " << wanted[i]);
  };
  near(step({3e25F, 0, 4e25F}, 2), {1.2, 0, 1.6});
  near(step({3e38F, 0, 3e38F}, 2), {std::sqrt(2.0), 0, std::sqrt(2.0)});
  near(step({3e38F, 0, 0}, 1e-20), {1e-20, 0, 0});
  near(step({3e-25F, 0, -4e-25F}, 2e-30), {1.2e-30, 0, -1.6e-30});
  near(step({3e-38F, 0, -4e-38F}, 2.5e-38), {1.5e-38, 0, -2e-38});
  near(step({3, 0, 4}, 2.5), {1.5, 0, 2});
  CHECK(step({3e25F, 0, 4e25F}, 1e26) == std::vector<float>{3e25F, 0, 4e25F}); // below the bound: the same bits
  CHECK(step({3e-25F, 0, 4e-25F}, 1e30) == std::vector<float>{3e-25F, 0, 4e-25F});
  CHECK(step({3, 0, 4}, 5) == std::vector<float>{3, 0, 4});
  CHECK(step({0, 0, 0}, 1) == std::vector<float>{0, 0, 0});
  for (float v : step({1, NAN, 2}, 1)) CHECK(std::isnan(v));
  CHECK(std::isnan(step({1, inf, 2}, 1)[1]));
}

TEST_CASE("a model without a train block has the numbers of its text, or of --set") {
  std::string const text = "model m(k = 2.0) { output y = k * ones([2]) }";
  auto first = [&](Options const& options) {
    auto const outputs = Session(Program::from_text(text, options)).run({}, 1);
    return outputs.at(0).as<float>()[0];
  };
  CHECK(first({}) == 2);
  CHECK(first({.set = {{"k", "3.5"}}}) == 3.5);
}

TEST_CASE("an index out of range is counted once, in training too") {
  Session session(Program::from_text(R"(
model m() {
  input x: f32[batch]
  loss sum(embedding(i32(x), 4, 3) ^ 2)
}
train m { minimize loss with sgd(lr = 0.1) })"));
  auto clamped = [&](std::vector<float> const& x) {
    return session.step({{"x", x}}, static_cast<std::int64_t>(x.size())).clamped;
  };
  CHECK(clamped({0, 1, 2, 3}) == 0);
  CHECK(clamped({0, 9, 2, -1, 4}) == 3);
}
