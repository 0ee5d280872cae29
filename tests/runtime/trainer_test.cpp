// Training on data sets: epochs and steps, slices, validation, checkpoints, resuming, and data that do not fit.
#include "runtime/checkpoint.h"
#include "tests/runtime/small.h"

#include <doctest/doctest.h>
#include <filesystem>
#include <fmt/core.h>
#include <limits>

using namespace nnc;
using namespace nnc::test;

namespace {

std::string digest_after(Program const& program, Data const& data, TrainOptions const& options = {}) {
  Session session(program);
  session.train(data, options);
  return session.digest();
}

} // namespace

TEST_CASE("an epoch sees every example once, the last batch is smaller") {
  Scratch const scratch;
  auto const data = small_data(scratch, 29);
  auto const program = compiled(data);
  Session session(program);
  std::vector<Milestone> epochs;
  std::int64_t done = 0;
  TrainOptions options;
  options.on_epoch = [&](Milestone const& m) { epochs.push_back(m); };
  options.on_slice = [&](Progress const& p) {
    done = p.done;
    CHECK(p.steps == 8);
    CHECK(p.examples == 29);
    CHECK(p.epochs == 2);
    return true;
  };
  auto const trained = session.train(data, options);
  CHECK(trained.step == 8);
  CHECK(trained.epoch == 2);
  CHECK(trained.examples == 29);
  CHECK(!trained.stopped);
  CHECK(!trained.saved);
  CHECK(done == 29);
  REQUIRE(epochs.size() == 2);
  CHECK(epochs[1].step == 8);
  CHECK(epochs[1].epoch == 2);
  CHECK(value_of(epochs[1].values, "loss") > 0);
  CHECK(epochs[0].validation.empty());
}

TEST_CASE("steps and epochs are totals, and drop_last drops") {
  Scratch const scratch;
  auto const data = small_data(scratch, 29);
  Session session(compiled(data));
  TrainOptions options;
  options.steps = 3;
  CHECK(session.train(data, options).step == 3);
  options.steps = 5;
  auto const trained = session.train(data, options);
  CHECK(trained.step == 5);
  CHECK(trained.epoch == 1);
  options.steps = {};
  options.epochs = 3;
  CHECK(session.train(data, options).step == 12);
  options.epochs = 1;
  CHECK(failure_of([&] {
          session.train(data, options);
        }).find("nothing is left to do: the session has made 12 steps") != std::string::npos);
  Session dropping(compiled(data, {{"drop_last", "true"}}));
  CHECK(dropping.train(data).step == 6);
}

TEST_CASE("training learns") {
  Scratch const scratch;
  auto const data = small_data(scratch, 200);
  Session session(compiled(data, {{"epochs", "30"}}));
  session.train(data);
  auto const reports = session.evaluate(data, Part::train);
  CHECK(reports.examples == 200);
  CHECK(value_of(reports.values, "accuracy") > 0.95);
}

TEST_CASE("where slices end changes no bit") {
  Scratch const scratch;
  auto const data = small_data(scratch, 100);
  auto const program = compiled(data);
  auto const plain = digest_after(program, data);
  TrainOptions cut;
  cut.log_every = 1;
  std::int64_t lines = 0;
  cut.on_log = [&](Milestone const&) { ++lines; };
  CHECK(digest_after(program, data, cut) == plain);
  CHECK(lines == 26);
  cut.log_every = 7;
  CHECK(digest_after(program, data, cut) == plain);
}

TEST_CASE("a training that goes on in the middle of an epoch reports the whole epoch") {
  Scratch const scratch;
  auto const data = small_data(scratch, 100);
  auto const program = compiled(data);
  auto const epochs_of = [&](Session& session, TrainOptions options) {
    std::vector<double> values;
    options.on_epoch = [&](Milestone const& m) {
      values = {value_of(m.values, "loss"), value_of(m.values, "accuracy")};
    };
    session.train(data, options);
    return values;
  };
  TrainOptions options;
  options.epochs = 1;
  Session whole(program), first(program), second(program);
  auto const expected = epochs_of(whole, options);
  options.save = (scratch / "w.safetensors").string();
  options.steps = 5;
  CHECK(epochs_of(first, options) != expected);
  options.steps = {};
  options.resume = true;
  auto const resumed = epochs_of(second, options);
  CHECK(resumed[0] == doctest::Approx(expected[0]).epsilon(1e-12));
  CHECK(resumed[1] == doctest::Approx(expected[1]).epsilon(1e-12));
  CHECK(second.digest() == whole.digest());
  // What a file says of the epoch is not believed when it does not fit.
  for (auto const* damaged : {"", "1", "5 40 0x1p0", "5 40 0x1p0 0x1p0 0x1p0", "-5 40 0x1p0 0x1p0"}) {
    auto checkpoint = load_checkpoint(options.save);
    checkpoint.step = checkpoint.offset.emplace(5);
    checkpoint.epoch = 0;
    checkpoint.notes["epoch"] = damaged;
    save_checkpoint(options.save, checkpoint);
    Session third(program);
    CHECK(epochs_of(third, options).size() == 2);
  }
}

