// Where a training is: steps by hand, epochs on several data sets, checkpoints in memory, more of it.
#include "tests/runtime/models.h"
#include "tests/runtime/small.h"

#include <doctest/doctest.h>

#include <limits>
#include <random>

using namespace nnc;
using namespace nnc::test;

namespace {

bool says(std::string const& text, std::string const& words) { return text.find(words) != std::string::npos; }

std::string const adam = [] {
  auto text = tiny;
  text.replace(text.find("sgd(lr = 0.5)"), 13, "adam(lr = 0.05)");
  text.replace(text.find("dense(x, 2)"), 11, "x |> dense(4) |> dropout(0.25) |> dense(2)");
  return text;
}();

void steps(Session& session, int count) {
  for (int i = 0; i < count; ++i) {
    auto const row = static_cast<std::size_t>(session.step_count() % 2 * 4);
    session.step({{"x", View(tiny_x.data() + 3 * row, 12)}, {"label", View(tiny_label.data() + row, 4)}}, 4);
  }
}

} // namespace

TEST_CASE("20 steps by hand are 10, a checkpoint, a new session, and 10") {
  auto const program = Program::from_text(adam);
  Session whole(program, {.threads = 0, .seed = 7, .max_memory = 0, .uses = {}});
  steps(whole, 20);
  Session first(program, {.threads = 0, .seed = 7, .max_memory = 0, .uses = {}});
  steps(first, 10);
  first.set_scalar("adam.lr", 0.05);
  auto const bytes = first.checkpoint();
  Session second(program);
  CHECK(second.digest() != first.digest());
  second.restore(bytes);
  CHECK(second.step_count() == 10);
  steps(second, 10);
  CHECK(second.digest() == whole.digest());
  CHECK(second.checkpoint() == whole.checkpoint());
  // The same by a file.
  Scratch const scratch;
  auto const file = (scratch / "w.safetensors").string();
  first.save(file);
  CHECK(content_of(file) == bytes);
  Session third(program);
  third.resume(file);
  steps(third, 10);
  CHECK(third.digest() == whole.digest());
}

TEST_CASE("a checkpoint keeps the numbers that were set, and the place in the epoch") {
  Scratch const scratch;
  auto const data = small_data(scratch, 100);
  auto const program = compiled(data, {{"epochs", "3"}});
  Session whole(program), first(program), second(program);
  TrainOptions options;
  options.more_steps = 5;
  for (auto* session : {&whole, &first}) {
    session->train(data, options);
    session->set_scalar("adam.lr", 0.002);
    session->train(data, options);
  }
  second.restore(first.checkpoint());
  CHECK(second.scalar("adam.lr") == 0.002);
  CHECK(second.scalar("steps") == first.scalar("steps"));
  whole.train(data);
  CHECK(second.train(data).step == 39);
  CHECK(second.digest() == whole.digest());
}

TEST_CASE("a checkpoint of something else changes nothing") {
  auto const program = Program::from_text(adam);
  Session session(program);
  auto const before = session.digest();
  auto const refused = [&](std::string const& bytes, std::string const& words) {
    try {
      session.restore(bytes);
      FAIL("taken: " << words);
    } catch (Failure const& failure) {
      CHECK_MESSAGE(says(failure.what(), words), failure.what());
      CHECK(failure.code == Code::data);
    }
    CHECK(session.digest() == before);
  };
  refused("", "the checkpoint: expected a safetensors file");
  auto bytes = session.checkpoint();
  refused(bytes.substr(0, bytes.size() - 1), "the checkpoint");
  refused(Session(Program::from_text(tiny)).checkpoint(), "was written with optimizer = sgd, now it is adam");
  auto other = adam;
  other.replace(other.find("dense(4)"), 8, "dense(5)");
  refused(Session(Program::from_text(other)).checkpoint(), "the program has");
  auto deeper = adam;
  deeper.replace(deeper.find("dropout(0.25)"), 13, "dropout(0.5)");
  refused(Session(Program::from_text(deeper)).checkpoint(), "another model");
}

// Whatever the bytes are: a failure, or a checkpoint.
TEST_CASE("damaged checkpoints are refused or restored, and nothing else") {
  auto const program = Program::from_text(adam);
  Session session(program);
  steps(session, 3);
  auto const good = session.checkpoint();
  auto const header = good.find("dense.weight\"") + 200;
  std::mt19937 random(1);
  int taken = 0;
  for (int i = 0; i < 3000; ++i) {
    auto bytes = good;
    for (auto changes = 1 + random() % 3; changes > 0; --changes) {
      auto const at = random() % (random() % 2 ? header : bytes.size());
      if (random() % 4 == 0) bytes.erase(at, random() % 9);
      else if (random() % 4 == 0) bytes.insert(at, 1, static_cast<char>(random()));
      else bytes[at % bytes.size()] = static_cast<char>(random() % 2 ? random() : '0' + random() % 10);
    }
    try {
      session.restore(bytes);
      ++taken;
    } catch (Failure const& failure) {
      CHECK(failure.code != Code::bug);
    }
  }
  CHECK(taken > 0);
  session.restore(good);
  CHECK(session.checkpoint() == good);
}

