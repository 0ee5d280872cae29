// What a train block can say beside `minimize`: freeze, fresh, average, phases; and states of a pass over the data. The
// right values are computed here, from the weights that a session shows between its steps.
#include "tests/runtime/models.h"
#include "tests/runtime/scratch.h"

#include <cmath>
#include <cstring>
#include <doctest/doctest.h>
#include <map>
#include <numeric>

using namespace nnc;
using namespace nnc::test;

namespace {

std::string const net = R"(
model net(rate = 0.25) {
  input  x: f32[batch, 3]
  target label: i32[batch]
  h = x |> dense(6) @body |> batch_norm |> relu |> dropout(rate)
  logits = dense(h, 2) @head
  output probs = softmax(logits)
  loss   cross_entropy(logits, label)
  metric accuracy(logits, label)
}
)";

Program with(std::string const& block, std::string const& model = net) {
  return Program::from_text(model + "train net {\n" + block + "\n}\n");
}

std::vector<float> values(Session const& session, std::string const& name) {
  auto const array = session.parameter(name);
  auto const view = array.as<float>();
  return {view.begin(), view.end()};
}

std::vector<Input> tiny_batch() { return {{"x", tiny_x}, {"label", tiny_label}}; }

Data rows(std::vector<float> const& x) { return Data::from_columns({column("x", x)}, {}, "rows"); }

// Of one layer and a head with so many units; `layers` is what gives h.
std::string net_of(std::string const& layers, int units) {
  return "model net() {\n  input x: f32[batch, 3]\n  target label: i32[batch]\n  h = " + layers +
         "\n  logits = f32(h) |> dense(" + std::to_string(units) +
         ") @head\n  output probs = softmax(logits)\n  loss cross_entropy(logits, label)\n}\n";
}

} // namespace

TEST_CASE("what is frozen stays: weights, states, and nothing is computed for it") {
  Session session(with("freeze \"body.*\", \"batch_norm.*\"; minimize loss with adam(lr = 0.1)"));
  std::map<std::string, std::vector<float>> before;
  std::vector<std::string> const frozen{"body.weight", "body.bias", "batch_norm.scale", "batch_norm.running_mean"};
  for (auto const& name : frozen) before[name] = values(session, name);
  auto const head = values(session, "head.weight");
  for (int i = 0; i < 3; ++i) session.step(tiny_batch(), 8);
  for (auto const& name : frozen) CHECK(values(session, name) == before[name]);
  CHECK(values(session, "head.weight") != head);
  CHECK(failure_of([&] { (void)session.parameter("m/body.weight"); }).find("no parameter") != std::string::npos);
}

TEST_CASE("what is fresh is not taken from a file, whatever it has there") {
  Scratch const scratch;
  auto const file = (scratch / "w.safetensors").string();
  auto const wider = net_of("x |> dense(6) @body", 5), narrower = net_of("x |> dense(6) @body", 2);
  Session first(with("minimize loss with sgd(0.5)", wider));
  first.step(tiny_batch(), 8);
  first.save(file);
  Session second(with("fresh \"head.*\"; minimize loss with sgd(0.5)", narrower)),
      untouched(with("minimize loss with sgd(0.5)", narrower));
  CHECK(values(second, "body.weight") != values(first, "body.weight"));
  second.load(file);
  CHECK(values(second, "body.weight") == values(first, "body.weight"));
  CHECK(values(second, "head.weight") == values(untouched, "head.weight"));
  second.step(tiny_batch(), 8);
  second.save(file); // its own file holds its own head
  Session third(with("fresh \"head.*\"; minimize loss with sgd(0.5)", narrower));
  third.load(file);
  CHECK(third.digest() == second.digest());
  // Who only evaluates wants all weights, also those of another text.
  Session asked(with("fresh \"head.*\"; minimize loss with sgd(0.25)", net_of("x |> dense(6) @body", 2)), {.uses = {Use::evaluate}});
  asked.load(file);
  CHECK(asked.digest() == second.digest());
  first.save(file);
  CHECK(failure_of([&] { untouched.load(file); }).find("head.weight") != std::string::npos);
}

