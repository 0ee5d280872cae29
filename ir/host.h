// What a host, a session or a program in C, calls in a module and takes from it.
#pragma once

#include "ir/module.h"

namespace nnc {

// A module whose passes did not all run holds more (@loss, @update.*).
inline constexpr std::string_view host_functions[] = {"initialize", "train_step", "evaluate", "run"};

inline bool is_taken_by_hosts(Function const& f, Result const& r) {
  return is_kept(r.role) || is_report(r.role) || (r.role == Role::output && f.name == "run");
}

} // namespace nnc