TEST_CASE("the order of the examples follows from the seed") {
  Scratch const scratch;
  auto const data = small_data(scratch, 100);
  auto const program = compiled(data);
  TrainOptions in_order;
  in_order.shuffle = false;
  CHECK(digest_after(program, data) == digest_after(program, data));
  CHECK(digest_after(program, data, in_order) != digest_after(program, data));
  CHECK(digest_after(compiled(data, {{"order", "file"}}), data) == digest_after(program, data, in_order));
}

TEST_CASE("a thousand threads are as many as the machine bears, and train") {
  auto const program = Program::from_text(test::tiny);
  Session session(program, {.threads = 1000, .seed = {}, .max_memory = 0, .uses = {}});
  CHECK(session.threads() >= 64);
  CHECK(session.threads() < 1000);
  for (int step = 0; step < 100; ++step) session.step({{"x", test::tiny_x}, {"label", test::tiny_label}}, 8);
  CHECK(session.step_count() == 100);
}

TEST_CASE("any number of threads gives the same bits") {
  Scratch const scratch;
  auto const data = small_data(scratch, 100);
  auto const program = compiled(data);
  std::vector<std::string> digests;
  for (int threads : {1, 2, 3, 8}) {
    Session session(program, {.threads = threads, .seed = {}, .max_memory = 0, .uses = {}});
    CHECK(session.threads() == threads);
    session.train(data);
    digests.push_back(session.digest());
  }
  for (auto const& digest : digests) CHECK(digest == digests[0]);
}

TEST_CASE("a validation split is taken from the end and not trained on") {
  Scratch const scratch;
  auto const data = small_data(scratch, 50);
  auto const program = compiled(data, {{"validation", "10"}});
  Session session(program);
  std::vector<Milestone> epochs;
  TrainOptions options;
  options.on_epoch = [&](Milestone const& m) { epochs.push_back(m); };
  CHECK(session.train(data, options).examples == 40);
  REQUIRE(epochs.size() == 2);
  CHECK(epochs[1].validation_examples == 10);
  auto const reports = session.evaluate(data, Part::validation);
  CHECK(reports.examples == 10);
  CHECK(value_of(reports.values, "loss") == value_of(epochs[1].validation, "loss"));
  // The same forty examples alone give the same weights.
  Scratch const other;
  CHECK(digest_after(compiled(small_data(other, 40)), small_data(other, 40)) == session.digest());
}

TEST_CASE("a resumed training ends at the same bits") {
  Scratch const scratch;
  auto const data = small_data(scratch, 100);
  auto const program = compiled(data, {{"epochs", "3"}});
  auto const plain = digest_after(program, data);
  for (std::int64_t const first : {1, 12, 13, 20, 39}) {
    TrainOptions options;
    options.save = (scratch / "w.safetensors").string();
    options.steps = first;
    std::filesystem::remove(options.save);
    CHECK(Session(program).train(data, options).saved);
    Session session(program);
    options.steps = {};
    options.resume = true;
    auto const trained = session.train(data, options);
    CHECK(trained.step == 39);
    CHECK(session.digest() == plain);
  }
}

TEST_CASE("what cannot be resumed is said") {
  Scratch const scratch;
  auto const data = small_data(scratch, 100);
  auto const program = compiled(data);
  TrainOptions options;
  options.save = (scratch / "w.safetensors").string();
  options.resume = true;
  CHECK(Session(program).train(data, options).saved); // there is no file: it begins
  auto const smaller = small_data(scratch, 50);
  CHECK(failure_of([&] { Session(compiled(smaller)).train(smaller, options); }).find("examples = 100, now it is 50") !=
        std::string::npos);
  CHECK(failure_of([&] {
          Session(program, {.threads = 0, .seed = 5, .max_memory = 0, .uses = {}}).train(data, options);
        }).find("seed = 0, now it is 5") != std::string::npos);
}