TEST_CASE("an average is that of its formula; runs and evaluations use it, steps do not") {
  std::string const plain = "minimize loss with adam(lr = 0.1)";
  Session raw(with(plain)), session(with("average with ema(decay = 0.9); " + plain));
  auto average = values(session, "body.weight");
  for (int step = 1; step <= 20; ++step) {
    session.step(tiny_batch(), 8);
    raw.step(tiny_batch(), 8);
    auto const now = values(session, "body.weight");
    CHECK(now == values(raw, "body.weight"));
    double const decay = std::min(0.9, (1.0 + step) / (10.0 + step));
    for (size_t i = 0; i < now.size(); ++i)
      average[i] = static_cast<float>(average[i] + (1 - decay) * (now[i] - average[i]));
    auto const kept = values(session, "average/body.weight");
    for (size_t i = 0; i < kept.size(); ++i) CHECK(std::abs(kept[i] - average[i]) < 1e-6);
  }
  auto const inputs = std::vector<Input>{{"x", tiny_x}};
  CHECK(session.run(inputs, 8).at(0).bytes != raw.run(inputs, 8).at(0).bytes);
  std::vector<std::string> const trained{"body.weight",      "body.bias",   "batch_norm.scale",
                                         "batch_norm.shift", "head.weight", "head.bias"};
  for (auto const& name : trained) {
    auto const kept = values(session, "average/" + name);
    raw.set_parameter({name, kept});
  }
  CHECK(session.run(inputs, 8).at(0).bytes == raw.run(inputs, 8).at(0).bytes);

  Scratch const scratch; // both are saved; weights from elsewhere begin an average
  auto const file = (scratch / "w.safetensors").string();
  session.save(file);
  Session again(with("average with ema(decay = 0.9); " + plain));
  again.load(file);
  CHECK(again.run(inputs, 8).at(0).bytes == session.run(inputs, 8).at(0).bytes);
  CHECK(again.digest() == session.digest());
  Session other(with(plain));
  other.save(file);
  again.load(file);
  CHECK(again.run(inputs, 8).at(0).bytes == other.run(inputs, 8).at(0).bytes);
  again.set_parameter({"head.bias", std::vector<float>{1, 2}});
  CHECK(values(again, "average/head.bias") == std::vector<float>{1, 2});
}

TEST_CASE("an average over some of the parameters; one of bf16 is kept in f32") {
  Session session(with("average over \"body.*\" with mean_of_steps(); minimize loss with sgd(lr = 0.1)",
                       net_of("bf16(x) |> dense(6) @body", 2)));
  CHECK(session.parameter("average/body.weight").dtype == "f32");
  CHECK(failure_of([&] { (void)session.parameter("average/head.weight"); }).find("no parameter") != std::string::npos);
  session.step(tiny_batch(), 8);
  auto const p = session.parameter("body.weight");
  auto const mean = values(session, "average/body.weight");
  for (size_t i = 0; i < mean.size(); ++i) { // of one step it is the weight
    std::uint32_t const bits = std::uint32_t{p.as<bf16>()[i].bits} << 16;
    float wide = 0;
    std::memcpy(&wide, &bits, sizeof wide);
    CHECK(mean[i] == wide);
  }
}

// The optimizers add up the numbers of their steps, and what they think is planned.
TEST_CASE("phases take turns, and each counts its own steps") {
  auto const program = Program::from_text(R"(
optimizer count() { p <- p + step + 1000 * steps }
model net() {
  input x: f32[batch]
  param a: f32[] = 0
  param b: f32[] = 0
  param c: f32[] = 0
  loss first = a * mean(x)
  loss second = b * mean(x)
  loss third = (b + c) * mean(x)
}
train net {
  phase 3 { minimize first with count() }
  phase { minimize second with count() }
  phase 2 { minimize third with count() }
  batch = 1
  steps = 11
  order = "file"
}
)");
  std::vector<float> const x(11, 1);
  Session session(program);
  session.train(rows(x));
  // The phases of 11 steps: 0 0 0 1 2 2 0 0 0 1 2.
  double const a = 21 + 6 * 6000, b = 3 + 2 * 2000 + 6 + 3 * 3000, c = 6 + 3 * 3000;
  CHECK(values(session, "a")[0] == a);
  CHECK(values(session, "b")[0] == b);
  CHECK(values(session, "c")[0] == c);

  Session by_hand(program);
  by_hand.set_scalar("steps", 11);
  std::vector<float> const one{1};
  for (int i = 0; i < 11; ++i) by_hand.step({{"x", one}}, 1);
  CHECK(by_hand.digest() == session.digest());
  Session in_calls(program);
  in_calls.set_scalar("steps", 11);
  auto call = in_calls.bind_step({{"x", one}}, 1);
  for (int i = 0; i < 11; ++i) call();
  CHECK(in_calls.digest() == session.digest());
}

