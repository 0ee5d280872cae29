// The edge of the C API: what the C++ API throws becomes a status and an error text of the thread.
#pragma once

#include "nnc/nnc.h"
#include "nnc/nnc.hpp"

#include <utility>

namespace nnc::c {

[[noreturn]] void refuse(std::string const& message); // throws Failure, Code::argument

// Keeps the exception that is being handled as the last error of this thread, and says its status.
nnc_status remember_exception() noexcept;

// Runs `action`; no exception leaves it.
template <class Action>
nnc_status guarded(Action&& action) noexcept {
  try {
    std::forward<Action>(action)();
    return NNC_OK;
  } catch (...) {
    return remember_exception();
  }
}

// A callback of the host returned something that ends the call.
struct HostStopped {
  char const* callback;
  std::int64_t returned;
};

inline void expect_zero(char const* callback, std::int32_t returned) {
  if (returned != 0) throw HostStopped{callback, returned};
}

} // namespace nnc::c
