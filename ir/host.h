// What a host, a session or a program in C, calls in a module and takes from it.
#pragma once

#include "ir/module.h"

namespace nnc {

// A module whose passes did not all run holds more (@loss, @update.*).
inline constexpr std::string_view host_functions[] = {"initialize", "train_step", "evaluate", "run"};

// Does it last from step to step, in the memory of a host?
constexpr bool is_kept(Role role) { return role == Role::param || role == Role::state || role == Role::optimizer; }
// Does a host hear of it after each step?
constexpr bool is_report(Role role) { return role == Role::loss || role == Role::metric; }

inline bool is_taken_by_hosts(Function const& f, Result const& r) {
  return is_kept(r.role) || is_report(r.role) || (r.role == Role::output && f.name == "run");
}

} // namespace nnc
