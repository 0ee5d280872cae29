// The threads of a session. All members run the same compiled code on the same context, each with its own number; the
// caller is member 0. Between calls the others sleep. A child of a fork has none of them, and starts its own.
#pragma once

#include "ir/thread.h"
#include "nnc/abi.h"

#include <atomic>
#include <memory>
#include <vector>

namespace nnc {

class Team {
public:
  explicit Team(int members);
  ~Team();
  Team(Team const&) = delete;
  Team& operator=(Team const&) = delete;
  int members() const { return static_cast<int>(others_.size()) + 1; }

  // Runs `steps` steps with context.threads members (at most members()); fills in the barrier and its two functions.
  void run(nnc_entry entry, nnc_context& context, i64 first_step, i64 steps);

private:
  // A cache line of its own per member: only those that take part in a call are woken, or touch it at all.
  struct alignas(64) Other {
    std::atomic<u32> tickets{0}; // grows by one for each call, and once more to end the thread
    Thread thread;
  };
  struct Call {
    nnc_entry entry = nullptr;
    nnc_context* context = nullptr;
    i64 first_step = 0, steps = 0;
  };
  void start(int members);
  void start_after_fork();
  void serve(Other& other, int number);
  void end(); // joins the threads

  std::vector<std::unique_ptr<Other>> others_;
  Call call_;
  bool ending_ = false;
  u32 forks_ = 0; // of the process when the threads were started
  int processors_ = 1;
  std::atomic<int> spins_{0};               // pauses before a member sleeps
  alignas(64) std::atomic<u32> running_{0}; // other members that have not come back from the call
  alignas(64) nnc_barrier barrier_{};
};

} // namespace nnc
