#include "tools/nnc/interrupt.h"

#include <atomic>
#include <csignal>
#include <unistd.h>

namespace command {
namespace {

constexpr int watched[] = {SIGINT, SIGTERM, SIGHUP};

std::atomic<int> first{0};
static_assert(std::atomic<int>::is_always_lock_free);

void on_signal(int number) {
  int none = 0;
  if (!first.compare_exchange_strong(none, number)) ::_exit(128 + number);
}

bool stays_ignored(int number) {
  struct sigaction old {};
  return number == SIGHUP && ::sigaction(number, nullptr, &old) == 0 && old.sa_handler == SIG_IGN;
}

void handle(void (*handler)(int)) {
  for (int const number : watched) {
    if (stays_ignored(number)) continue;
    struct sigaction action {}; // without SA_RESTART: words that nobody takes must not hold up the saving
    action.sa_handler = handler;
    ::sigaction(number, &action, nullptr);
  }
}

} // namespace

void watch_for_interrupt() { handle(on_signal); }
void leave_interrupts_alone() { handle(SIG_DFL); }
int interrupted_by() { return first; }

} // namespace command
