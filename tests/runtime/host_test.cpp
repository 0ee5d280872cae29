// What a host may have set before it calls the library: nothing of it changes a bit, and all of it is as it was after.
#include "nnc/nnc.hpp"
#include "tests/runtime/models.h"
#include "tests/runtime/scratch.h"

#include <bit>
#include <cfenv>
#include <clocale>
#include <doctest/doctest.h>
#include <pthread.h>

namespace {

using namespace nnc;
using namespace nnc::test;

// Compile-time numbers that are rounded, random draws, logarithms of 0, a training with a schedule and a dropout.
char const* const model = R"(model noisy(rate = 0.3) {
  input  x: f32[batch, 3]
  target label: i32[batch]
  scale = sqrt(0.1) * 2.2250738 / 3
  logits = x * scale |> dense(16) |> dropout(rate) |> tanh |> dense(2)
  output probs = softmax(logits)
  output limit = log(x - x) + 1 / (x - x)
  loss   cross_entropy(logits, label)
}
train noisy { minimize loss with adam(lr = cosine(0.3, warmup = 2)); batch = 4; steps = 10 }
)";

// Everything that a program computes, as text.
std::string everything(bool files = false) {
  auto const program = Program::from_text(model);
  Session session(program, {.threads = 2});
  std::string out = program.text();
  for (int i = 0; i < 5; ++i) {
    auto const reports = session.step({{"x", tiny_x}, {"label", tiny_label}}, 8);
    out += std::to_string(std::bit_cast<std::uint64_t>(reports.values[0].value)) + " ";
  }
  if (files) {
    Scratch const scratch;
    session.save((scratch / "w.safetensors").string());
    session.load((scratch / "w.safetensors").string());
  }
  for (auto const& output : session.run({{"x", tiny_x}}, 8))
    for (auto byte : output.bytes) out += std::to_string(static_cast<int>(byte)) + " ";
  return out + session.digest();
}

struct HostEnvironment { // until the end of the scope
  HostEnvironment() { std::fegetenv(&before); }
  ~HostEnvironment() { std::fesetenv(&before); }
  std::fenv_t before;
};

TEST_CASE("the host's rounding mode changes no bit and stays") {
  auto const expected = everything();
  HostEnvironment const restored;
  for (int mode : {FE_UPWARD, FE_DOWNWARD, FE_TOWARDZERO}) {
    std::fesetround(mode);
    auto const found = everything();
    CHECK(std::fegetround() == mode);
    CHECK(found == expected);
  }
}

TEST_CASE("exceptions that trap in the host do not trap in the library, and do again after it") {
  auto const expected = everything();
  HostEnvironment const restored;
  std::feclearexcept(FE_ALL_EXCEPT);
  ::feenableexcept(FE_DIVBYZERO | FE_INVALID | FE_OVERFLOW | FE_UNDERFLOW | FE_INEXACT);
  auto const found = everything();
  int const traps = ::fegetexcept();
  ::fedisableexcept(FE_ALL_EXCEPT);
  CHECK(traps == (FE_DIVBYZERO | FE_INVALID | FE_OVERFLOW | FE_UNDERFLOW | FE_INEXACT));
  CHECK(found == expected);
}

TEST_CASE("a failure leaves the floating-point environment as it was, too") {
  HostEnvironment const restored;
  std::fesetround(FE_UPWARD);
  CHECK(failure_of([] { Program::from_text("model m { output y = bogus }"); }).find("bogus") != std::string::npos);
  CHECK(std::fegetround() == FE_UPWARD);
}

// A locale whose decimal point is a comma, made for this test where the system can.
bool set_comma_locale(Scratch const& scratch) {
  auto const made = "localedef -i de_DE -f UTF-8 " + (scratch / "de_DE.UTF-8").string() + " >/dev/null 2>&1";
  [[maybe_unused]] int const status = std::system(made.c_str()); // what counts is whether it can be set
  return std::setlocale(LC_ALL, "de_DE.UTF-8") != nullptr;
}