TEST_CASE("what is kept per epoch begins anew with each pass over the data") {
  auto const program = Program::from_text(R"(
model net() {
  input x: f32[batch]
  param w: f32[] = 0
  state seen: f32[] = 100 per epoch
  seen <- seen + batch
  loss w * mean(x)
  metric examples = total(f32(batch))
  metric mean_of_all = total(sum(x)) / total(f32(batch))
  metric state = f32(total(0 * mean(x))) + seen
  output now = seen * ones([1])
}
train net { minimize loss with sgd(0.5); batch = 4; epochs = 3; validation = 5 }
)");
  std::vector<float> x(23);
  std::iota(x.begin(), x.end(), 1.0F);
  Session session(program);
  TrainOptions options;
  int epochs = 0;
  options.on_epoch = [&](Milestone const& at) {
    ++epochs;
    CHECK(value_of(at.values, "examples") == 18);
    CHECK(value_of(at.values, "mean_of_all") == (1 + 18) / 2.0);
    CHECK(value_of(at.values, "state") == 118);
    CHECK(value_of(at.validation, "examples") == 5);
    CHECK(value_of(at.validation, "mean_of_all") == 21);
    CHECK(value_of(at.validation, "state") == 105);
  };
  // Evaluations in the middle of an epoch are passes of their own.
  options.on_slice = [&](Progress const&) {
    CHECK(value_of(session.evaluate(rows(x), Part::all).values, "state") == 123);
    return true;
  };
  session.train(rows(x), options);
  CHECK(epochs == 3);
  CHECK(session.run({{"x", x}}, 23).at(0).as<float>()[0] == 123); // a run is one, too
  CHECK(session.run({{"x", x}}, 23).at(0).as<float>()[0] == 123);
}

TEST_CASE("steps by hand are passes of their own behind begin_epoch") {
  auto const program = Program::from_text(R"(
model net() {
  input x: f32[batch]
  param w: f32[] = 0
  state seen: f32[] = 100 per epoch
  seen <- seen + batch
  loss w * mean(x)
  metric examples = total(f32(batch))
  metric state = f32(total(0 * mean(x))) + seen
  metric parts = total(x[0:1] * ones([2]))
}
train net { minimize loss with sgd(lr = 0.5 + 0 * epoch); batch = 4; epochs = 3 }
)");
  std::vector<float> x(4);
  std::iota(x.begin(), x.end(), 1.0F);
  Session session(program), bound(program);
  auto call = bound.bind_step({{"x", x}}, 4);
  for (std::int64_t epoch = 1; epoch <= 3; ++epoch) {
    session.begin_epoch(epoch);
    bound.begin_epoch(epoch);
    CHECK(session.scalar("epoch") == static_cast<double>(epoch));
    for (int step = 1; step <= 2; ++step) {
      auto const reports = session.step({{"x", x}}, 4);
      CHECK(value_of(reports.values, "examples") == 4 * step);
      CHECK(value_of(reports.values, "state") == 100 + 4 * step);
      REQUIRE(reports.tables.size() == 1);
      CHECK(reports.tables[0].values == std::vector<double>(2, step));
      auto const& same = call();
      CHECK(value_of(same.values, "state") == 100 + 4 * step);
      REQUIRE(same.tables.size() == 1);
      CHECK(same.tables[0].name == "parts");
      CHECK(same.tables[0].values == std::vector<double>(2, step));
    }
  }
  CHECK(session.step_count() == 6);
  CHECK(session.digest() == bound.digest());
  CHECK(failure_of([&] { session.begin_epoch(0); }).find("expected a whole number from 1 on") != std::string::npos);
  session.begin_epoch(2); // a training goes on behind the epochs in front of it: two of three are left
  CHECK(session.train(rows(x)).step == 6 + 2);
  CHECK(failure_of([&] { session.sharing_weights().begin_epoch(1); }).find("can only run") != std::string::npos);
}

// 22 rows in 4 runs of 5: 0 .. 4, 5 .. 9, 10 .. 14, 15 .. 19. All but the first element of a run follow their state.
TEST_CASE("a stream takes the next row of each run, and states of the batch go on with them") {
  auto const program = Program::from_text(R"(
model net() {
  input x: f32[batch]
  param w: f32[] = 0
  state h: f32[batch] = -7 per epoch
  follows = total(sum(f32(x - h == 1)))
  h <- x
  loss w * mean(x)
  metric follows
  metric sum = total(sum(x))
}
train net { minimize loss with sgd(0.5); batch = 4; epochs = 2; order = "stream" }
)");
  std::vector<float> x(22);
  std::iota(x.begin(), x.end(), 0.0F);
  Session session(program);
  TrainOptions options;
  int epochs = 0;
  options.on_epoch = [&](Milestone const& at) {
    ++epochs;
    CHECK(value_of(at.values, "follows") == 16);
    CHECK(value_of(at.values, "sum") == 190);
  };
  session.train(rows(x), options);
  CHECK(epochs == 2);
  auto const reports = session.evaluate(rows(x), Part::all);
  CHECK(value_of(reports.values, "follows") == 16);
  CHECK(reports.examples == 20);
  std::vector<float> const seven(7, 1);
  CHECK(failure_of([&] {
          session.step({{"x", x}}, 22);
          session.step({{"x", seven}}, 7);
        }).find("the size of a batch") != std::string::npos);
}