TEST_CASE("on_slice stops a training, and the file holds what was reached") {
  Scratch const scratch;
  auto const data = small_data(scratch, 100);
  Session session(compiled(data));
  TrainOptions options;
  options.save = (scratch / "w.safetensors").string();
  options.save_every = 3;
  options.on_slice = [](Progress const& p) { return p.step < 5; };
  auto const trained = session.train(data, options);
  CHECK(trained.stopped);
  CHECK(trained.saved);
  CHECK(trained.step >= 5);
  Session other(compiled(data));
  other.load(options.save);
  CHECK(other.digest() == session.digest());
}

TEST_CASE("a loss that is not finite stops the training and replaces no checkpoint") {
  Scratch const scratch;
  auto const data = small_data(scratch, 100);
  // From the third step on the loss is log(-1).
  std::string text = small;
  text.replace(text.find("cross_entropy(logits, label)"), 28, "mean(logits * 0) + log(f32(2.5) - f32(step))");
  auto const program = compiled(data, {}, text);
  TrainOptions options;
  options.save = (scratch / "w.safetensors").string();
  options.save_every = 1;
  Session session(program);
  auto trained = session.train(data, options);
  CHECK(trained.bad_step == 3);
  CHECK(trained.step == 3);
  CHECK(!trained.saved);
  Session kept(program);
  options.resume = true;
  options.steps = 2;
  CHECK(kept.train(data, options).step == 2); // the file is the one of step 2
  Session going(program);
  options = {};
  options.stop_on_bad = false;
  trained = going.train(data, options);
  CHECK(trained.bad_step == 3);
  CHECK(trained.step == 26);
}

TEST_CASE("the validation rows are set aside for a training alone") {
  Scratch const scratch;
  auto const data = small_data(scratch, 20);
  Session session(compiled(data, {{"validation", "6"}}));
  CHECK(session.evaluate(data, Part::train).examples == 14);
  CHECK(session.evaluate(data, Part::validation).examples == 6);
  CHECK(session.evaluate(data, Part::all).examples == 20);
  CHECK(Session(compiled(data, {{"validation", "20"}})).evaluate(data, Part::all).examples == 20);
}

TEST_CASE("an output without batch in front speaks of all examples") {
  Scratch const scratch;
  auto const data = small_data(scratch, 3000);
  Session session(Program::from_text(R"(model m {
  input x: u8[batch, 3]
  y = f32(x)
  output largest = max(y)
  output rows = sum(y * 0 + 1)
  output twice = 2 * y
})"));
  auto const outputs = session.run(data, Part::all);
  CHECK(outputs[0].as<float>()[0] == 118);
  CHECK(outputs[1].as<float>()[0] == 9000);
  CHECK(outputs[2].as<float>().size() == 9000);
  SessionOptions little;
  little.max_memory = 4000;
  auto const text = failure_of([&] {
    Session(Program::from_text("model m { input x: u8[batch, 3]; output y = sum(sum(f32(x) * 2, axis = 1)) }"), little)
        .run(data, Part::all);
  });
  CHECK_MESSAGE(text.find("4000 are allowed") != std::string::npos, text);
}

TEST_CASE("more epochs than can be counted in steps are a plan like any other") {
  Scratch const scratch;
  auto const data = small_data(scratch, 20);
  TrainOptions options;
  options.epochs = std::numeric_limits<std::int64_t>::max();
  options.on_slice = [](Progress const& p) {
    CHECK(p.steps > (std::int64_t{1} << 60));
    return false;
  };
  CHECK(Session(compiled(data)).train(data, options).stopped);
}

TEST_CASE("an index that a slice leaves out may be anything") {
  Scratch const scratch;
  auto const data = small_data(scratch, 20); // the third byte goes up to 40
  auto const with = [&](char const* index) {
    return failure_of([&] {
      Session(Program::from_text(fmt::format(
                  "model m {{ input x: u8[batch, 3]; table = f32(iota(30)); loss mean(table[i32(x){}]) }}", index)))
          .evaluate(data, Part::all);
    });
  };
  CHECK(with("").find("of column 'x' has ") != std::string::npos);
  CHECK(with("[:, 1:2]") == "no failure");
}

TEST_CASE("data that do not fit are refused before anything is trained") {
  Scratch const scratch;
  auto const data = small_data(scratch, 20);
  auto const program = compiled(data);
  auto const says = [&](auto&& action, char const* words) {
    auto const text = failure_of(action);
    CHECK_MESSAGE(text.find(words) != std::string::npos, text);
  };
  says([&] { Session(compiled(data, {{"batch", "21"}})).train(data); }, "a batch of 21 is larger than");
  says([&] { Session(compiled(data, {{"validation", "20"}})).train(data); }, "validation = 20, but");
  says(
      [&] {
        Session(Program::from_text("model m { input x: f32[batch]; param a: f32[] = 0; loss mean(a * x) }"))
            .train(data);
      },
      "the program has no train block");
  says([&] { Session(program).evaluate(data, Part::test); }, "has no test examples");
  says([&] { Session(program).evaluate(data, Part::validation); }, "has no validation examples");
  auto const bad = small_data(scratch, 20, 2);
  says([&] { Session(program).train(bad); }, "example 3 of column 'label' has 2, expected 0 to 1");
  says([&] { Session(program).train(Data::open("mnist")); }, "expects u8[batch,3]");
  says([&] { compiled(Data::open("mnist")); }, "error");
}

