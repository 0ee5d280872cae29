#include "ir/thread.h"

#include <algorithm>
#include <memory>

namespace nnc {
namespace {

void* run(void* argument) {
  std::unique_ptr<std::function<void()>> const work(static_cast<std::function<void()>*>(argument));
  (*work)();
  return nullptr;
}

struct Bounds {
  char const *low = nullptr, *high = nullptr;
};

// Of the stack that the system gave to this thread.
Bounds stack_bounds() {
  pthread_attr_t attributes;
  if (::pthread_getattr_np(::pthread_self(), &attributes) != 0) return {};
  void* low = nullptr;
  size_t size = 0;
  ::pthread_attr_getstack(&attributes, &low, &size);
  ::pthread_attr_destroy(&attributes);
  return {static_cast<char*>(low), static_cast<char*>(low) + size};
}

} // namespace

// The sanitizers' frames are several times as large, and who runs them raises the limit of the process.
Thread::Thread(std::function<void()> work) {
  pthread_attr_t attributes;
  ::pthread_attr_init(&attributes);
  size_t size = 0;
  ::pthread_attr_getstacksize(&attributes, &size);
  ::pthread_attr_setstacksize(&attributes, std::max(size, static_cast<size_t>(large_stack)));
  auto argument = std::make_unique<std::function<void()>>(std::move(work));
  pthread_t id{};
  int const error = ::pthread_create(&id, &attributes, run, argument.get());
  ::pthread_attr_destroy(&attributes);
  if (error) throw NoThread(error, std::generic_category(), "a thread cannot be started");
  argument.release();
  id_ = id;
}

Thread::~Thread() { join(); }

void Thread::join() {
  if (id_) ::pthread_join(*id_, nullptr);
  id_.reset();
}

i64 stack_left() {
  thread_local Bounds const bounds = stack_bounds();
  auto const* here = static_cast<char const*>(__builtin_frame_address(0));
  return bounds.low <= here && here < bounds.high ? here - bounds.low : 0;
}

} // namespace nnc
