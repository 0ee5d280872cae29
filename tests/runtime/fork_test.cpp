// What a child of a fork may do, and what happens at exit.
#include "tests/runtime/models.h"

#include <doctest/doctest.h>

#include <csignal>
#include <sys/wait.h>
#include <unistd.h>

using namespace nnc;
using namespace nnc::test;

namespace {

// The exit status of a child that runs `action`; -1 when it was killed, by its own alarm most likely.
template <class Action>
int status_of_child(Action&& action) {
  pid_t const child = ::fork();
  if (child == 0) {
    ::alarm(60);
    int status = 3;
    try {
      status = action();
    } catch (...) {
    }
    ::_exit(status);
  }
  int status = 0;
  REQUIRE(::waitpid(child, &status, 0) == child);
  return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

std::string const wide = R"(model wide {
  input  x: f32[batch, 3]
  target label: i32[batch]
  logits = x |> dense(64) |> tanh |> dense(2)
  output probs = softmax(logits)
  loss   cross_entropy(logits, label)
}
train wide { minimize loss with sgd(lr = 0.5); batch = 8 }
)";

} // namespace

// AddressSanitizer takes the stacks of threads that a child does not have for theirs, whatever is there now.
#ifndef __SANITIZE_ADDRESS__
TEST_CASE("a child of a fork goes on with a session and its team") {
  Session session(Program::from_text(wide), {.threads = 3, .seed = {}, .max_memory = 0, .uses = {}});
  Session same(Program::from_text(wide), {.threads = 3, .seed = {}, .max_memory = 0, .uses = {}});
  std::vector<Input> const inputs{{"x", tiny_x}, {"label", tiny_label}};
  auto const steps = [&](Session& s) {
    for (int i = 0; i < 5; ++i) s.step(inputs, 8);
  };
  steps(session);
  steps(same), steps(same);
  auto const expected = same.digest();
  CHECK(status_of_child([&] {
          steps(session);
          if (session.digest() != expected) return 1;
          Session fresh(Program::from_text(wide)); // compiling, too
          fresh.step(inputs, 8);
          return 0;
        }) == 0);
  // A child of the child; and one that only ends the session.
  CHECK(status_of_child(
            [&] { return status_of_child([&] { return steps(session), session.digest() != expected; }); }) == 0);
  CHECK(status_of_child([&] { return Session(std::move(session)).step_count() == 5 ? 0 : 1; }) == 0);
  steps(session);
  CHECK(session.digest() == expected);
}
#endif

TEST_CASE("a process ends while sessions are static, or lost") {
  CHECK(status_of_child([] {
          static Session kept(Program::from_text(wide), {.threads = 3, .seed = {}, .max_memory = 0, .uses = {}});
          auto* const lost =
              new Session(Program::from_text(wide), {.threads = 3, .seed = {}, .max_memory = 0, .uses = {}});
          kept.step({{"x", tiny_x}, {"label", tiny_label}}, 8);
          lost->step({{"x", tiny_x}, {"label", tiny_label}}, 8);
          std::exit(0);
          return 1;
        }) == 0);
}
