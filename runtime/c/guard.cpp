#include "runtime/c/guard.h"

#include "runtime/c/structs.h"
#include "runtime/c/values.h"

#include <new>
#include <optional>

namespace nnc::c {
namespace {

static_assert(NNC_SYNTAX == static_cast<int>(Code::syntax) && NNC_TYPE == static_cast<int>(Code::type) &&
              NNC_ARGUMENT == static_cast<int>(Code::argument) && NNC_DATA == static_cast<int>(Code::data) &&
              NNC_FILE == static_cast<int>(Code::file) && NNC_MEMORY == static_cast<int>(Code::memory) &&
              NNC_CANCELLED == static_cast<int>(Code::cancelled) &&
              NNC_UNSUPPORTED == static_cast<int>(Code::unsupported) && NNC_BUG == static_cast<int>(Code::bug));

nnc_status status_of(Code code) { return static_cast<nnc_status>(code); }

// The last error of a thread. `plain` is its text when there was no memory for a Failure.
struct LastError {
  nnc_status status = NNC_OK;
  char const* plain = "";
  std::optional<Failure> failure;
};

thread_local LastError last;

nnc_status remember(Failure failure) noexcept {
  last.status = status_of(failure.code);
  last.failure.reset(); // a Failure is assigned as it is made: without exceptions
  last.failure.emplace(std::move(failure));
  return last.status;
}

nnc_status remember(nnc_status status, char const* text) noexcept {
  last.failure.reset();
  last.plain = text;
  return last.status = status;
}

Failure placeless(Code code, std::string const& message) {
  auto const text = "error: " + message;
  return {code, text, {Problem{{}, message, {}, {}, text}}};
}

nnc_status remember_known() {
  try {
    throw;
  } catch (Failure const& failure) {
    return remember(failure);
  } catch (HostStopped const& stopped) {
    return remember(
        placeless(Code::cancelled, std::string(stopped.callback) + " returned " + std::to_string(stopped.returned)));
  } catch (std::bad_alloc const&) {
    return remember(NNC_MEMORY, "error: out of memory");
  } catch (std::exception const& other) {
    return remember(Failure(Code::bug, std::string("bug in nnc: ") + other.what()));
  } catch (...) {
    return remember(NNC_BUG, "bug in nnc: an unknown exception");
  }
}

std::vector<Problem> const& last_problems() {
  static std::vector<Problem> const none;
  return last.failure ? last.failure->problems : none;
}

} // namespace

void refuse(std::string const& message) { throw placeless(Code::argument, message); }

nnc_status remember_exception() noexcept {
  try {
    return remember_known();
  } catch (...) {
    return remember(NNC_MEMORY, "error: out of memory");
  }
}

} // namespace nnc::c

using namespace nnc::c;

extern "C" {

char const* nnc_version(void) { return nnc::version(); }

char const* nnc_status_name(nnc_status status) {
  return status == NNC_OK ? "ok" : nnc::name(static_cast<nnc::Code>(status));
}

nnc_status nnc_error_status(void) { return last.status; }
char const* nnc_error_text(void) { return last.failure ? last.failure->what() : last.plain; }
int64_t nnc_error_problems(void) { return count_of(last_problems()); }

nnc_status nnc_error_problem(int64_t problem, nnc_problem* out) {
  auto const* found = element(last_problems(), problem);
  return found && try_fill(out, shown(*found)) ? NNC_OK : NNC_ARGUMENT;
}

nnc_status nnc_error_note(int64_t problem, int64_t note, nnc_note* out) {
  auto const* found = element(last_problems(), problem);
  auto const* noted = found ? element(found->notes, note) : nullptr;
  return noted && try_fill(out, shown(*noted)) ? NNC_OK : NNC_ARGUMENT;
}

char const* nnc_error_reproducer(void) { return last.failure ? last.failure->reproducer.c_str() : ""; }
char const* nnc_error_switches(void) { return last.failure ? last.failure->switches.c_str() : ""; }

} // extern "C"
