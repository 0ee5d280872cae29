// The edge of the public API: nnc's own errors (diagnostics, broken invariants) become its exception, and the host's
// floating-point environment and stack stay outside.
#pragma once

#include "ir/diagnostic.h"
#include "nnc/nnc.hpp"
#include "runtime/environment.h"

#include <cxxabi.h>
#include <exception>
#include <new>
#include <stdexcept>
#include <system_error>

namespace nnc {

// Turns diagnostics, with the sources that they point into, into what the public API throws. The text holds `most`
// errors; 0: all.
Failure failure_of(std::vector<Diagnostic> const&, Sources const&, size_t most = 0);
std::vector<Problem> problems_of(std::vector<Diagnostic> const&, Severity, Sources const&);
Failure failure_of(CompilerBug const&, std::string reproducer, std::string switches);

// Runs `action`; an error that names no place gets this one.
template <class Action>
auto placed(Location at, Action&& action) -> decltype(action()) {
  try {
    return action();
  } catch (Error& error) {
    for (auto& diagnostic : error.diagnostics)
      if (!diagnostic.at) diagnostic.at = at;
    throw;
  }
}

// What a callback of the caller has thrown, on its way to the caller: nobody in between may take it for nnc's own.
struct FromHost {
  std::exception_ptr thrown;
};

// Calls a callback of the caller.
template <class Result, class... Parameters, class... Arguments>
Result call_host(Callback<Result(Parameters...)> const& callback, Arguments&&... arguments) {
  try {
    return callback(std::forward<Arguments>(arguments)...);
  } catch (abi::__forced_unwind const&) { // pthread_exit
    throw;
  } catch (...) {
    throw FromHost{std::current_exception()};
  }
}

// Runs `action` in nnc's own environment and turns what nnc itself throws into a Failure; what a callback of the caller
// throws passes through. `at` is the place of the program, for which the system has no thread or no memory.
template <class Action>
auto guarded(Sources const& sources, Action&& action, Location at = {}, size_t most_errors = 0) -> decltype(action()) {
  FloatEnvironment const environment;
  auto const lacking = [&](std::string what) {
    return failure_of({Diagnostic{.at = at, .message = std::move(what), .code = Code::memory}}, sources, most_errors);
  };
  try {
    return with_stack(stack_of_calls, action);
  } catch (Error const& error) {
    throw failure_of(error.diagnostics, sources, most_errors);
  } catch (CompilerBug const& bug) {
    throw failure_of(bug, {}, {});
  } catch (std::bad_alloc const&) {
    throw lacking("out of memory");
  } catch (std::length_error const&) { // a size that no memory has
    throw lacking("out of memory");
  } catch (NoThread const& error) {
    throw lacking(error.what());
  } catch (std::system_error const& error) { // no folder could be read
    throw failure_of({Diagnostic{.at = at, .message = error.what(), .code = Code::file}}, sources, most_errors);
  } catch (FromHost const& host) {
    std::rethrow_exception(host.thrown);
  }
}

// For what is asked of a program.
template <class Program, class Action>
requires requires(Program const& program) { program.at(); }
auto guarded(Program const& program, Action&& action) -> decltype(action()) {
  return guarded(program.sources(), action, program.at());
}

} // namespace nnc