TEST_CASE("a number that only tunes is changed without compiling anything") {
  int compiled = 0;
  Options options;
  options.on_time = [&](std::string const&, double, std::size_t) { ++compiled; }; // stages, passes, machine code
  auto const program = Program::from_text(
      net + "train net { minimize loss with adam(lr = cosine(0.1, warmup = 2)); clip_norm = 1; steps = 10 }", options);
  Session session(program);
  session.step(tiny_batch(), 8);
  int const before = compiled;
  CHECK(before > 1);
  for (auto const* name : {"adam.lr.base", "adam.lr.end", "adam.beta1", "rate", "clip_norm"}) {
    session.set_scalar(name, 0.5);
    session.step(tiny_batch(), 8);
  }
  CHECK(compiled == before);
}

// The parameter becomes 1, 2, 3 ...; one phase changes it in two of three steps, the other in all of its own.
TEST_CASE("an average counts the updates of its parameter in all phases") {
  auto const program = Program::from_text(R"(
optimizer count() { p <- p + 1 }
model net(turns = 2) {
  input x: f32[batch]
  param a: f32[] = 0
  param b: f32[] = 0
  loss first = a * mean(x)
  loss second = (a + b) * mean(x)
}
train net {
  average with mean_of_steps()
  phase turns { minimize first with count() }
  phase turns - 1 { minimize second with count() }
  batch = 1
  steps = 10
  order = "file"
}
)");
  std::vector<float> const x(10, 1);
  Session session(program);
  session.train(rows(x));
  CHECK(values(session, "a")[0] == 10);
  CHECK(values(session, "b")[0] == 3);
  CHECK(values(session, "average/a")[0] == doctest::Approx(5.5));
  CHECK(values(session, "average/b")[0] == doctest::Approx(2));
}

TEST_CASE("the numbers of an average are called apart from those of a clause") {
  Session session(
      with("average with near(share = 0.5); minimize loss with sgd(0.1) @near",
           "fn near(average, p, step, share = 0.25, lr = 1.0) { average + share * lr * (p - average) }" + net));
  session.set_scalar("near.lr", 0);
  session.set_scalar("near_2.lr", 0.5);
  auto const before = values(session, "head.bias");
  session.step(tiny_batch(), 8);
  CHECK(values(session, "head.bias") == before);
}

TEST_CASE("an input may have the name of what a step counts") {
  auto const program = Program::from_text(R"(
model net() {
  input step: f32[batch, 3]
  input seed: f32[batch, 3]
  state epoch: f32[] = 0
  epoch <- epoch + 1
  loss mean(dropout(dense(step + seed, 1), 0.5) ^ 2)
}
train net { minimize loss with sgd(cosine(0.1)); batch = 4; epochs = 2 }
)");
  Session session(program);
  session.train(Data::from_columns({column("step", tiny_x, {3}), column("seed", tiny_x, {3})}, {}, "rows"));
  CHECK(values(session, "epoch")[0] == 4);
}

TEST_CASE("a window makes one example of several rows") {
  std::string const text = R"(
model net() {
  input x: f32[batch, time]
  param w: f32[] = 0
  state last: f32[batch] = -1 per epoch
  follows = total(sum(f32(x[:, 0] - last == 1)) + sum(f32(x[:, 1:] - x[:, :-1] == 1)))
  last <- x[:, -1]
  loss w * mean(x)
  metric follows
  metric examples = total(f32(batch))
}
train net { minimize loss with sgd(0.5); batch = 2; window = 5; order = "stream" }
)";
  std::vector<float> x(43); // eight windows, in two runs of four
  std::iota(x.begin(), x.end(), 0.0F);
  auto const data = rows(x);
  for (std::int64_t const window : {5, 3}) {
    Options options{.data = data};
    if (window != 5) options.set = {{"window", std::to_string(window)}};
    auto const program = Program::from_text(text, options);
    CHECK(program.inputs().at(0).shape.at(1) == window);
    Session session(program);
    std::int64_t const runs = 2, length = 43 / window / runs;
    TrainOptions train;
    train.on_epoch = [&](Milestone const& at) {
      CHECK(value_of(at.values, "examples") == static_cast<double>(runs * length));
      // All but the first element of a run; 0 follows -1 as well.
      CHECK(value_of(at.values, "follows") == static_cast<double>(runs * (length * window - 1) + 1));
    };
    session.train(data, train);
    CHECK(value_of(session.evaluate(data, Part::all).values, "examples") == static_cast<double>(runs * length));
  }
  auto const program = Program::from_text(text, {.data = data});
  Session session(program);
  std::vector<float> const few(4, 0);
  CHECK(failure_of([&] { session.train(rows(few)); }).find("has no training examples") != std::string::npos);
}