TEST_CASE("the host's locale changes nothing") {
  auto const expected = everything(true);
  Scratch const scratch;
  Environment const path("LOCPATH", scratch.folder().string());
  Environment const cache("XDG_CACHE_HOME", scratch.folder().string()), data("NNC_DATA", std::nullopt);
  if (!set_comma_locale(scratch)) {
    MESSAGE("skipped: this system has no de_DE locale (package locales)");
    return;
  }
  CHECK(std::string(std::localeconv()->decimal_point) == ",");
  auto const found = everything(true);
  // A training that goes on in the middle of an epoch reads the sums of its losses from the file.
  auto const half = [&](std::int64_t steps, bool resume) {
    Session session(Program::from_text(digits, {.data = Data::open("mnist")}));
    session.train(Data::open("mnist"),
                  {.steps = steps, .resume = resume, .save = (scratch / "half.safetensors").string()});
    return session.digest();
  };
  half(3, false);
  auto const resumed = half(6, true), whole = half(6, false);
  std::setlocale(LC_ALL, "C");
  CHECK(found == expected);
  CHECK(resumed == whole);
}

void on_small_stack(std::function<void()> action) {
  pthread_attr_t attributes;
  pthread_attr_init(&attributes);
  REQUIRE(pthread_attr_setstacksize(&attributes, 64 * 1024) == 0);
  pthread_t thread;
  auto const run = [](void* argument) -> void* {
    (*static_cast<std::function<void()>*>(argument))();
    return nullptr;
  };
  REQUIRE(pthread_create(&thread, &attributes, run, &action) == 0);
  pthread_join(thread, nullptr);
  pthread_attr_destroy(&attributes);
}

TEST_CASE("a thread with 64 KiB of stack compiles, trains, saves and fails like any other") {
  auto const expected = everything(true);
  std::string found, message;
  on_small_stack([&] {
    found = everything(true);
    message = failure_of([] { Program::from_text("model m { output y = bogus }"); });
  });
  CHECK(found == expected);
  CHECK(message.find("bogus") != std::string::npos);
}

TEST_CASE("a long row on a small stack") {
  auto const program = Program::from_text(R"(model wide {
  input x: f32[batch, 4000]
  output y = softmax(dense(x, 512)) @ ones([512, 512])
})");
  std::vector<float> const x(4 * 4000, 0.5F);
  Session session(program);
  auto const expected = session.run({{"x", x}}, 4)[0].bytes;
  decltype(session.run({{"x", x}}, 4)[0].bytes) found;
  on_small_stack([&] { found = session.run({{"x", x}}, 4)[0].bytes; });
  CHECK(found == expected);
}

} // namespace

TEST_CASE("a bound step computes its reports in no environment of the host") {
  auto const program = Program::from_text("model m { input x: f64[batch, 3]\n target t: f64[batch, 1]\n"
                                          "y = dense(x, 1)\n loss mean_squared_error(y, t) }\n"
                                          "train m { minimize loss with sgd(lr = 0.01) }");
  std::vector<double> x(21), t(7, 0.7);
  for (std::size_t i = 0; i < x.size(); ++i) x[i] = 0.3 + 0.1 * static_cast<double>(i);
  auto const losses = [&](auto&& set) {
    Session session(program);
    auto step = session.bind_step({{"x", x}, {"t", t}}, 7);
    std::vector<double> found(9);
    HostEnvironment const restored;
    set();
    for (auto& loss : found) loss = step().values[0].value;
    return found;
  };
  auto const expected = losses([] {});
  for (int const mode : {FE_UPWARD, FE_DOWNWARD, FE_TOWARDZERO})
    CHECK(losses([&] { std::fesetround(mode); }) == expected);
  CHECK(losses([] { ::feenableexcept(FE_DIVBYZERO | FE_INVALID | FE_INEXACT); }) == expected);
}
