// The team of threads, with entries written by hand in place of compiled code.
#include "runtime/team.h"

#include <atomic>
#include <chrono>
#include <doctest/doctest.h>
#include <memory>
#include <sys/resource.h>
#include <system_error>
#include <thread>

namespace {

using namespace nnc;

struct Seen {
  std::atomic<int> calls[16] = {};
  std::atomic<i64> steps{0};
  std::atomic<int> in_phase{0};
  std::atomic<bool> broken{false};
};

int32_t count_calls(nnc_context* context, int32_t thread, int64_t first_step, int64_t steps) {
  auto& seen = *static_cast<Seen*>(context->host);
  seen.calls[thread]++;
  if (thread == 0) seen.steps += first_step * 1000 + steps;
  return 0;
}

// What compiled code does at a barrier: the last one to arrive publishes a new epoch, the others wait for it.
void meet(nnc_context* context, bool sleep_at_once) {
  auto& barrier = *context->barrier;
  auto const epoch = __atomic_load_n(&barrier.epoch, __ATOMIC_ACQUIRE);
  if (__atomic_add_fetch(&barrier.arrived, 1, __ATOMIC_ACQ_REL) == context->threads) {
    __atomic_store_n(&barrier.arrived, 0, __ATOMIC_RELAXED);
    __atomic_store_n(&barrier.epoch, epoch + 1, __ATOMIC_SEQ_CST);
    if (__atomic_load_n(&barrier.sleepers, __ATOMIC_SEQ_CST)) context->wake(context);
    return;
  }
  for (int spin = 0; __atomic_load_n(&barrier.epoch, __ATOMIC_ACQUIRE) == epoch; ++spin)
    if (sleep_at_once || spin > 100) context->wait(context, epoch);
}

// In every step all members must have entered before one leaves.
template <bool sleep_at_once>
int32_t meet_often(nnc_context* context, int32_t, int64_t, int64_t steps) {
  auto& seen = *static_cast<Seen*>(context->host);
  for (int64_t step = 1; step <= steps; ++step) {
    seen.in_phase++;
    meet(context, sleep_at_once);
    if (seen.in_phase != step * context->threads) seen.broken = true;
    meet(context, sleep_at_once);
  }
  return 0;
}

nnc_context context_for(Seen& seen, int threads) {
  nnc_context context{};
  context.version = NNC_ABI_VERSION;
  context.threads = threads;
  context.host = &seen;
  return context;
}

} // namespace

TEST_CASE("every member runs each call once, with its own number") {
  Team team(3);
  Seen seen;
  auto context = context_for(seen, 3);
  for (int call = 0; call < 500; ++call) team.run(count_calls, context, 7, 5);
  for (int thread = 0; thread < 3; ++thread) CHECK(seen.calls[thread] == 500);
  CHECK(seen.steps == 500 * 7005);
}

TEST_CASE("a call with fewer threads than the team has leaves the others asleep") {
  Team team(4);
  Seen seen;
  for (int call = 0; call < 300; ++call) {
    auto context = context_for(seen, call % 4 + 1);
    team.run(count_calls, context, 1, 1);
  }
  CHECK(seen.calls[0] == 300);
  CHECK(seen.calls[1] == 225);
  CHECK(seen.calls[2] == 150);
  CHECK(seen.calls[3] == 75);
}

TEST_CASE("members meet at barriers, also when there are more of them than cores") {
  for (int threads : {1, 2, 3, 8}) {
    Team team(threads);
    Seen seen;
    auto context = context_for(seen, threads);
    team.run(meet_often<false>, context, 1, 200);
    CHECK(!seen.broken);
    CHECK(seen.in_phase == 200 * threads);
  }
}

TEST_CASE("members that sleep at a barrier are woken") {
  Team team(2);
  Seen seen;
  auto context = context_for(seen, 2);
  team.run(meet_often<true>, context, 1, 200);
  CHECK(!seen.broken);
}

TEST_CASE("a team that has slept for a while works again") {
  Team team(2);
  Seen seen;
  auto context = context_for(seen, 2);
  for (int call = 0; call < 3; ++call) {
    team.run(count_calls, context, 1, 1);
    std::this_thread::sleep_for(std::chrono::milliseconds(20));
  }
  CHECK(seen.calls[1] == 3);
}

#if !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__) // whose shadow takes more memory than any limit
TEST_CASE("when the system gives no more threads, that is an error and the threads that there are end") {
  rlimit old{};
  ::getrlimit(RLIMIT_AS, &old);
  rlimit const few{rlim_t{4} << 30, old.rlim_max}; // a thread takes 8 MiB for its stack
  ::setrlimit(RLIMIT_AS, &few);
  CHECK_THROWS_AS(Team(2000), std::system_error);
  ::setrlimit(RLIMIT_AS, &old);
}
#endif

TEST_CASE("a team that never worked ends") {
  auto team = std::make_unique<Team>(5);
  team.reset();
}
