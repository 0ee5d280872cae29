#include "runtime/team.h"

#include "ir/diagnostic.h"
#include "runtime/cores.h"

#include <climits>
#include <linux/futex.h>
#include <mutex>
#include <sys/syscall.h>
#include <unistd.h>

namespace nnc {
namespace {

// About ten microseconds of pauses: longer than any kernel is late, far shorter than a time slice of the system, so
// that a member whose core is taken away costs a sleep and not a spin.
constexpr int usual_spins = 1000;

void pause() {
#if defined(__x86_64__)
  __builtin_ia32_pause();
#endif
}

// Sleeps while *word == value; may return early.
void futex_wait(void const* word, u32 value) {
  ::syscall(SYS_futex, word, FUTEX_WAIT_PRIVATE, value, nullptr, nullptr, 0);
}

void futex_wake(void const* word, int count) {
  ::syscall(SYS_futex, word, FUTEX_WAKE_PRIVATE, count, nullptr, nullptr, 0);
}

// Returns once the word no longer has this value.
void wait_while(std::atomic<u32> const& word, u32 value, int spins) {
  for (int spin = 0; spin < spins; ++spin) {
    if (word.load(std::memory_order_acquire) != value) return;
    pause();
  }
  while (word.load(std::memory_order_acquire) == value) futex_wait(&word, value);
}

// A member waits in the compiled code's barrier: it counts itself among the sleepers, then reads the epoch. The last to
// arrive writes the epoch, then reads the count. All four are sequentially consistent, so that either the epoch is seen
// to be new here, or the sleeper is seen there and woken; a change of the epoch on the way into the sleep ends it.
void wait_at_barrier(nnc_context* context, int32_t epoch) {
  auto& barrier = *context->barrier;
  __atomic_fetch_add(&barrier.sleepers, 1, __ATOMIC_SEQ_CST);
  if (__atomic_load_n(&barrier.epoch, __ATOMIC_SEQ_CST) == epoch) futex_wait(&barrier.epoch, static_cast<u32>(epoch));
  __atomic_fetch_sub(&barrier.sleepers, 1, __ATOMIC_SEQ_CST);
}

void wake_barrier(nnc_context* context) { futex_wake(&context->barrier->epoch, INT_MAX); }

std::atomic<u32> forks_of_process{0}; // grows by one in each child

void count_forks() {
  static std::once_flag once;
  std::call_once(once, [] { ::pthread_atfork(nullptr, nullptr, [] { ++forks_of_process; }); });
}

} // namespace

// Members beyond the processors never spin: the one they wait for may need theirs.
Team::Team(int members) : processors_(core_count()) {
  count_forks();
  start(members);
}

Team::~Team() { end(); }

// When the system has no more threads, those that were started end before the error goes on.
void Team::start(int members) {
  ending_ = false;
  forks_ = forks_of_process;
  try {
    for (int number = 1; number < members; ++number) {
      others_.push_back(std::make_unique<Other>());
      auto& other = *others_.back();
      other.thread = Thread([this, &other, number] { serve(other, number); });
    }
  } catch (...) {
    end();
    throw;
  }
}

void Team::start_after_fork() {
  int const all = members();
  for (auto& other : others_) other->thread.abandon();
  others_.clear();
  start(all);
}

void Team::end() {
  ending_ = true;
  for (auto& other : others_) {
    if (forks_ != forks_of_process) other->thread.abandon();
    other->tickets.fetch_add(1, std::memory_order_release);
    futex_wake(&other->tickets, 1);
  }
  for (auto& other : others_) other->thread.join();
  others_.clear();
}

void Team::serve(Other& other, int number) {
  for (u32 ticket = 0;; ++ticket) {
    wait_while(other.tickets, ticket, spins_.load(std::memory_order_relaxed));
    if (ending_) return;
    call_.entry(call_.context, number, call_.first_step, call_.steps);
    if (running_.fetch_sub(1, std::memory_order_acq_rel) == 1) futex_wake(&running_, 1);
  }
}

void Team::run(nnc_entry entry, nnc_context& context, i64 first_step, i64 steps) {
  if (context.threads < 1 || context.threads > members())
    throw CompilerBug("a call with more threads than the team has");
  barrier_ = {};
  context.barrier = &barrier_;
  context.wait = wait_at_barrier;
  context.wake = wake_barrier;
  spins_ = context.spins = context.threads > processors_ ? 0 : usual_spins;
  call_ = {entry, &context, first_step, steps};
  auto const helpers = static_cast<size_t>(context.threads - 1);
  if (helpers > 0 && forks_ != forks_of_process) start_after_fork();
  running_.store(static_cast<u32>(helpers), std::memory_order_relaxed);
  for (size_t i = 0; i < helpers; ++i) {
    others_[i]->tickets.fetch_add(1, std::memory_order_release);
    futex_wake(&others_[i]->tickets, 1);
  }
  entry(&context, 0, first_step, steps);
  while (u32 const left = running_.load(std::memory_order_acquire)) wait_while(running_, left, spins_);
}

} // namespace nnc