TEST_CASE("steps without a train block are an error, and no step") {
  auto const text = tiny.substr(0, tiny.find("train tiny"));
  Session session(Program::from_text(text));
  for (auto const& call : {std::function<void()>([&] {
                             session.step({{"x", tiny_x}, {"label", tiny_label}}, 8);
                           }),
                           std::function<void()>([&] {
                             session.bind_step({{"x", tiny_x}, {"label", tiny_label}}, 8);
                           })})
    CHECK(says(failure_of(call), "the program has no train block"));
  CHECK(session.step_count() == 0);
}

TEST_CASE("more epochs, whatever came before") {
  Scratch const scratch;
  auto const data = small_data(scratch, 100);
  auto const second = Data::open(data.files().size() == 2 ? "x=" + data.files()[0] + ",label=" + data.files()[1] : "");
  Session session(compiled(data));
  std::string const x(24, '\1');
  std::vector<std::int32_t> const labels(8);
  for (int i = 0; i < 20; ++i)
    session.step({{"x", View(reinterpret_cast<std::uint8_t const*>(x.data()), x.size())}, {"label", labels}}, 8);
  TrainOptions once;
  once.epochs = 1;
  auto trained = session.train(data, once);
  CHECK(trained.first_step == 20);
  CHECK(trained.step == 33);
  CHECK(trained.epoch == 1);
  once.epochs = {};
  once.more_epochs = 1;
  CHECK(session.train(second, once).step == 46);
  once.more_epochs = {};
  once.more_steps = 3;
  CHECK(session.train(second, once).step == 49);
  once.more_steps = {};
  once.more_epochs = 1;
  trained = session.train(data, once); // another set than before: its epoch begins
  CHECK(trained.step == 62);
  CHECK(trained.epoch == 3);

  auto const refused = [&](TrainOptions const& options, std::string const& words) {
    CHECK(says(failure_of([&] { session.train(data, options); }), words));
    CHECK(session.step_count() == 62);
  };
  refused({}, "nothing is left to do: the session has made 62 steps and 3 epochs");
  once.epochs = 5;
  refused(once, "totals and more of them");
  once.epochs = {};
  once.more_epochs = -1;
  refused(once, "-1 more epochs");
  once.more_epochs = std::numeric_limits<std::int64_t>::max();
  once.on_slice = [](Progress const&) { return false; };
  CHECK(session.train(data, once).stopped);
}

TEST_CASE("milestones are measured over another data set where one is given") {
  Scratch const scratch, other;
  auto const data = small_data(scratch, 100), validation = small_data(other, 30);
  Session session(compiled(data));
  TrainOptions options;
  options.validation = validation;
  std::vector<std::int64_t> measured;
  options.on_epoch = [&](Milestone const& m) { measured.push_back(m.validation_examples); };
  session.train(data, options);
  CHECK(measured == std::vector<std::int64_t>{30, 30});
}

TEST_CASE("numbers that are none are refused") {
  Session session(Program::from_text(adam));
  auto const refused = [&](std::string const& name, double value, std::string const& words) {
    auto const before = session.scalar(name);
    auto const text = failure_of([&] { session.set_scalar(name, value); });
    CHECK_MESSAGE(says(text, words), text);
    CHECK(session.scalar(name) == before);
  };
  refused("adam.lr", std::numeric_limits<double>::quiet_NaN(), "nan");
  refused("adam.lr", std::numeric_limits<double>::infinity(), "inf");
  refused("steps", -1, "'steps' is set to -1, expected a whole number from 0 on");
  refused("steps", 1.5, "'steps' is set to 1.5");
  refused("epoch", 0, "'epoch' is set to 0, expected a whole number from 1 on");
  session.set_scalar("steps", 100);
  CHECK(session.scalar("steps") == 100);
}

TEST_CASE("an input that is given twice is an error, and so is one that is not there") {
  Session session(Program::from_text(tiny));
  CHECK(says(failure_of([&] {
               session.step({{"x", tiny_x}, {"x", tiny_x}, {"label", tiny_label}}, 8);
             }),
             "the input 'x' is given twice"));
  CHECK(says(failure_of([&] { session.run({{"x", "f32", nullptr, 96}}, 8); }), "'x' is a null pointer"));
  auto const* odd = reinterpret_cast<char const*>(tiny_x.data()) + 1;
  CHECK(says(failure_of([&] { session.run({{"x", "f32", odd, 12}}, 1); }), "'x' is not aligned to the 4 bytes"));
  CHECK(session.step_count() == 0);
}

TEST_CASE("a callback may ask its session, and may not train it") {
  Scratch const scratch;
  auto const data = small_data(scratch, 40);
  Session session(compiled(data));
  TrainOptions options;
  int asked = 0;
  options.on_epoch = [&](Milestone const&) {
    ++asked;
    CHECK(session.run(data, Part::all).size() == 1);
    CHECK(session.evaluate(data, Part::all).examples == 40);
    CHECK(!session.checkpoint().empty());
    CHECK(says(failure_of([&] { session.train(data); }), "train while a training of this session runs"));
    CHECK(says(failure_of([&] { session.load("nothing"); }), "load while a training"));
  };
  session.train(data, options);
  CHECK(asked == 2);
}