TEST_CASE("the digits inside nnc are learned") {
  Environment const no_data("NNC_DATA", std::nullopt);
  Environment const no_cache("XDG_CACHE_HOME", "/nowhere");
  auto const data = Data::open("mnist");
  CHECK(data.train_examples() == 5000);
  Session session(compiled(data, {}, digits));
  session.train(data);
  CHECK(value_of(session.evaluate(data, Part::test).values, "accuracy") > 0.75);
  auto const outputs = session.run(data, Part::test, 10);
  CHECK(outputs[0].shape == std::vector<std::int64_t>{10, 10});
}

TEST_CASE("what a callback throws comes out as it is, also where nnc throws the same") {
  Scratch const scratch;
  auto const data = small_data(scratch, 40);
  Session session(compiled(data));
  TrainOptions options;
  options.more_epochs = 1;
  options.on_epoch = [](Milestone const&) {
    throw std::filesystem::filesystem_error("mine", std::make_error_code(std::errc::io_error));
  };
  CHECK_THROWS_AS(session.train(data, options), std::filesystem::filesystem_error);
  options.on_epoch = [](Milestone const&) { throw std::length_error("mine"); };
  CHECK_THROWS_AS(session.train(data, options), std::length_error);
  options.on_epoch = nullptr;
  options.on_slice = [](Progress const&) -> bool { throw std::bad_alloc(); };
  CHECK_THROWS_AS(session.train(data, options), std::bad_alloc);
  Options compiling;
  compiling.on_stage = [](auto const&, bool, auto const&) { throw std::bad_alloc(); };
  CHECK_THROWS_AS(Program::from_text(tiny, compiling), std::bad_alloc);
}

TEST_CASE("a callback that gives nothing may be a function that returns something") {
  Scratch const scratch;
  auto const data = small_data(scratch, 40);
  int epochs = 0;
  TrainOptions options;
  options.on_epoch = [&](Milestone const&) { return ++epochs; };
  Session(compiled(data)).train(data, options);
  CHECK(epochs == 2);
}

TEST_CASE("a checkpoint that a callback makes within an epoch holds what the reports were so far") {
  Scratch const scratch;
  auto const data = small_data(scratch, 44);
  auto const program = compiled(data);
  auto const epoch_of = [&](Session session) {
    std::vector<Number> values;
    TrainOptions options;
    options.epochs = 1;
    options.on_epoch = [&](Milestone const& reached) { values = reached.values; };
    session.train(data, options);
    return std::pair(values.at(0).value, session.digest());
  };
  auto const whole = epoch_of(Session(program));
  for (std::int64_t at = 1; at < 6; ++at) {
    CAPTURE(at);
    std::string checkpoint;
    Session session(program);
    TrainOptions options;
    options.save = (scratch / "w").string();
    options.save_every = 3; // these have sums of their own
    options.log_every = 1;
    options.on_log = [&](Milestone const& line) {
      if (line.step == at) checkpoint = session.checkpoint();
    };
    session.train(data, options);
    Session other(program);
    other.restore(checkpoint);
    CHECK(epoch_of(std::move(other)) == whole);
  }
}

TEST_CASE("an epoch that an exception ended is reported whole when it goes on") {
  Scratch const scratch;
  auto const data = small_data(scratch, 44);
  auto const program = compiled(data);
  auto const last_of = [&](Session& session) {
    double loss = 0;
    TrainOptions options;
    options.epochs = 1;
    options.on_epoch = [&](Milestone const& reached) { loss = reached.values[0].value; };
    session.train(data, options);
    return loss;
  };
  Session whole(program), broken(program);
  TrainOptions options;
  options.log_every = 1;
  options.on_log = [](Milestone const& line) {
    if (line.step == 4) throw std::runtime_error("mine");
  };
  CHECK_THROWS_AS(broken.train(data, options), std::runtime_error);
  CHECK(last_of(broken) == last_of(whole));
}

