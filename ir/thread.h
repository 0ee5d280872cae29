// Threads whose stack is large enough, whatever `ulimit -s` says, and calls that move to one when the caller's stack is
// too small: compiling recurses with the program.
#pragma once

#include "ir/basic.h"

#include <exception>
#include <functional>
#include <optional>
#include <pthread.h>
#include <system_error>
#include <type_traits>
#include <utility>

namespace nnc {

inline constexpr i64 large_stack = i64{16} << 20; // bytes; address space, of which a thread uses what it touches

class NoThread : public std::system_error {
public:
  using std::system_error::system_error;
};

// Joined by its owner. The constructor throws NoThread when the system has no more threads.
class Thread {
public:
  Thread() = default;
  explicit Thread(std::function<void()> work);
  ~Thread(); // joins
  Thread(Thread&& other) noexcept : id_(std::exchange(other.id_, std::nullopt)) {}
  Thread& operator=(Thread&& other) noexcept {
    std::swap(id_, other.id_);
    return *this;
  }
  bool runs() const { return id_.has_value(); } // has been started and not joined
  void abandon() { id_.reset(); }               // of a process that was forked: it does not run in the child
  void join();                                  // nothing happens when it was joined already

private:
  std::optional<pthread_t> id_;
};

// Bytes that are left on the stack of this thread; 0 where that is not known (a coroutine with a stack of its own).
i64 stack_left();

// Runs `action` here when so many bytes are left, else on a thread with a large stack, while this one waits. What it
// throws is thrown here.
template <class Action>
auto with_stack(i64 needed, Action&& action) -> decltype(action()) {
  using Result = decltype(action());
  if (stack_left() >= needed) return action();
  std::exception_ptr failure;
  auto caught = [&](auto&& run) {
    Thread thread([&] {
      try {
        run();
      } catch (...) {
        failure = std::current_exception();
      }
    });
    thread.join();
    if (failure) std::rethrow_exception(failure);
  };
  if constexpr (std::is_void_v<Result>) {
    caught(action);
  } else {
    std::optional<Result> result;
    caught([&] { result.emplace(action()); });
    return std::move(*result);
  }
}

} // namespace nnc
