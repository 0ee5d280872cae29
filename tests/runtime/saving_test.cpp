// When a training writes its checkpoint and when it must not: weights decide, a full disk is no end, whoever listens
// cannot cost one.
#include "runtime/checkpoint.h"
#include "runtime/finite.h"
#include "tests/runtime/small.h"

#include <algorithm>
#include <cmath>
#include <doctest/doctest.h>
#include <limits>

using namespace nnc;
using namespace nnc::test;

namespace {

// The small program with more lines in its model and another loss.
std::string with(std::string const& lines, std::string const& loss = "cross_entropy(logits, label)") {
  std::string text = small;
  std::string const usual = "loss   cross_entropy(logits, label)";
  return text.replace(text.find(usual), usual.size(), lines + "\n  loss " + loss);
}

// A state that is infinite from step 3 on, and no loss that shows it.
std::string const bad_state = with("state s: f32[] = 1\n  s <- s / abs(f32(step) - 3)");
// An infinite gradient in step 3, behind a loss that is finite.
std::string const bad_parameter =
    with("param a: f32[] = 1", "cross_entropy(logits, label) + sqrt(abs(f32(step) - 3) + (a - stop_gradient(a)))");
// An infinite loss in step 3 that no gradient notices.
std::string const bad_loss = with("", "cross_entropy(logits, label) + 1 / abs(f32(step) - 3)");

std::int64_t step_in(std::string const& file) { return load_checkpoint(file).step; }

bool contains(std::string const& text, std::string const& part) { return text.find(part) != std::string::npos; }

struct Stop {};

} // namespace

