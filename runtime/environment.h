// What the library does not inherit from its host: the floating-point environment and a small stack.
#pragma once

#include "ir/thread.h"

#include <cfenv>

namespace nnc {

// Round to nearest, nothing flushed, no exception traps, until the end of the scope, whatever the host has set; then
// the host's environment is back, its exception flags as they were. Threads that are started meanwhile inherit it.
class FloatEnvironment {
public:
  FloatEnvironment() {
    std::fegetenv(&host_);
    std::fesetenv(FE_DFL_ENV);
  }
  ~FloatEnvironment() { std::fesetenv(&host_); }
  FloatEnvironment(FloatEnvironment const&) = delete;
  FloatEnvironment& operator=(FloatEnvironment const&) = delete;

private:
  std::fenv_t host_;
};

// Bytes of stack: for everything but compiling, the compiled code included; for compiling.
inline constexpr i64 stack_of_calls = 256 * 1024, stack_of_compiler = i64{6} << 20;

} // namespace nnc
