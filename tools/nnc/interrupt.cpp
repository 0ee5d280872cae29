#include "tools/nnc/interrupt.h"

#include <atomic>
#include <csignal>
#include <unistd.h>

namespace command {
namespace {

std::atomic<bool> asked{false};
static_assert(std::atomic<bool>::is_always_lock_free);

void on_signal(int) {
  if (asked.exchange(true)) ::_exit(130);
}

} // namespace

void watch_for_interrupt() {
  struct sigaction action {};
  action.sa_handler = on_signal;
  action.sa_flags = SA_RESTART;
  ::sigaction(SIGINT, &action, nullptr);
}

void leave_interrupts_alone() { std::signal(SIGINT, SIG_DFL); }

bool was_interrupted() { return asked; }

} // namespace command