TEST_CASE("infinities and NaN are found in every float type, wherever they stand") {
  auto const check = [](DType dtype, auto bad, auto largest) {
    for (std::int64_t const size : {1, 7, 4096, 10'000})
      for (std::int64_t const at : {std::int64_t{0}, size / 2, size - 1}) {
        HostTensor tensor(dtype, {size});
        auto elements = tensor.writable_as<decltype(bad)>();
        std::ranges::fill(elements, largest);
        CHECK(is_finite(tensor));
        elements[static_cast<size_t>(at)] = bad;
        CHECK(!is_finite(tensor));
      }
  };
  auto constexpr inf = std::numeric_limits<f64>::infinity();
  for (f64 const bad : {inf, -inf, std::nan("")}) {
    check(DType::f64, bad, std::numeric_limits<f64>::max());
    check(DType::f32, static_cast<f32>(bad), std::numeric_limits<f32>::max());
  }
  check(DType::f16, u16{0xfc00}, u16{0x7bff});
  check(DType::bf16, u16{0x7fc0}, u16{0x7f7f});
  HostTensor numbers(DType::i32, {3});
  std::ranges::fill(numbers.writable_as<i32>(), -1);
  CHECK(is_finite(numbers));
  CHECK(is_finite(HostTensor(DType::f32, {0})));
}

TEST_CASE("weights that are not finite behind a finite loss replace no checkpoint") {
  Scratch const scratch;
  auto const data = small_data(scratch, 100);
  TrainOptions options;
  options.save = (scratch / "w.safetensors").string();
  options.save_every = 1;
  Session session(compiled(data, {}, bad_parameter));
  auto trained = session.train(data, options);
  CHECK(trained.bad_step == 0);
  CHECK(trained.step == 3);
  CHECK(!trained.saved);
  CHECK(trained.not_finite == "'a' is not finite since step 3");
  CHECK(step_in(options.save) == 2);

  // At the end of an epoch of 13 steps, also without a file.
  trained = Session(compiled(data, {}, bad_state)).train(data);
  CHECK(trained.step == 13);
  CHECK(trained.not_finite == "'s' is not finite since one of the steps 1 to 13");
  options.save_every = 0;
  std::filesystem::remove(options.save);
  trained = Session(compiled(data, {}, bad_state)).train(data, options);
  CHECK(trained.saves == 0);
  CHECK(!std::filesystem::exists(options.save));
}

TEST_CASE("a training that goes on all the same says what is not finite, and keeps the file") {
  Scratch const scratch;
  auto const data = small_data(scratch, 100);
  std::vector<std::string> notes;
  TrainOptions options;
  options.save = (scratch / "w.safetensors").string();
  options.save_every = 1;
  options.stop_on_bad = false;
  options.on_note = [&](std::string const& line) { notes.push_back(line); };
  auto const trained = Session(compiled(data, {}, bad_state)).train(data, options);
  CHECK(trained.step == 26);
  CHECK(trained.not_finite == "'s' is not finite since step 3");
  CHECK(notes == std::vector{trained.not_finite});
  CHECK(!trained.saved);
  CHECK(trained.saves == 2);
  CHECK(step_in(options.save) == 2);
}

TEST_CASE("one loss that is not finite does not end the saving of a training that goes on") {
  Scratch const scratch;
  auto const data = small_data(scratch, 100);
  TrainOptions options;
  options.save = (scratch / "w.safetensors").string();
  options.stop_on_bad = false;
  Session session(compiled(data, {}, bad_loss));
  auto const trained = session.train(data, options);
  CHECK(trained.bad_step == 3);
  CHECK(trained.step == 26);
  CHECK(trained.not_finite.empty());
  CHECK(trained.saved);
  CHECK(step_in(options.save) == 26);
}

TEST_CASE("a host that saves weights that are not finite is told which, and may insist") {
  Scratch const scratch;
  Session session(Program::from_text(tiny));
  auto const file = (scratch / "w.safetensors").string();
  session.save(file);
  auto const before = content_of(file);
  session.set_parameter({"dense.bias", std::vector<float>{0, std::nanf("")}});
  auto const text = failure_of([&] { session.save(file); });
  CHECK_MESSAGE(contains(text, "'dense.bias' is not finite, so " + file + " is not written"), text);
  CHECK(content_of(file) == before);
  session.save(file, Weights::any);
  CHECK(content_of(file) != before);
}

TEST_CASE("epochs of microseconds are not saved one by one") {
  Scratch const scratch;
  auto const data = small_data(scratch, 8);
  TrainOptions options;
  options.epochs = 3000;
  options.save = (scratch / "w.safetensors").string();
  auto const trained = Session(compiled(data)).train(data, options);
  CHECK(trained.saved);
  CHECK(static_cast<double>(trained.saves) <= 1 + trained.seconds / 4);
  options.epochs = {};
  options.steps = 20;
  options.save_every = 3;
  CHECK(Session(compiled(data)).train(data, options).saves == 7); // 3, 6, ..., 18, 20
}

TEST_CASE("a callback that throws costs no step that was made before") {
  Scratch const scratch;
  auto const data = small_data(scratch, 100);
  auto const throws_in = [&](auto TrainOptions::*callback) {
    TrainOptions options;
    options.save = (scratch / "w.safetensors").string();
    std::filesystem::remove(options.save);
    options.*callback = [](auto const&...) ->
        typename std::decay_t<decltype(options.*callback)>::result_type { throw Stop{}; };
    Session session(compiled(data));
    CHECK_THROWS_AS(session.train(data, options), Stop);
    CHECK(session.step_count() > 0);
    CHECK(step_in(options.save) == session.step_count());
  };
  throws_in(&TrainOptions::on_slice);
  throws_in(&TrainOptions::on_epoch);
  throws_in(&TrainOptions::on_log);
}

TEST_CASE("a checkpoint is written before anybody hears of the step") {
  Scratch const scratch;
  auto const data = small_data(scratch, 100);
  TrainOptions options;
  options.save = (scratch / "w.safetensors").string();
  options.save_every = 13;
  options.log_every = 13;
  int heard = 0;
  options.on_log = [&](Milestone const& m) {
    CHECK(step_in(options.save) == m.step);
    ++heard;
  };
  options.on_epoch = options.on_log;
  Session(compiled(data)).train(data, options);
  CHECK(heard == 4);
}

TEST_CASE("a full disk keeps the old checkpoint, is said once, and does not end the training") {
  Scratch const scratch;
  auto const data = small_data(scratch, 100);
  std::vector<std::string> notes;
  TrainOptions options;
  options.save = (scratch / "w.safetensors").string();
  options.steps = 2;
  Session(compiled(data)).train(data, options);
  auto const before = content_of(options.save);
  options = {.save = options.save, .save_every = 1};
  options.on_note = [&](std::string const& line) { notes.push_back(line); };
  auto full = std::make_unique<FullDisk>(100);
  auto trained = Session(compiled(data)).train(data, options);
  full.reset();
  CHECK(trained.step == 26);
  CHECK(!trained.saved);
  CHECK(contains(trained.save_error, "w.safetensors: cannot write: file too large"));
  REQUIRE(notes.size() == 1);
  CHECK(contains(notes[0], "cannot write: file too large; the training goes on and tries it again"));
  CHECK(content_of(options.save) == before);

  // There is room again before the training ends.
  full = std::make_unique<FullDisk>(100);
  options.on_epoch = [&](Milestone const&) { full.reset(); };
  trained = Session(compiled(data)).train(data, options);
  CHECK(trained.saved);
  CHECK(trained.save_error.empty());
  CHECK(step_in(options.save) == 26);
}

TEST_CASE("a folder that cannot be written is found before anything is trained") {
  Scratch const scratch;
  auto const data = small_data(scratch, 100);
  TrainOptions options;
  int slices = 0;
  options.on_slice = [&](Progress const&) { return ++slices > 0; };
  options.save = (scratch / "none/w.safetensors").string();
  auto const text = failure_of([&] { Session(compiled(data)).train(data, options); });
  CHECK_MESSAGE(contains(text, "cannot write: no such file or directory"), text);
  options.save = "/proc/w.safetensors"; // where nobody, root included, makes a file
  CHECK(
      contains(failure_of([&] { Session(compiled(data)).train(data, options); }), "/proc/w.safetensors: cannot write"));
  CHECK(slices == 0);
}

TEST_CASE("a checkpoint goes through a link to its target") {
  Scratch const scratch;
  auto const data = small_data(scratch, 100);
  scratch.write("real/w", "old");
  std::filesystem::create_symlink("real/w", scratch / "link");
  TrainOptions options;
  options.save = (scratch / "link").string();
  CHECK(Session(compiled(data)).train(data, options).saved);
  CHECK(std::filesystem::is_symlink(scratch / "link"));
  CHECK(step_in((scratch / "real/w").string()) == 26);
}