TEST_CASE("data that are gone are other data, however much the next look like them") {
  std::vector<std::uint8_t> x(40 * 3, 1);
  std::vector<std::int32_t> label(40);
  auto const make = [&] { return Data::from_columns({column("x", x, {3}), column("label", label)}); };
  Session session(compiled(make()));
  TrainOptions options;
  options.more_steps = 2;
  session.train(make(), options);
  auto const trained = session.train(make(), options); // within the first two steps of a new epoch
  CHECK(trained.step == 4);
  options.more_steps = 3;
  CHECK(session.train(make(), options).epoch == 0);
  // After a checkpoint nobody knows more than that they look the same.
  session.restore(session.checkpoint());
  options.more_steps = 2;
  CHECK(session.train(make(), options).epoch == 1);
}

TEST_CASE("a training that is refused leaves the place in the one before") {
  Scratch const scratch;
  auto const data = small_data(scratch, 44);
  auto text = small;
  text.replace(text.find("lr = 0.01"), 9, "lr = cosine(0.01)");
  Session refused(compiled(data, {}, text)), plain(compiled(data, {}, text));
  TrainOptions options;
  options.steps = 20;
  options.on_slice = [](Progress const& progress) { return progress.step < 3; };
  options.log_every = 1;
  for (auto* session : {&refused, &plain}) session->train(data, options);
  auto const vague = Data::from_batches({{"x", "u8", {3}}, {"label", "i32", {}}}, [](auto, auto, auto) { return 0; });
  auto const words = failure_of([&] { refused.train(vague); });
  CHECK_MESSAGE(words.find("a schedule reads `steps`") != std::string::npos, words);
  options.on_slice = nullptr;
  for (auto* session : {&refused, &plain}) session->train(data, options);
  CHECK(refused.digest() == plain.digest());
}

TEST_CASE("how often to save and to log is no negative number") {
  Scratch const scratch;
  auto const data = small_data(scratch, 40);
  Session session(compiled(data));
  TrainOptions options;
  options.save_every = -1;
  auto const saves = failure_of([&] { session.train(data, options); });
  CHECK_MESSAGE(saves.find("-1 steps between saves") != std::string::npos, saves);
  options.save_every = 0;
  options.log_every = -2;
  auto const lines = failure_of([&] { session.train(data, options); });
  CHECK_MESSAGE(lines.find("-2 steps between lines of the log") != std::string::npos, lines);
}

// The rate of step n by the formula of the schedule.
TEST_CASE("milestones tell the learning rates, whatever gives them, and seconds of the epoch beside those in all") {
  auto const rates = [](std::string const& block, std::int64_t every = 1) {
    Session session(Program::from_text(tiny.substr(0, tiny.find("train tiny")) + "train tiny { " + block +
                                       "; batch = 4; epochs = 3 }\n"));
    std::vector<std::vector<Number>> told;
    TrainOptions options;
    options.log_every = every;
    options.on_log = [&](Milestone const& at) {
      CHECK(at.seconds_of_epoch > 0);
      CHECK(at.seconds_of_epoch <= at.seconds);
      told.push_back(at.rates);
    };
    session.train(Data::from_columns({column("x", tiny_x, {3}), column("label", tiny_label)}), options);
    REQUIRE(told.size() == 6);
    return told;
  };
  for (auto const& told : rates("minimize loss with sgd(lr = 0.25)")) {
    REQUIRE(told.size() == 1);
    CHECK(told[0].name == "sgd.lr");
    CHECK(told[0].value == 0.25);
  }
  auto const own = rates("minimize loss with adam(lr = 0.5 / step)");
  for (size_t i = 0; i < own.size(); ++i) {
    REQUIRE(own[i].size() == 1);
    CHECK(own[i][0].name == "adam.lr");
    CHECK(own[i][0].value == doctest::Approx(0.5 / static_cast<double>(i + 1)));
  }
  auto const bare = rates("minimize loss with sgd(lr = epoch)");
  for (size_t i = 0; i < bare.size(); ++i) {
    REQUIRE(bare[i].size() == 1);
    CHECK(bare[i][0].name == "sgd.lr");
    CHECK(bare[i][0].value == static_cast<double>(i / 2 + 1));
  }
  auto const warm = rates("minimize loss with sgd(lr = cosine(0.5))");
  for (size_t i = 1; i < warm.size(); ++i) CHECK(warm[i][0].value < warm[i - 1][0].value);
  auto const two = rates("minimize loss over \"*.weight\" with adam(lr = 0.5); minimize loss over \"*.bias\" with "
                         "adam(lr = 2 * epoch)");
  REQUIRE(two[5].size() == 2);
  CHECK(two[5][0].name == "adam.lr");
  CHECK(two[5][1].name == "adam_2.lr");
  CHECK(two[5][1].value == 6);
  CHECK(two[0][1].value == 2);
}
